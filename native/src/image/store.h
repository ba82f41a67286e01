// How a block of sampled pixels becomes tensor elements: gain and offset per channel, then one of six layouts of
// float32, float16 or bytes. Written once over a vector type V (src/simd/avx2.h, avx512.h, neon.h).
#pragma once

#include "image/plan.h"

namespace mien::image {
namespace {

template <class V>
class Store {
  using Int = typename V::Int;
  using Float = typename V::Float;

 public:
  explicit Store(const Plan &plan) : plan_(plan), area_(static_cast<size_t>(plan.out_width) * rows(plan)) {
    for (int c = 0; c < plan.channels; ++c) {
      gain_[c] = V::setf(plan.gain[c]);
      offset_[c] = V::setf(plan.offset[c]);
    }
  }

  // Pixels [column, column + V::kPixels) of a tensor row. `sample` holds the tensor's channels.
  MIEN_INLINE void operator()(int32_t row, int32_t column, const Float sample[3]) const {
    const size_t pixel = static_cast<size_t>(row) * static_cast<size_t>(plan_.out_width) + static_cast<size_t>(column);
    if (plan_.channels == 1) return plane(pixel, 0, sample[0]);
    if (plan_.interleaved) return interleaved(pixel, sample);
    for (int c = 0; c < 3; ++c) plane(static_cast<size_t>(c) * area_ + pixel, c, sample[c]);
  }

 private:
  static size_t rows(const Plan &plan) { return static_cast<size_t>(plan.out_height); }

  Float scaled(int c, Float sample) const { return V::add(V::mul(sample, gain_[c]), offset_[c]); }

  Int quantised(int c, Float sample) const {
    const Float limited = V::min(V::max(scaled(c, sample), V::setf(plan_.low)), V::setf(plan_.high));
    return V::add(V::round(limited), V::set(plan_.zero));
  }

  MIEN_INLINE void plane(size_t index, int c, Float sample) const {
    switch (plan_.element) {
      case Element::kF32:
        return V::put(static_cast<float *>(plan_.data) + index, scaled(c, sample));
      case Element::kF16:
        return V::put_half(static_cast<uint16_t *>(plan_.data) + index, scaled(c, sample));
      case Element::kByte:
        return V::put_byte(static_cast<uint8_t *>(plan_.data) + index, quantised(c, sample));
    }
  }

  MIEN_INLINE void interleaved(size_t pixel, const Float sample[3]) const {
    switch (plan_.element) {
      case Element::kF32:
        return V::put3(static_cast<float *>(plan_.data) + 3 * pixel, scaled(0, sample[0]), scaled(1, sample[1]),
                       scaled(2, sample[2]));
      case Element::kF16: {
        float mixed[3 * V::kPixels];
        V::put3(mixed, scaled(0, sample[0]), scaled(1, sample[1]), scaled(2, sample[2]));
        uint16_t *to = static_cast<uint16_t *>(plan_.data) + 3 * pixel;
        for (int i = 0; i < 3; ++i) V::put_half(to + i * V::kPixels, V::get(mixed + i * V::kPixels));
        return;
      }
      case Element::kByte:
        return V::put3_byte(static_cast<uint8_t *>(plan_.data) + 3 * pixel, quantised(0, sample[0]),
                            quantised(1, sample[1]), quantised(2, sample[2]));
    }
  }

  const Plan &plan_;
  size_t area_;
  Float gain_[3], offset_[3];
};

}  // namespace
}  // namespace mien::image
