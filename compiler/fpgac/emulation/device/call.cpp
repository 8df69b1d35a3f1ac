#include "call.hpp"

#include <cstring>
#include <stdexcept>
#include <utility>

namespace card {
namespace {

// Both conventions pass integers and floating-point numbers in registers of their own and all that
// is left over in 8-byte slots on the stack, in order.
#if defined(__x86_64__)
constexpr size_t kIntegers = 6;
#elif defined(__aarch64__) && defined(__linux__)
constexpr size_t kIntegers = 8;
#else
#error "the emulated card calls kernels on x86-64 and 64-bit Arm under Linux only"
#endif
constexpr size_t kFloats = 8;
constexpr size_t kSlots = 128;

bool is_floating(const Argument &argument) {
  return argument.c_type == "float" || argument.c_type == "double";
}

bool is_signed(const Argument &argument) {
  return argument.c_type.rfind("unsigned", 0) != 0 && argument.c_type != "uint" &&
         argument.c_type != "ushort";
}

// Integers narrower than a register arrive extended by their sign.
uint64_t extended(const Argument &argument, uint64_t word) {
  if (argument.size >= 8) return word;
  const unsigned unused = 64 - 8 * argument.size;
  const uint64_t high = word << unused;
  return is_signed(argument) ? uint64_t(int64_t(high) >> unused) : high >> unused;
}

uint8_t *place_of(const ArgumentValue &value) {
  return value.buffer->data() + (value.word - value.buffer->address());
}

struct Passed {
  uint64_t integers[kIntegers] = {};
  double floats[kFloats] = {};
  uint64_t slots[kSlots] = {};
  size_t integer_count = 0, float_count = 0, slot_count = 0;

  void integer(uint64_t word) {
    if (integer_count < kIntegers) integers[integer_count++] = word;
    else slot(word);
  }
  void floating(uint64_t word) {
    if (float_count < kFloats) memcpy(&floats[float_count++], &word, sizeof word);
    else slot(word);
  }
  void slot(uint64_t word) {
    if (slot_count == kSlots) throw std::runtime_error("too many arguments");
    slots[slot_count++] = word;
  }
  void pass(const ArgumentValue &value) {
    if (value.argument->memory) integer(uint64_t(place_of(value)));
    else if (value.argument->stream) integer(uint64_t(&value.channel));
    else if (is_floating(*value.argument)) floating(value.word);
    else integer(extended(*value.argument, value.word));
  }
};

template <size_t> using Integer = uint64_t;
template <size_t> using Float = double;

template <size_t... I, size_t... F, size_t... S>
void call_with(void *function, const Passed &p, std::index_sequence<I...>,
               std::index_sequence<F...>, std::index_sequence<S...>) {
  using Function = void (*)(Integer<I>..., Float<F>..., Integer<S>...);
  reinterpret_cast<Function>(function)(p.integers[I]..., p.floats[F]..., p.slots[S]...);
}

}  // namespace

void check_arguments(const Kernel &kernel) {
  size_t integers = 0, floats = 0;
  for (const Argument &argument : kernel.arguments)
    ++(!argument.memory && is_floating(argument) ? floats : integers);
  const size_t slots = (integers > kIntegers ? integers - kIntegers : 0) +
                       (floats > kFloats ? floats - kFloats : 0);
  if (slots > kSlots)
    throw std::runtime_error("kernel '" + kernel.name + "' has more arguments than can be passed");
}

void invoke(void *function, const Call &call) {
  Passed passed;
  for (const ArgumentValue &value : call.values) passed.pass(value);
  call_with(function, passed, std::make_index_sequence<kIntegers>(),
            std::make_index_sequence<kFloats>(), std::make_index_sequence<kSlots>());
}

void invoke(Adapter adapter, const Call &call) {
  std::vector<void *> places;
  for (const ArgumentValue &value : call.values) {
    const void *place = &value.word;
    if (value.argument->memory) place = place_of(value);
    if (value.argument->stream) place = &value.channel;
    places.push_back(const_cast<void *>(place));
  }
  adapter(places.data());
}

}  // namespace card
