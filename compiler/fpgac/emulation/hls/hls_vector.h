// hls::vector for g++: N numbers, each with its own operation.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>

namespace hls {

template <typename T, size_t N> class vector {
public:
  using value_type = T;

  vector() = default;
  vector(const T &value) { items_.fill(value); }
  vector(std::initializer_list<T> values) {
    size_t at = 0;
    for (const T &value : values)
      if (at < N) items_[at++] = value;
  }

  T &operator[](size_t index) { return items_[index]; }
  const T &operator[](size_t index) const { return items_[index]; }
  constexpr size_t size() const { return N; }
  T *begin() { return items_.data(); }
  T *end() { return items_.data() + N; }
  const T *begin() const { return items_.data(); }
  const T *end() const { return items_.data() + N; }

#define FPGAC_EACH(sign)                                                      \
  vector &operator sign##=(const vector &other) {                            \
    for (size_t i = 0; i < N; ++i) items_[i] = items_[i] sign other.items_[i]; \
    return *this;                                                             \
  }                                                                           \
  friend vector operator sign(vector one, const vector &other) { return one sign##= other; }
  FPGAC_EACH(+)
  FPGAC_EACH(-)
  FPGAC_EACH(*)
  FPGAC_EACH(/)
  FPGAC_EACH(%)
  FPGAC_EACH(&)
  FPGAC_EACH(|)
  FPGAC_EACH(^)
#undef FPGAC_EACH

  friend bool operator==(const vector &one, const vector &other) {
    return one.items_ == other.items_;
  }
  friend bool operator!=(const vector &one, const vector &other) { return !(one == other); }
  T reduce_add() const {
    T sum = items_[0];
    for (size_t i = 1; i < N; ++i) sum = sum + items_[i];
    return sum;
  }

private:
  std::array<T, N> items_;
};

}  // namespace hls
