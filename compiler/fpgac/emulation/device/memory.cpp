#include "memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <iterator>
#include <new>

namespace card {
namespace {

constexpr size_t kGuard = 1 << 20;
// Well below the 47 bits of a process, so that sums of sizes cannot overflow.
constexpr uint64_t kLargestBuffer = uint64_t(1) << 44;

size_t whole_pages(uint64_t size) {
  const auto page = uint64_t(sysconf(_SC_PAGESIZE));
  return size_t((size + page - 1) / page * page);
}

}  // namespace

Buffer::Buffer(uint64_t address, uint64_t size) : address_(address), size_(size) {
  if (size > kLargestBuffer) throw std::bad_alloc();
  const size_t usable = whole_pages(size);
  reserved_size_ = usable + 2 * kGuard;
  void *region = mmap(nullptr, reserved_size_, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) throw std::bad_alloc();
  reserved_ = static_cast<uint8_t *>(region);
  data_ = reserved_ + kGuard;
  if (mprotect(data_, usable, PROT_READ | PROT_WRITE) != 0) {
    munmap(reserved_, reserved_size_);
    throw std::bad_alloc();
  }
}

Buffer::~Buffer() { munmap(reserved_, reserved_size_); }

bool Buffer::guards(const void *pointer) const {
  const auto *at = static_cast<const uint8_t *>(pointer);
  return at >= reserved_ && at < reserved_ + reserved_size_;
}

bool Memory::allocate(uint64_t address, uint64_t size) {
  if (size == 0 || address + size < address) return false;
  const auto next = buffers_.lower_bound(address);
  if (next != buffers_.end() && next->first < address + size) return false;
  if (next != buffers_.begin() && std::prev(next)->second->end() > address) return false;
  buffers_.emplace(address, std::make_shared<const Buffer>(address, size));
  return true;
}

bool Memory::release(uint64_t address) { return buffers_.erase(address) == 1; }

std::shared_ptr<const Buffer> Memory::find(uint64_t address, uint64_t size) const {
  auto after = buffers_.upper_bound(address);
  if (after == buffers_.begin()) return nullptr;
  const auto &buffer = std::prev(after)->second;
  if (address >= buffer->end() || size > buffer->end() - address) return nullptr;
  return buffer;
}

}  // namespace card
