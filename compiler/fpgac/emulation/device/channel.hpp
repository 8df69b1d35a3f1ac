// Streams between compute units: queues that block, as AXI4-Streams do.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "fpgac_channel.h"

namespace card {

// Thrown through a kernel that waits for a stream when its program is taken from the card.
struct ChannelClosed {};

class Stream : public fpgac_card::Channel {
public:
  Stream();
  // Wakes all who wait, with ChannelClosed.
  void close();
  // How often this thread has moved data.
  static unsigned long transfers();

private:
  static Stream &of(fpgac_card::Channel *channel) { return *static_cast<Stream *>(channel); }
  bool put(const void *data, size_t bytes, bool wait);
  bool take(void *data, size_t bytes, bool wait);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<char>> items_;
  bool closed_ = false;
};

}  // namespace card
