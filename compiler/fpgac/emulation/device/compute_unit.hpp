// A compute unit: an instance of a kernel with its control registers, on a thread of its own.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "call.hpp"
#include "channel.hpp"
#include "library.hpp"
#include "wire.hpp"

namespace card {

using Streams = std::map<uint64_t, Stream>;

class ComputeUnit {
public:
  // Throws std::runtime_error if the kernel is not in the library or no thread can be had.
  ComputeUnit(const Kernel &kernel, const Instance &instance, const std::string &library,
              Streams &streams);
  ~ComputeUnit();
  ComputeUnit(const ComputeUnit &) = delete;
  ComputeUnit &operator=(const ComputeUnit &) = delete;

  const Instance &instance() const { return instance_; }

  // Offsets and sizes lie inside the register range. Writing bit 0 of register 0 starts the
  // kernel on the arguments that the registers hold then.
  void write(uint64_t offset, Bytes data, const Memory &memory);
  // Register 0 is 1 while the kernel runs, 0xE once after it is done, else 4.
  std::vector<uint8_t> read(uint64_t offset, uint64_t size);

private:
  static void *run(void *self);
  void work();
  void run_freely();
  bool call_kernel(const Call &call);
  Call resolve(const Memory &memory) const;
  ArgumentValue resolve(const Argument &argument, const Memory &memory) const;
  void check_bank(const Argument &argument, uint64_t address) const;
  uint32_t control();

  const Kernel &kernel_;
  const Instance &instance_;
  Library library_;
  Adapter adapter_;  // null if the library has none: the function itself is called then
  void *function_;
  Streams &streams_;
  std::vector<uint8_t> registers_;

  std::mutex mutex_;
  std::condition_variable started_, finished_;
  std::deque<Call> calls_;  // the first one is running
  bool done_ = false;
  std::atomic<bool> leaving_{false};
  pthread_t thread_{};
};

}  // namespace card
