// What the card is programmed with: the compute units of one xclbin, found by register address.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compute_unit.hpp"
#include "metadata.hpp"

namespace card {

class Program {
public:
  // Throws std::runtime_error if metadata or library will not do.
  Program(const std::string &metadata, const std::string &library);

  ~Program();

  // The unit whose registers hold the whole range, or null.
  ComputeUnit *find(uint64_t address, uint64_t size) const;

private:
  const std::vector<Kernel> kernels_;
  Streams streams_;
  // They refer to the kernels and the streams. Those that run freely have no registers.
  std::map<uint64_t, std::unique_ptr<ComputeUnit>> units_;
  std::vector<std::unique_ptr<ComputeUnit>> free_units_;
};

}  // namespace card
