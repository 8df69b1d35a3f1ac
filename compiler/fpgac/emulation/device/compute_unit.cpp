#include "compute_unit.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "events.hpp"

namespace card {
namespace {

// HLS code keeps large arrays as local variables; pages are taken only when touched.
constexpr size_t kStack = size_t(512) << 20;
// The shim polls for completion, a round trip each: answering a little late saves most of them.
constexpr auto kHold = std::chrono::microseconds(100);

// Of the control register.
constexpr uint8_t kAutoRestart = 0x80;

std::string hexadecimal(uint64_t value) {
  std::ostringstream text;
  text << "0x" << std::hex << value;
  return text.str();
}

}  // namespace

ComputeUnit::ComputeUnit(const Kernel &kernel, const Instance &instance, const std::string &library,
                         Streams &streams)
    : kernel_(kernel), instance_(instance), library_(library),
      adapter_(Adapter(library_.find("fpgac_call_" + kernel.name))),
      function_(adapter_ ? nullptr : library_.function(kernel.name)), streams_(streams),
      registers_(instance.range) {
  if (!adapter_) check_arguments(kernel);
  for (const Argument &argument : kernel.arguments)
    if (argument.stream ? !instance.channels.count(argument.name) : argument.size > 8 || uint64_t(argument.offset) + argument.size > instance.range)
      throw std::runtime_error("argument '" + argument.name + "' does not fit the registers");
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  const int problem = pthread_create(&thread_, &attributes, run, this);
  pthread_attr_destroy(&attributes);
  if (problem) throw std::runtime_error(std::string("no thread: ") + strerror(problem));
}

ComputeUnit::~ComputeUnit() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    leaving_ = true;
  }
  started_.notify_one();
  pthread_join(thread_, nullptr);
}

void *ComputeUnit::run(void *self) {
  use_signal_stack();
  auto &unit = *static_cast<ComputeUnit *>(self);
  if (unit.kernel_.free_running) unit.run_freely();
  else unit.work();
  return nullptr;
}

void ComputeUnit::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    started_.wait(lock, [this] { return leaving_ || !calls_.empty(); });
    if (leaving_) return;
    const Call &call = calls_.front();
    lock.unlock();
    if (!call_kernel(call)) return;
    lock.lock();
    calls_.pop_front();
    done_ = calls_.empty();
    finished_.notify_all();
  }
}

bool ComputeUnit::call_kernel(const Call &call) {
  enter_call(&call);
  try {
    if (adapter_) invoke(adapter_, call);
    else invoke(function_, call);
  } catch (const ChannelClosed &) {
    enter_call(nullptr);
    return false;
  } catch (const std::exception &error) {
    fail("kernel_crash", "kernel " + kernel_.name + " crashed in compute unit " +
         instance_.name + ": it threw " + error.what(),
         {{"kernel", kernel_.name}, {"compute_unit", instance_.name}});
  }
  enter_call(nullptr);
  return true;
}

void ComputeUnit::run_freely() {
  const Call call = resolve(Memory());
  while (!leaving_) {
    const unsigned long before = Stream::transfers();
    if (!call_kernel(call)) return;
    // It asks without waiting: the others need the processor.
    if (Stream::transfers() == before) std::this_thread::sleep_for(kHold);
  }
}

void ComputeUnit::check_bank(const Argument &argument, uint64_t address) const {
  bool wired = false;
  std::string banks;
  for (const Wire &wire : instance_.wires) {
    if (wire.argument != argument.name) continue;
    if (address >= wire.base && address - wire.base < wire.size) return;
    banks += (wired ? ", " : "") + wire.bank;
    wired = true;
  }
  if (wired)
    fail("wrong_bank",
         "argument " + argument.name + " of compute unit " + instance_.name + " points at " +
             hexadecimal(address) + ", which is not in its memory (" + banks + ")",
         {{"kernel", kernel_.name}, {"compute_unit", instance_.name}, {"argument", argument.name}});
}

ArgumentValue ComputeUnit::resolve(const Argument &argument, const Memory &memory) const {
  ArgumentValue value{&argument, 0, nullptr, nullptr};
  if (argument.stream) {
    value.channel = &streams_[instance_.channels.at(argument.name)];
    return value;
  }
  memcpy(&value.word, registers_.data() + argument.offset, argument.size);
  if (!argument.memory) return value;
  value.buffer = memory.find(value.word, 1);
  if (!value.buffer)
    fail("unallocated_argument",
         "argument " + argument.name + " of compute unit " + instance_.name + " points at " +
             hexadecimal(value.word) + ", where the host has no buffer",
         {{"kernel", kernel_.name}, {"compute_unit", instance_.name}, {"argument", argument.name}});
  check_bank(argument, value.word);
  return value;
}

Call ComputeUnit::resolve(const Memory &memory) const {
  Call call{&kernel_, &instance_, {}};
  for (const Argument &argument : kernel_.arguments)
    call.values.push_back(resolve(argument, memory));
  return call;
}

void ComputeUnit::write(uint64_t offset, Bytes data, const Memory &memory) {
  constexpr uint64_t kControls = 0x10;  // control and interrupt registers come first
  const uint64_t skipped = offset < kControls ? std::min<uint64_t>(data.size, kControls - offset) : 0;
  memcpy(registers_.data() + offset + skipped, data.data + skipped, data.size - skipped);
  if (offset != 0 || data.size < 4) return;
  if (data.data[0] & kAutoRestart)
    fail("not_emulated", "the host asks compute unit " + instance_.name +
                             " to restart by itself, which is not emulated");
  if (!(data.data[0] & 1)) return;
  Call call = resolve(memory);
  const std::lock_guard<std::mutex> lock(mutex_);
  done_ = false;
  calls_.push_back(std::move(call));
  started_.notify_one();
}

uint32_t ComputeUnit::control() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!calls_.empty()) finished_.wait_for(lock, kHold, [this] { return calls_.empty(); });
  if (!calls_.empty()) return 0x1;
  const bool done = done_;
  done_ = false;
  return done ? 0xE : 0x4;
}

std::vector<uint8_t> ComputeUnit::read(uint64_t offset, uint64_t size) {
  std::vector<uint8_t> data(registers_.begin() + long(offset),
                            registers_.begin() + long(offset + size));
  if (offset == 0 && size >= 4) {
    const uint32_t word = control();
    memcpy(data.data(), &word, sizeof word);
  }
  return data;
}

}  // namespace card
