#include "program.hpp"

#include <iterator>
#include <utility>

namespace card {

Program::Program(const std::string &metadata, const std::string &library)
    : kernels_(read_metadata(metadata)) {
  // All of them first: the units' threads look them up.
  for (const Kernel &kernel : kernels_)
    for (const Instance &instance : kernel.instances)
      for (const auto &[argument, channel] : instance.channels) streams_[channel];
  for (const Kernel &kernel : kernels_)
    for (const Instance &instance : kernel.instances) {
      auto unit = std::make_unique<ComputeUnit>(kernel, instance, library, streams_);
      if (kernel.free_running) free_units_.push_back(std::move(unit));
      else units_.emplace(instance.base, std::move(unit));
    }
}

Program::~Program() {
  for (auto &[number, stream] : streams_) stream.close();
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
