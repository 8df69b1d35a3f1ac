// Kernels for the tests of the emulated card, in the manner of Vitis HLS.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "ap_int.h"

// The static of a template is what the loader would merge between copies of a library.
template <typename T> T &calls() {
  static T count = 0;
  return count;
}

extern "C" {

void vadd(const int *a, const int *b, int *c, unsigned int n) {
  for (unsigned int i = 0; i < n; ++i) c[i] = a[i] + b[i];
}

// 16 lanes of 32 bits in a word of the bus: each times three.
void triple(const ap_uint<512> *x, ap_uint<512> *y, unsigned int n) {
  for (unsigned int i = 0; i < n; ++i) {
    ap_uint<512> word = x[i], result = 0;
    for (int lane = 0; lane < 16; ++lane)
      result.range(32 * lane + 31, 32 * lane) =
          ap_uint<32>(3 * word.range(32 * lane + 31, 32 * lane).to_uint());
    y[i] = result;
  }
}

// More arguments than registers, of all sizes and signs.
void mixed(double *out, char s8, unsigned char u8, short s16, unsigned short u16, int s32,
           unsigned int u32, long long s64, float f1, double d1, unsigned long long u64, float f2,
           float f3, float f4, float f5, float f6, float f7, float f8, float f9, int last) {
  const double values[] = {double(s8), double(u8), double(s16), double(u16), double(s32),
                           double(u32), double(s64), f1, d1, double(u64), f2, f3, f4, f5, f6, f7,
                           f8, f9, double(last)};
  for (unsigned i = 0; i < sizeof values / sizeof *values; ++i) out[i] = values[i];
}

// The last argument is narrower than a register.
void last_char(int *out, signed char last) { out[0] = last; }
void last_short(int *out, unsigned short last) { out[0] = last; }

// As many pointers as an Alveo has HBM channels: each is one larger than the one before.
#define EIGHT(X, a) X(a##0) X(a##1) X(a##2) X(a##3) X(a##4) X(a##5) X(a##6) X(a##7)
#define POINTER(n) int *p##n,
void many(int *p0, int *p1, int *p2, int *p3, int *p4, int *p5, int *p6, int *p7, int *p8, int *p9,
          EIGHT(POINTER, 1) int *p18, int *p19, EIGHT(POINTER, 2) int *p28, int *p29, int *p30,
          int *p31, unsigned int n) {
  int *const all[] = {p0,  p1,  p2,  p3,  p4,  p5,  p6,  p7,  p8,  p9,  p10,
                      p11, p12, p13, p14, p15, p16, p17, p18, p19, p20, p21,
                      p22, p23, p24, p25, p26, p27, p28, p29, p30, p31};
  for (int i = 0; i < 32; ++i) *all[i] = int(n) + i;
}

void printer(int *out, unsigned int n) { printf("%u numbers at last\n", out[0] = int(n)); }

// How often this compute unit was called.
void counter(int *out, unsigned int) { out[0] = ++calls<int>(); }

void null_writer(int *, unsigned int) { *static_cast<volatile int *>(nullptr) = 1; }
void far_writer(int *out, unsigned int n) { out[size_t(n) << 24] = 1; }
void thrower(int *, unsigned int) { throw std::runtime_error("no such weight"); }
void leaver(int *, unsigned int) { exit(0); }
void endless(int *, unsigned int n) {
  for (volatile unsigned int i = 1; i; i = n | 1) {
  }
}
// Takes as many milliseconds.
void slow(int *out, unsigned int n) { out[0] = usleep(1000 * n); }
int divided(int a, unsigned int b) { return a / int(b); }
void divider(int *out, unsigned int n) { out[0] = divided(out[0], n - 7); }
void asserter(int *, unsigned int) { abort(); }
int depth(unsigned int n) { volatile char frame[4096]; frame[n % 4096] = 1; return depth(n + 1) + frame[0]; }
void recursive(int *out, unsigned int n) { out[0] = depth(n); }
// A frame larger than the usual stack of a thread.
void large_frame(int *out, unsigned int n) {
  volatile int values[8 << 20];
  for (unsigned int i = 0; i < n; ++i) values[(i * 4096) % (8 << 20)] = int(i);
  out[0] = values[0] + int(n);
}
}
