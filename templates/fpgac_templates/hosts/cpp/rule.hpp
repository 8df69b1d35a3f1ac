// The functions that the rule from numbers to raw words is stated in, where the second argument
// decides about NaN.

#pragma once

#include <cmath>

namespace fpga::rule {

inline double floor(double a) { return std::floor(a); }
inline double trunc(double a) { return std::trunc(a); }
inline double rint(double a) { return std::rint(a); }
inline double fabs(double a) { return std::fabs(a); }
inline double copysign(double a, double sign) { return std::copysign(a, sign); }
inline double fmin(double a, double b) { return a < b ? a : b; }
inline double fmax(double a, double b) { return a > b ? a : b; }

} // namespace fpga::rule
