// What a network's numbers mean: a function for each kind of decoding.
//
// Python hosts and fpgac do the same operations in the same order, none left to a library whose
// rounding differs between machines, so that all of them give the same bits. A function takes the
// numbers `y` of one result, how many they are, how many of them are the classes of one choice (the
// last axis), where the meaning goes, and the parameters.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace fpga::decoding {

constexpr double LN_2 = 0.6931471805599453;
constexpr double LOG_E_HIGH = 1.4426950216293335, LOG_E_LOW = 1.9259629834540223e-08; // log2 of e
constexpr double LARGEST_EXPONENT = 1100.0; // powers of 2 beyond are infinite, or zero
constexpr int TERMS = 13;                   // what is left out of the series is below the last bit

// 2 to the power of high + low, where low is small.
inline double power_of_two(double high, double low) {
    high = std::clamp(high, -LARGEST_EXPONENT, LARGEST_EXPONENT);
    const double whole = std::rint(high);
    const double rest = ((high - whole) + std::clamp(low, -1.0, 1.0)) * LN_2;
    double series = 1.0;
    for (int term = TERMS; term > 0; term--)
        series = 1.0 + series * rest / term;
    return std::ldexp(series, static_cast<int>(whole));
}

inline double exp(double y) { return power_of_two(y * LOG_E_HIGH, y * LOG_E_LOW); }

// A parameter of number `i`: the same for all, or each its own.
inline double at(double every, std::size_t) { return every; }
template <std::size_t SIZE> double at(const std::array<double, SIZE>& each, std::size_t i) { return each[i]; }

// factor * base ** y, where log2 of the base is high + low.
inline void exponential(const double* y, std::size_t size, std::size_t, double* out, double high,
                        double low, double factor) {
    for (std::size_t i = 0; i < size; i++)
        out[i] = factor * power_of_two(y[i] * high, y[i] * low);
}

template <class Factor, class Offset>
void linear(const double* y, std::size_t size, std::size_t, double* out, const Factor& factor,
            const Offset& offset) {
    for (std::size_t i = 0; i < size; i++)
        out[i] = y[i] * at(factor, i) + at(offset, i);
}

inline void sigmoid(const double* y, std::size_t size, std::size_t, double* out) {
    for (std::size_t i = 0; i < size; i++)
        out[i] = 1.0 / (1.0 + exp(-y[i]));
}

inline void softmax(const double* y, std::size_t size, std::size_t classes, double* out) {
    for (const double* end = y + size; y < end; y += classes, out += classes) {
        const double greatest = *std::max_element(y, y + classes);
        double sum = 0.0;
        for (std::size_t i = 0; i < classes; i++)
            sum += out[i] = exp(y[i] - greatest);
        for (std::size_t i = 0; i < classes; i++)
            out[i] = out[i] / sum;
    }
}

inline void argmax(const double* y, std::size_t size, std::size_t classes, std::int64_t* out) {
    for (const double* end = y + size; y < end; y += classes)
        *out++ = std::max_element(y, y + classes) - y;
}

} // namespace fpga::decoding
