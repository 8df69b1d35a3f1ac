// The card's global memory: only what the host allocated is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace card {

// One allocation of the host, between two guards: a kernel that runs out of it faults instead of
// reading or writing its neighbour. Pages are taken from the machine when first touched.
class Buffer {
public:
  // A shared buffer lies in a file that the host maps too. Throws std::bad_alloc if the address
  // space or the files are used up.
  Buffer(uint64_t address, uint64_t size, bool shared);
  ~Buffer();
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  uint64_t address() const { return address_; }
  uint64_t size() const { return size_; }
  uint8_t *data() const { return data_; }
  uint64_t end() const { return address_ + size_; }
  // Where the host and other cards find a shared buffer; empty for others.
  std::string file() const;
  // Puts the file of another card's buffer in place of this one's memory; false if it cannot be.
  bool attach(const std::string &file) const;
  // Whether a pointer lies in the buffer or in one of its guards.
  bool guards(const void *pointer) const;

private:
  void reserve(size_t usable, size_t guard);
  void release();
  bool open_file(size_t usable);

  uint64_t address_;
  uint64_t size_;
  uint8_t *data_ = nullptr;
  uint8_t *reserved_ = nullptr;
  size_t reserved_size_ = 0;
  size_t guard_ = 0;
  int file_ = -1;
};

// Device addresses to buffers. Used by one thread only; compute units keep the buffers of a call
// alive by sharing them.
class Memory {
public:
  // False if the range meets a live buffer or leaves the address space.
  bool allocate(uint64_t address, uint64_t size, bool shared);
  // False if no buffer begins there.
  bool release(uint64_t address);
  // The buffer that holds the whole range, or null.
  std::shared_ptr<const Buffer> find(uint64_t address, uint64_t size) const;

private:
  std::map<uint64_t, std::shared_ptr<const Buffer>> buffers_;
};

}  // namespace card
