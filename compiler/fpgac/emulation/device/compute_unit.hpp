// A compute unit: an instance of a kernel with its control registers, on a thread of its own.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "call.hpp"
#include "library.hpp"
#include "wire.hpp"

namespace card {

class ComputeUnit {
public:
  // Throws std::runtime_error if the kernel is not in the library or no thread can be had.
  ComputeUnit(const Kernel &kernel, const Instance &instance, const std::string &library);
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
  Call resolve(const Memory &memory) const;
  ArgumentValue resolve(const Argument &argument, const Memory &memory) const;
  void check_bank(const Argument &argument, uint64_t address) const;
  uint32_t control();

  const Kernel &kernel_;
  const Instance &instance_;
  Library library_;
  void *function_;
  std::vector<uint8_t> registers_;

  std::mutex mutex_;
  std::condition_variable started_, finished_;
  std::deque<Call> calls_;  // the first one is running
  bool done_ = false;
  bool leaving_ = false;
  pthread_t thread_{};
};

}  // namespace card
