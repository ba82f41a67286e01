// A strip of a picture's row into which a refined crop goes: what the kernels of src/simd are given, and how one pixel
// is done. The vector code in reenact/blend.h gives the same bits.
#pragma once

#include "image/plan.h"

namespace mien::reenact {

constexpr int kPlanes = 7;  // column, row, keep, feather, red, green, blue
constexpr int kColumn = 0, kRow = 1, kKeep = 2, kFeather = 3, kRed = 4;

struct Strip {
  // The picture that is sampled; outside it is as on its border.
  const uint8_t *picture;
  int64_t stride;
  int32_t width, height;

  float scale, x0, y0;                           // of a crop's position in the picture, in units of 1 / image::kOne
  const float *values[kPlanes], *down[kPlanes];  // at each pixel: what the crop's row above says; the one below, more
  float share;                                   // of the way to the row below

  const uint8_t *old;  // the picture's bytes at the strip; `readable` pixels of them lie in the same row
  uint8_t *out;
  int32_t count, readable;
};

namespace {

// In this order NaN becomes `low`, as with V::min(V::max(value, low), high).
inline float limited(float value, float low, float high) {
  const float above = value > low ? value : low;
  return above < high ? above : high;
}

inline int32_t rounded(float positive) {
  return static_cast<int32_t>(positive + 0.5f);
}

// A crop's column or row as a position in the picture.
inline int32_t position(float at, float scale, float begin, int32_t extent) {
  return rounded(limited(at * scale + begin, 0.0f, static_cast<float>(image::kOne * (extent - 1))));
}

// Two neighbours, the weight of the second in 0..kOne.
struct Pair {
  int32_t first, second, weight;

  Pair(int32_t position, int32_t extent)
      : first(position >> image::kFractionBits),
        second(first + 1 < extent ? first + 1 : extent - 1),
        weight(position & (image::kOne - 1)) {}
};

inline void blend_pixels(const Strip &s, int32_t begin, int32_t end) {
  using image::kOne;
  for (int32_t i = begin; i < end; ++i) {
    const auto at = [&](int k) { return s.values[k][i] + s.share * s.down[k][i]; };
    const float feather = at(kFeather);
    const int32_t share = rounded(limited(feather * at(kKeep), 0.0f, 1.0f) * 256.0f);
    const float keep = static_cast<float>(share) * (1.0f / 256);
    const Pair across(position(at(kColumn), s.scale, s.x0, s.width), s.width);
    const Pair down(position(at(kRow), s.scale, s.y0, s.height), s.height);
    const uint8_t *top = s.picture + down.first * s.stride, *bottom = s.picture + down.second * s.stride;
    const float more = feather * 255.0f;
    for (int c = 0; c < 3; ++c) {
      const ptrdiff_t left = 3 * static_cast<ptrdiff_t>(across.first) + c;
      const ptrdiff_t right = 3 * static_cast<ptrdiff_t>(across.second) + c;
      const ptrdiff_t here = 3 * static_cast<ptrdiff_t>(i) + c;
      float colour = static_cast<float>(s.old[here]);
      if (share > 0) {
        const int32_t sum = (top[left] * (kOne - across.weight) + top[right] * across.weight) * (kOne - down.weight) +
                            (bottom[left] * (kOne - across.weight) + bottom[right] * across.weight) * down.weight;
        colour = colour + keep * (static_cast<float>(sum) * (1.0f / image::kUnit) - colour);
      }
      s.out[here] = static_cast<uint8_t>(rounded(limited(colour + more * at(kRed + c), 0.0f, 255.0f)));
    }
  }
}

inline void blend_strip(const Strip &strip) {
  blend_pixels(strip, 0, strip.count);
}

}  // namespace
}  // namespace mien::reenact
