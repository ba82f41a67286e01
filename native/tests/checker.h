// A small checker for the native tests: CHECK counts failures and goes on, finish() is what main returns. Randomness is
// a fixed-seed generator of our own, so every platform runs the same cases.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "mien/mien.h"

namespace check {

inline int &failures() {
  static int count = 0;
  return count;
}

inline void that(bool condition, const char *text, const char *file, int line) {
  if (condition) return;
  if (++failures() <= 20) std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, text);
}

inline int finish() {
  return failures() == 0 ? 0 : 1;
}

// xorshift64* (Marsaglia 2003).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2685821657736338717u + 1) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 2685821657736338717u;
  }
  int32_t integer(int32_t low, int32_t high) {
    return low + static_cast<int32_t>((next() >> 33) % static_cast<uint64_t>(high - low + 1));
  }
  double real(double low, double high) {
    return low + (high - low) * static_cast<double>(next() >> 11) / 9007199254740992.0;
  }
  bool chance(double p) { return real(0, 1) < p; }
  uint8_t byte() { return static_cast<uint8_t>(next() >> 56); }

 private:
  uint64_t state_;
};

inline std::vector<mien_simd> levels() {
  std::vector<mien_simd> found;
  for (int i = MIEN_SIMD_SCALAR; i <= MIEN_SIMD_AVX512; ++i) {
    if (mien_simd_available(static_cast<mien_simd>(i)) != 0) found.push_back(static_cast<mien_simd>(i));
  }
  return found;
}

inline bool near(double a, double b, double tolerance) {
  return std::fabs(a - b) <= tolerance;
}

}  // namespace check

#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
