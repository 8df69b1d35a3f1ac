#include "memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <iterator>
#include <new>

namespace card {
namespace {

// Address space costs nothing: indices of 32 bits that are a little wrong stay within a guard. Where
// there is little of it, or very many buffers, a small guard must do.
constexpr size_t kGuards[] = {size_t(4) << 30, size_t(1) << 20};
// A quarter of a process's addresses: the rest is for kernels.
constexpr size_t kMostWithLargeGuards = size_t(1) << 45;
std::atomic<size_t> reserved_in_all{0};
// Well below the 47 bits of a process, so that sums of sizes cannot overflow.
constexpr uint64_t kLargestBuffer = uint64_t(1) << 44;

size_t whole_pages(uint64_t size) {
  const auto page = uint64_t(sysconf(_SC_PAGESIZE));
  return size_t((size + page - 1) / page * page);
}

}  // namespace

Buffer::Buffer(uint64_t address, uint64_t size, bool shared) : address_(address), size_(size) {
  if (size > kLargestBuffer) throw std::bad_alloc();
  const size_t usable = whole_pages(size);
  for (const size_t guard : kGuards)
    if (!reserved_) reserve(usable, guard);
  if (!reserved_) throw std::bad_alloc();
  data_ = reserved_ + guard_;
  if (shared ? open_file(usable) : mprotect(data_, usable, PROT_READ | PROT_WRITE) == 0) return;
  release();
  throw std::bad_alloc();
}

void Buffer::reserve(size_t usable, size_t guard) {
  if (guard == kGuards[0] && reserved_in_all + usable > kMostWithLargeGuards) return;
  void *region = mmap(nullptr, usable + 2 * guard, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) return;
  reserved_ = static_cast<uint8_t *>(region);
  reserved_size_ = usable + 2 * guard;
  reserved_in_all += reserved_size_;
  guard_ = guard;
}

bool Buffer::open_file(size_t usable) {
  file_ = memfd_create("buffer", MFD_CLOEXEC);
  return file_ >= 0 && ftruncate(file_, off_t(usable)) == 0 && attach(file());
}

Buffer::~Buffer() { release(); }

void Buffer::release() {
  if (file_ >= 0) close(file_);
  munmap(reserved_, reserved_size_);
  reserved_in_all -= reserved_size_;
}

std::string Buffer::file() const {
  if (file_ < 0) return {};
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file_);
}

bool Buffer::attach(const std::string &file) const {
  const int other = open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (other < 0) return false;
  const void *mapped = mmap(data_, whole_pages(size_), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_FIXED, other, 0);
  close(other);
  return mapped != MAP_FAILED;
}

bool Buffer::guards(const void *pointer) const {
  const auto *at = static_cast<const uint8_t *>(pointer);
  return at >= reserved_ && at < reserved_ + reserved_size_;
}

bool Memory::allocate(uint64_t address, uint64_t size, bool shared) {
  if (size == 0 || address + size < address) return false;
  const auto next = buffers_.lower_bound(address);
  if (next != buffers_.end() && next->first < address + size) return false;
  if (next != buffers_.begin() && std::prev(next)->second->end() > address) return false;
  buffers_.emplace(address, std::make_shared<const Buffer>(address, size, shared));
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
