// Calls a kernel from an array of values, whatever its parameters are, and prints what they are.
#pragma once

#include <cstdio>
#include <cstring>
#include <type_traits>
#include <utility>

#include "hls_stream.h"

namespace fpgac_card {

template <typename T> struct Parameter {  // by value
  using Value = std::remove_cv_t<T>;
  static Value from(void *place) {
    Value value;
    memcpy(static_cast<void *>(&value), place, sizeof value);
    return value;
  }
  static const char *kind() {
    if constexpr (std::is_floating_point_v<Value>) return "floating";
    else if constexpr (std::is_constructible_v<Value, int>)
      return Value(-1) < Value(0) ? "signed" : "unsigned";
    else return "class";
  }
  static void tell() {
    printf("%s %zu\n", kind(), sizeof(Value));
  }
};
template <typename T> struct Parameter<T *> {
  static T *from(void *place) { return static_cast<T *>(place); }
  static void tell() { printf("memory %zu\n", sizeof(T)); }
};
template <typename T, int DEPTH> struct Parameter<hls::stream<T, DEPTH> *> {
  static hls::stream<T, DEPTH> *from(void *) { return nullptr; }
  static void tell() { printf("streams %zu\n", sizeof(T)); }  // nobody calls such a kernel
};
template <typename T> struct Parameter<T &> {
  static T &from(void *place) { return *static_cast<T *>(place); }
  static void tell() { printf("reference %zu\n", sizeof(T)); }
};
template <typename T, int DEPTH> struct Parameter<hls::stream<T, DEPTH> &> {
  static hls::stream<T, DEPTH> &from(void *place) {
    return *static_cast<hls::stream<T, DEPTH> *>(place);
  }
  static void tell() { printf("stream %zu\n", sizeof(T)); }
};

template <typename Result, typename... Types, size_t... I>
void call(Result (*kernel)(Types...), [[maybe_unused]] void *const *values,
          std::index_sequence<I...>) {
  kernel(Parameter<Types>::from(values[I])...);
}

template <typename Result, typename... Types>
void call(Result (*kernel)(Types...), void *const *values) {
  call(kernel, values, std::index_sequence_for<Types...>());
}

template <typename Result, typename... Types> void tell(Result (*)(Types...)) {
  (Parameter<Types>::tell(), ...);
}

}  // namespace fpgac_card
