// The card's global memory: only what the host allocated is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace card {

// One allocation of the host, between two guards: a kernel that runs out of it faults instead of
// reading or writing its neighbour. Pages are taken from the machine when first touched.
class Buffer {
public:
  // Throws std::bad_alloc if the address space is used up.
  Buffer(uint64_t address, uint64_t size);
  ~Buffer();
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  uint64_t address() const { return address_; }
  uint64_t size() const { return size_; }
  uint8_t *data() const { return data_; }
  uint64_t end() const { return address_ + size_; }
  // Whether a pointer lies in the buffer or in one of its guards.
  bool guards(const void *pointer) const;

private:
  uint64_t address_;
  uint64_t size_;
  uint8_t *data_ = nullptr;
  uint8_t *reserved_ = nullptr;
  size_t reserved_size_ = 0;
};

// Device addresses to buffers. Used by one thread only; compute units keep the buffers of a call
// alive by sharing them.
class Memory {
public:
  // False if the range meets a live buffer or leaves the address space.
  bool allocate(uint64_t address, uint64_t size);
  // False if no buffer begins there.
  bool release(uint64_t address);
  // The buffer that holds the whole range, or null.
  std::shared_ptr<const Buffer> find(uint64_t address, uint64_t size) const;

private:
  std::map<uint64_t, std::shared_ptr<const Buffer>> buffers_;
};

}  // namespace card
