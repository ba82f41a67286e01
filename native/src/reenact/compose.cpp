// mien_flow_compose: a refined crop back into its picture, whatever the picture's resolution.
//
// The picture is sampled through the interpolated flow, so that a portrait of 1080 lines keeps its own sharpness; only
// what the network adds has the crop's resolution.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "mien/mien.h"
#include "reenact/sample.h"

namespace {

constexpr int kPlanes = 7;  // columns, rows, keep, change (3), feather

uint8_t byte(float value) {
  return static_cast<uint8_t>(std::min(std::max(value, 0.0f), 255.0f) + 0.5f);
}

}  // namespace

mien_status mien_flow_compose(const mien_picture *source, const double crop[3], const mien_refined *refined,
                              uint8_t *out, int64_t stride) {
  if (source == nullptr || crop == nullptr || refined == nullptr || out == nullptr) return MIEN_E_ARGUMENT;
  const mien_status status = mien::reenact::check(*source);
  if (status != MIEN_OK) return status;
  if (refined->struct_size != sizeof(mien_refined)) return MIEN_E_STRUCT;
  const mien_refined &r = *refined;
  if (r.width < 2 || r.height < 2 || r.width > MIEN_FLOW_MAX_SIDE || r.height > MIEN_FLOW_MAX_SIDE) {
    return MIEN_E_SHAPE;
  }
  if (r.columns == nullptr || r.rows == nullptr || r.keep == nullptr || r.change == nullptr || r.feather == nullptr) {
    return MIEN_E_ARGUMENT;
  }
  if (!mien::all_finite(crop, 3)) return MIEN_E_NOT_FINITE;
  if (!(crop[0] > 0) || std::fabs(crop[0]) > MIEN_MAX_EXTENT || std::fabs(crop[1]) > MIEN_MAX_EXTENT ||
      std::fabs(crop[2]) > MIEN_MAX_EXTENT) {
    return MIEN_E_ARGUMENT;
  }
  if (stride < 3 * static_cast<int64_t>(source->width)) return MIEN_E_STRIDE;
  const size_t size = static_cast<size_t>(r.width) * static_cast<size_t>(r.height);
  const float *planes[kPlanes] = {r.columns, r.rows, r.keep, r.change, r.change + size, r.change + 2 * size, r.feather};
  const float scale = static_cast<float>(crop[0]), unit = 1 / scale;
  const float x0 = static_cast<float>(crop[1]), y0 = static_cast<float>(crop[2]);
  const int32_t left = std::max(0, static_cast<int32_t>(std::ceil(x0)));
  const int32_t top = std::max(0, static_cast<int32_t>(std::ceil(y0)));
  const int32_t right =
      static_cast<int32_t>(std::min<double>(source->width - 1, std::floor(crop[1] + (r.width - 1) * crop[0])));
  const int32_t bottom =
      static_cast<int32_t>(std::min<double>(source->height - 1, std::floor(crop[2] + (r.height - 1) * crop[0])));
  float row[kPlanes][MIEN_FLOW_MAX_SIDE];
  for (int32_t y = top; y <= bottom; ++y) {
    const mien::reenact::Between down((static_cast<float>(y) - y0) * unit, r.height);
    const size_t above = static_cast<size_t>(down.low) * static_cast<size_t>(r.width);
    const size_t below = static_cast<size_t>(down.high) * static_cast<size_t>(r.width);
    for (int k = 0; k < kPlanes; ++k) {
      const float *one = planes[k] + above, *other = planes[k] + below;
      for (int32_t x = 0; x < r.width; ++x) row[k][x] = one[x] + down.share * (other[x] - one[x]);
    }
    const uint8_t *here = source->pixels + y * source->stride;
    uint8_t *target = out + y * stride;
    for (int32_t x = left; x <= right; ++x) {
      const mien::reenact::Between across((static_cast<float>(x) - x0) * unit, r.width);
      float at[kPlanes];
      for (int k = 0; k < kPlanes; ++k) {
        at[k] = row[k][across.low] + across.share * (row[k][across.high] - row[k][across.low]);
      }
      const float feather = at[6], keep = at[2];
      uint8_t *pixel = target + 3 * static_cast<ptrdiff_t>(x);
      const uint8_t *still = here + 3 * static_cast<ptrdiff_t>(x);
      float moved[3] = {0, 0, 0};
      if (keep * feather > 0) mien::reenact::sample(*source, at[0] * scale + x0, at[1] * scale + y0, moved);
      for (int c = 0; c < 3; ++c) {
        const float old = static_cast<float>(still[c]);
        pixel[c] = byte(old + feather * (keep * (moved[c] - old) + 255.0f * at[3 + c]));
      }
    }
  }
  return MIEN_OK;
}
