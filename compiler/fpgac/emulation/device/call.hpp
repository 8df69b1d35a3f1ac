// One call of a kernel: its arguments, resolved.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "memory.hpp"
#include "metadata.hpp"

namespace card {

struct ArgumentValue {
  const Argument *argument = nullptr;
  uint64_t word = 0;                     // as in the registers; a device address for memory
  std::shared_ptr<const Buffer> buffer;  // for memory: the buffer that holds the address
};

struct Call {
  const Kernel *kernel = nullptr;
  const Instance *instance = nullptr;
  std::vector<ArgumentValue> values;
};

// Throws std::runtime_error if the kernel has more arguments than invoke() can pass.
void check_arguments(const Kernel &kernel);

// Calls the C function as the machine's calling convention asks, whatever its parameters.
void invoke(void *function, const Call &call);

}  // namespace card
