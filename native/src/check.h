// Checks of arguments shared by the C entry points. Baseline code only: never included by the per-instruction-set
// files, whose copies of an inline function could be chosen by the linker for every processor.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace mien {

inline bool all_finite(const float *values, size_t count) {
  uint32_t bad = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bad |= static_cast<uint32_t>((bits & 0x7f800000u) == 0x7f800000u);
  }
  return bad == 0;
}

inline bool all_finite(const double *values, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) return false;
  }
  return true;
}

inline bool any_nan(const float *values, size_t count) {
  uint32_t bad = 0;
  for (size_t i = 0; i < count; ++i) bad |= static_cast<uint32_t>(values[i] != values[i]);
  return bad != 0;
}

// Finite, not negative, and with a positive sum; NULL stands for all ones.
inline bool weights_usable(const float *weights, size_t count) {
  if (weights == nullptr) return count > 0;
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!(weights[i] >= 0)) return false;
    sum += weights[i];
  }
  return sum > 0 && std::isfinite(sum);
}

// A count of floats whose byte size would not fit an object is a caller's mistake, not a size.
inline bool count_sane(size_t count) {
  return count <= std::numeric_limits<size_t>::max() / 64;
}

}  // namespace mien
