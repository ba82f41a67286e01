// Bilinear samples of pictures and planes, their borders repeated.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "mien/mien.h"

namespace mien::reenact {

// Two neighbours of a position and the second one's share. Positions outside, and NaN, go to the border.
struct Between {
  int32_t low, high;
  float share;

  Between(float position, int32_t extent) {
    const float last = static_cast<float>(extent - 1);
    const float inside = std::min(std::max(0.0f, position), last);  // in this order NaN becomes 0
    low = static_cast<int32_t>(inside);
    high = std::min(low + 1, extent - 1);
    share = inside - static_cast<float>(low);
  }
};

inline mien_status check(const mien_picture &picture) {
  if (picture.struct_size != sizeof(mien_picture)) return MIEN_E_STRUCT;
  if (picture.pixels == nullptr) return MIEN_E_ARGUMENT;
  if (picture.width < 1 || picture.height < 1 || picture.width > MIEN_MAX_EXTENT || picture.height > MIEN_MAX_EXTENT) {
    return MIEN_E_SHAPE;
  }
  return picture.stride < 3 * static_cast<int64_t>(picture.width) ? MIEN_E_STRIDE : MIEN_OK;
}

// The colour at a position, 0..255.
inline void sample(const mien_picture &picture, float x, float y, float rgb[3]) {
  const Between across(x, picture.width), down(y, picture.height);
  const uint8_t *top = picture.pixels + down.low * picture.stride,
                *bottom = picture.pixels + down.high * picture.stride;
  const ptrdiff_t left = 3 * static_cast<ptrdiff_t>(across.low), right = 3 * static_cast<ptrdiff_t>(across.high);
  for (ptrdiff_t c = 0; c < 3; ++c) {
    const float a = static_cast<float>(top[left + c]), b = static_cast<float>(top[right + c]);
    const float d = static_cast<float>(bottom[left + c]), e = static_cast<float>(bottom[right + c]);
    const float above = a + across.share * (b - a), below = d + across.share * (e - d);
    rgb[c] = above + down.share * (below - above);
  }
}

}  // namespace mien::reenact
