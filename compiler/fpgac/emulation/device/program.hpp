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
  Program() = default;
  // Throws std::runtime_error if metadata or library will not do.
  Program(const std::string &metadata, const std::string &library);

  // The unit whose registers hold the whole range, or null.
  ComputeUnit *find(uint64_t address, uint64_t size) const;

private:
  std::unique_ptr<const std::vector<Kernel>> kernels_;  // in one place: the units refer to it
  std::map<uint64_t, std::unique_ptr<ComputeUnit>> units_;
};

}  // namespace card
