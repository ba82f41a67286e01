// mien_fit_similarity: the closed form of Umeyama (1991) in the plane, where rotation and scale are one complex number.
#include <cmath>

#include "check.h"
#include "mien/mien.h"

mien_status mien_fit_similarity(const float *src_xy, const float *dst_xy, const float *weights, size_t count,
                                double affine[6]) {
  if (src_xy == nullptr || dst_xy == nullptr || affine == nullptr || count == 0 || !mien::count_sane(count)) {
    return MIEN_E_ARGUMENT;
  }
  if (!mien::all_finite(src_xy, 2 * count) || !mien::all_finite(dst_xy, 2 * count) ||
      (weights != nullptr && !mien::all_finite(weights, count))) {
    return MIEN_E_NOT_FINITE;
  }
  if (!mien::weights_usable(weights, count)) return MIEN_E_DEGENERATE;
  double total = 0, sx = 0, sy = 0, dx = 0, dy = 0;
  for (size_t i = 0; i < count; ++i) {
    const double w = weights != nullptr ? weights[i] : 1.0;
    total += w;
    sx += w * src_xy[2 * i];
    sy += w * src_xy[2 * i + 1];
    dx += w * dst_xy[2 * i];
    dy += w * dst_xy[2 * i + 1];
  }
  sx /= total, sy /= total, dx /= total, dy /= total;
  double real = 0, imaginary = 0, spread = 0, dst_spread = 0;
  for (size_t i = 0; i < count; ++i) {
    const double w = weights != nullptr ? weights[i] : 1.0;
    const double px = src_xy[2 * i] - sx, py = src_xy[2 * i + 1] - sy;
    const double qx = dst_xy[2 * i] - dx, qy = dst_xy[2 * i + 1] - dy;
    real += w * (px * qx + py * qy);
    imaginary += w * (px * qy - py * qx);
    spread += w * (px * px + py * py);
    dst_spread += w * (qx * qx + qy * qy);
  }
  // Spreads at the level of float rounding, or sets that no rotation relates, leave the angle undefined.
  const double scale = sx * sx + sy * sy, dst_scale = dx * dx + dy * dy;
  if (!(spread > 1e-12 * total * scale) || !(dst_spread > 1e-12 * total * dst_scale) ||
      !(std::hypot(real, imaginary) > 1e-9 * std::sqrt(spread * dst_spread))) {
    return MIEN_E_DEGENERATE;
  }
  const double a = real / spread, b = imaginary / spread;
  const double result[6] = {a, -b, dx - a * sx + b * sy, b, a, dy - b * sx - a * sy};
  if (!mien::all_finite(result, 6)) return MIEN_E_DEGENERATE;
  for (int i = 0; i < 6; ++i) affine[i] = result[i];
  return MIEN_OK;
}
