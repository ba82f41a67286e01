// mien_flow_compose: a refined crop back into its picture, whatever the picture's resolution.
//
// The picture is sampled through the interpolated flow, so that a portrait of 1080 lines keeps its own sharpness; only
// what the network adds has the crop's resolution. The crop's rows are first stretched to the picture's pixels, a tile
// of columns at a time so that two of them stay in the first cache; what then depends on the picture's row is a
// kernel's work, on one vector of pixels at a time.
#include <algorithm>
#include <cmath>
#include <utility>

#include "check.h"
#include "mien/mien.h"
#include "reenact/sample.h"
#include "reenact/strip.h"
#include "simd/dispatch.h"

namespace {

using mien::reenact::Between;
using mien::reenact::kPlanes;
using mien::reenact::Strip;

constexpr int32_t kTile = 512;  // pixels

// The crop's planes between two of its rows, at the pixels of a tile.
class Tile {
 public:
  Tile(const float *const planes[kPlanes], int32_t width) : planes_(planes), width_(width) {}

  // Columns begin .. begin + count of the picture; `scale` and `x0` say where the crop's columns lie in it.
  void start(int32_t begin, int32_t count, float scale, float x0) {
    count_ = count;
    upper_ = lower_ = -1;
    for (int32_t i = 0; i < count; ++i) {
      const Between across((static_cast<float>(begin + i) - x0) / scale, width_);
      low_[i] = across.low;
      high_[i] = across.high;
      share_[i] = across.share;
    }
  }

  void go_to(const Between &down, Strip *strip) {
    if (down.low != upper_ || down.high != lower_) {
      if (down.low == lower_) {
        std::swap(above_, below_);
      } else {
        stretch(down.low, above_);
      }
      stretch(down.high, below_);
      for (int k = 0; k < kPlanes; ++k) {
        for (int32_t i = 0; i < count_; ++i) step_[k][i] = rows_[below_][k][i] - rows_[above_][k][i];
      }
      upper_ = down.low;
      lower_ = down.high;
    }
    strip->share = down.share;
    for (int k = 0; k < kPlanes; ++k) {
      strip->values[k] = rows_[above_][k];
      strip->down[k] = step_[k];
    }
  }

 private:
  void stretch(int32_t row, int to) {
    const size_t at = static_cast<size_t>(row) * static_cast<size_t>(width_);
    for (int k = 0; k < kPlanes; ++k) {
      mien::simd::active().stretch({planes_[k] + at, low_, high_, share_, rows_[to][k], static_cast<size_t>(count_)});
    }
  }

  const float *const *planes_;
  int32_t width_, count_ = 0, upper_ = -1, lower_ = -1;  // the crop's rows that rows_ holds
  int above_ = 0, below_ = 1;
  int32_t low_[kTile], high_[kTile];
  float share_[kTile], rows_[2][kPlanes][kTile], step_[kPlanes][kTile];
};

mien_status check(const mien_picture &source, const double crop[3], const mien_refined &r, int64_t stride) {
  const mien_status status = mien::reenact::check(source);
  if (status != MIEN_OK) return status;
  if (r.struct_size != sizeof(mien_refined)) return MIEN_E_STRUCT;
  if (r.width < 2 || r.height < 2 || r.width > MIEN_FLOW_MAX_SIDE || r.height > MIEN_FLOW_MAX_SIDE) {
    return MIEN_E_SHAPE;
  }
  if (r.columns == nullptr || r.rows == nullptr || r.keep == nullptr || r.change == nullptr || r.feather == nullptr) {
    return MIEN_E_ARGUMENT;
  }
  if (!mien::all_finite(crop, 3)) return MIEN_E_NOT_FINITE;
  if (!(crop[0] > 0) || crop[0] > MIEN_MAX_EXTENT || std::fabs(crop[1]) > MIEN_MAX_EXTENT ||
      std::fabs(crop[2]) > MIEN_MAX_EXTENT) {
    return MIEN_E_ARGUMENT;
  }
  return stride < 3 * static_cast<int64_t>(source.width) ? MIEN_E_STRIDE : MIEN_OK;
}

}  // namespace

mien_status mien_flow_compose(const mien_picture *source, const double crop[3], const mien_refined *refined,
                              uint8_t *out, int64_t stride) {
  if (source == nullptr || crop == nullptr || refined == nullptr || out == nullptr) return MIEN_E_ARGUMENT;
  const mien_refined &r = *refined;
  const mien_status status = check(*source, crop, r, stride);
  if (status != MIEN_OK) return status;
  const size_t size = static_cast<size_t>(r.width) * static_cast<size_t>(r.height);
  const float *planes[kPlanes] = {r.columns, r.rows, r.keep, r.feather, r.change, r.change + size, r.change + 2 * size};
  // The picture's pixels within the crop: the first, and the one behind the last.
  const auto first = [](double begin) { return std::max(0, static_cast<int32_t>(std::ceil(begin))); };
  const auto end = [&](int32_t extent, double begin, int32_t side) {
    return static_cast<int32_t>(std::min<double>(extent - 1, std::floor(begin + (side - 1) * crop[0]))) + 1;
  };
  const int32_t right = end(source->width, crop[1], r.width), bottom = end(source->height, crop[2], r.height);
  const float scale = static_cast<float>(crop[0]), x0 = static_cast<float>(crop[1]), y0 = static_cast<float>(crop[2]);
  constexpr float kOne = mien::image::kOne;
  Strip strip{};
  strip.picture = source->pixels;
  strip.stride = source->stride;
  strip.width = source->width;
  strip.height = source->height;
  strip.scale = scale * kOne;
  strip.x0 = x0 * kOne;
  strip.y0 = y0 * kOne;
  Tile tile(planes, r.width);
  for (int32_t x = first(crop[1]); x < right; x += kTile) {
    strip.count = std::min(kTile, right - x);
    strip.readable = source->width - x;
    tile.start(x, strip.count, scale, x0);
    for (int32_t y = first(crop[2]); y < bottom; ++y) {
      tile.go_to(Between((static_cast<float>(y) - y0) / scale, r.height), &strip);
      const ptrdiff_t column = 3 * static_cast<ptrdiff_t>(x);
      strip.old = source->pixels + y * source->stride + column;
      strip.out = out + y * stride + column;
      mien::simd::active().blend_strip(strip);
    }
  }
  return MIEN_OK;
}
