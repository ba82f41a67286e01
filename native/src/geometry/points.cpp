// mien_points_map: landmarks through a crop's affine map.
#include <cmath>

#include "check.h"
#include "mien/mien.h"
#include "simd/dispatch.h"

mien_status mien_points_map(const float *in, size_t count, int32_t dims, const double affine[6], float depth_scale,
                            float *out) {
  if (affine == nullptr || ((in == nullptr || out == nullptr) && count > 0) || (dims != 2 && dims != 3) ||
      !mien::count_sane(count)) {
    return MIEN_E_ARGUMENT;
  }
  if (!mien::all_finite(affine, 6) || (dims == 3 && !std::isfinite(depth_scale))) return MIEN_E_NOT_FINITE;
  mien::simd::active().points_map(in, count, dims, affine, depth_scale, out);
  return MIEN_OK;
}
