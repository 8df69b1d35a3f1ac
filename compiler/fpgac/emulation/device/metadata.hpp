// The kernels and compute units that an xclbin describes (its EMBEDDED_METADATA section).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace card {

struct Argument {
  std::string name;
  std::string c_type;
  uint32_t offset = 0;  // in the control registers
  uint32_t size = 0;    // bytes
  bool memory = false;  // a pointer into global memory
  bool stream = false;  // a stream to or from another compute unit
};

// A part of global memory that one argument of one compute unit is wired to.
struct Wire {
  std::string argument;
  std::string bank;
  uint64_t base = 0;
  uint64_t size = 0;
};

struct Instance {
  std::string name;
  uint64_t base = 0;   // of its control registers
  uint64_t range = 0;  // bytes of control registers
  std::vector<Wire> wires;
  std::map<std::string, uint64_t> channels;  // of the streams, by argument
};

struct Kernel {
  std::string name;
  std::vector<Argument> arguments;
  std::vector<Instance> instances;
  bool free_running = false;  // without registers: it is called for ever
};

// Throws std::runtime_error if the file cannot be read or describes no compute unit.
std::vector<Kernel> read_metadata(const std::string &path);

}  // namespace card
