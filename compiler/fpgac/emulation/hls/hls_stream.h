// hls::stream for g++: within a kernel a queue without end, between kernels a channel of the card,
// whose device process hands the kernel what begins with the channel's address.
#pragma once

#include <cstring>
#include <deque>
#include <stdexcept>
#include <utility>

#include "fpgac_channel.h"

namespace hls {

template <typename T, int DEPTH = 0> class stream {
public:
  using value_type = T;

  stream() = default;
  explicit stream(const char *) {}
  stream(const stream &) = delete;
  stream &operator=(const stream &) = delete;

  T read() {
    T value{};
    read(value);
    return value;
  }
  void read(T &value) {
    if (channel_) return channel_->read(channel_, bytes(value), sizeof value);
    if (queue_.empty())
      throw std::runtime_error("a stream was read while it was empty, where hardware would wait");
    take(value);
  }
  bool read_nb(T &value) {
    if (channel_) return channel_->try_read(channel_, bytes(value), sizeof value);
    if (queue_.empty()) return false;
    take(value);
    return true;
  }
  void write(const T &value) {
    if (channel_) channel_->write(channel_, &value, sizeof value);
    else queue_.push_back(value);
  }
  bool write_nb(const T &value) {
    if (channel_) return channel_->try_write(channel_, &value, sizeof value);
    queue_.push_back(value);
    return true;
  }
  stream &operator>>(T &value) {
    read(value);
    return *this;
  }
  stream &operator<<(const T &value) {
    write(value);
    return *this;
  }
  bool empty() const { return size() == 0; }
  bool full() const { return channel_ && channel_->is_full(channel_); }
  size_t size() const { return channel_ ? channel_->size(channel_) : queue_.size(); }
  size_t capacity() const { return DEPTH; }
  void set_name(const char *) {}

private:
  static void *bytes(T &value) { return static_cast<void *>(&value); }
  void take(T &value) {
    value = queue_.front();
    queue_.pop_front();
  }

  fpgac_card::Channel *channel_ = nullptr;  // first: the rest is not there for a channel's end
  std::deque<T> queue_;
};

}  // namespace hls
