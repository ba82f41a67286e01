// mien_points_map and mien_points_box: landmarks through a crop's affine map, and the box around them.
#include <algorithm>
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

mien_status mien_points_box(const float *in, size_t count, int32_t dims, float box[4]) {
  if (in == nullptr || box == nullptr || count == 0 || (dims != 2 && dims != 3) || !mien::count_sane(count)) {
    return MIEN_E_ARGUMENT;
  }
  const size_t step = static_cast<size_t>(dims);
  if (!mien::all_finite(in, step * count)) return MIEN_E_NOT_FINITE;
  box[0] = box[2] = in[0];
  box[1] = box[3] = in[1];
  for (size_t i = 1; i < count; ++i) {
    box[0] = std::min(box[0], in[step * i]);
    box[1] = std::min(box[1], in[step * i + 1]);
    box[2] = std::max(box[2], in[step * i]);
    box[3] = std::max(box[3], in[step * i + 1]);
  }
  return MIEN_OK;
}
