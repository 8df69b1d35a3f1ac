#include "program.hpp"

#include <iterator>

namespace card {

Program::Program(const std::string &metadata, const std::string &library)
    : kernels_(std::make_unique<const std::vector<Kernel>>(read_metadata(metadata))) {
  for (const Kernel &kernel : *kernels_)
    for (const Instance &instance : kernel.instances)
      units_.emplace(instance.base, std::make_unique<ComputeUnit>(kernel, instance, library));
}

ComputeUnit *Program::find(uint64_t address, uint64_t size) const {
  auto after = units_.upper_bound(address);
  if (after == units_.begin()) return nullptr;
  const auto &[base, unit] = *std::prev(after);
  const uint64_t range = unit->instance().range;
  const uint64_t offset = address - base;
  return offset < range && size <= range - offset ? unit.get() : nullptr;
}

}  // namespace card
