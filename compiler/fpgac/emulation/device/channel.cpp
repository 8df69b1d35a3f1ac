#include "channel.hpp"

#include <algorithm>
#include <cstring>

namespace card {
namespace {

// Many more than a FIFO in hardware has: g++ runs the parts of a dataflow one after the other, so
// that a kernel may write all of its output before it reads on.
constexpr size_t kMost = 1 << 16;

thread_local unsigned long moved = 0;

}  // namespace

Stream::Stream() {
  write = [](Channel *c, const void *data, size_t bytes) { of(c).put(data, bytes, true); };
  read = [](Channel *c, void *data, size_t bytes) { of(c).take(data, bytes, true); };
  try_write = [](Channel *c, const void *data, size_t bytes) {
    return of(c).put(data, bytes, false);
  };
  try_read = [](Channel *c, void *data, size_t bytes) { return of(c).take(data, bytes, false); };
  size = [](Channel *c) {
    const std::lock_guard<std::mutex> lock(of(c).mutex_);
    return of(c).items_.size();
  };
  is_full = [](Channel *c) { return c->size(c) >= kMost; };
}

void Stream::close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

unsigned long Stream::transfers() { return moved; }

bool Stream::put(const void *data, size_t bytes, bool wait) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (wait) changed_.wait(lock, [this] { return closed_ || items_.size() < kMost; });
  if (closed_) throw ChannelClosed();
  if (items_.size() >= kMost) return false;
  const char *start = static_cast<const char *>(data);
  items_.emplace_back(start, start + bytes);
  ++moved;
  changed_.notify_all();
  return true;
}

bool Stream::take(void *data, size_t bytes, bool wait) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (wait) changed_.wait(lock, [this] { return closed_ || !items_.empty(); });
  if (closed_) throw ChannelClosed();
  if (items_.empty()) return false;
  memcpy(data, items_.front().data(), std::min(bytes, items_.front().size()));
  items_.pop_front();
  ++moved;
  changed_.notify_all();
  return true;
}

}  // namespace card
