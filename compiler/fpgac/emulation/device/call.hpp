// One call of a kernel: its arguments, resolved.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fpgac_channel.h"
#include "memory.hpp"
#include "metadata.hpp"

namespace card {

struct ArgumentValue {
  const Argument *argument = nullptr;
  uint64_t word = 0;                     // as in the registers; a device address for memory
  std::shared_ptr<const Buffer> buffer;  // for memory: the buffer that holds the address
  fpgac_card::Channel *channel = nullptr;  // for a stream
};

struct Call {
  const Kernel *kernel = nullptr;
  const Instance *instance = nullptr;
  std::vector<ArgumentValue> values;
};

// A function of the kernel's library that takes each argument's place: of a buffer, of a value, or
// of what holds a channel's address.
using Adapter = void (*)(void *const *values);

// Throws std::runtime_error if the kernel has more arguments than invoke() can pass.
void check_arguments(const Kernel &kernel);

// Calls the C function as the machine's calling convention asks, whatever its parameters.
void invoke(void *function, const Call &call);
void invoke(Adapter adapter, const Call &call);

}  // namespace card
