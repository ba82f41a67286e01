// mien_constrain: anatomy as order relations between coefficients, e.g. mouthClose <= jawOpen.
#include <algorithm>
#include <cmath>

#include "mien/mien.h"

mien_status mien_constrain(float *values, const uint8_t *valid, size_t count, float low, float high,
                           const int32_t *lower, const int32_t *upper, size_t pairs) {
  if ((values == nullptr && count > 0) || ((lower == nullptr || upper == nullptr) && pairs > 0)) {
    return MIEN_E_ARGUMENT;
  }
  if (std::isnan(low) || std::isnan(high)) return MIEN_E_NOT_FINITE;
  if (low > high) return MIEN_E_ARGUMENT;
  for (size_t i = 0; i < pairs; ++i) {
    if (lower[i] < 0 || upper[i] < 0 || static_cast<size_t>(lower[i]) >= count ||
        static_cast<size_t>(upper[i]) >= count) {
      return MIEN_E_ARGUMENT;
    }
  }
  const auto usable = [valid](size_t i) { return valid == nullptr || valid[i] != 0; };
  for (size_t i = 0; i < count; ++i) {
    if (usable(i) && std::isnan(values[i])) return MIEN_E_NOT_FINITE;
  }
  for (size_t i = 0; i < count; ++i) {
    if (usable(i)) values[i] = std::min(std::max(values[i], low), high);
  }
  for (size_t i = 0; i < pairs; ++i) {
    const size_t a = static_cast<size_t>(lower[i]), b = static_cast<size_t>(upper[i]);
    if (usable(a) && usable(b)) values[a] = std::min(values[a], values[b]);
  }
  return MIEN_OK;
}
