// How a block of positions becomes bilinear samples, one sampler per frame layout, written once over a vector type V.
//
// Each pixel's taps travel in one 128-bit lane, [bytes of the upper row | bytes of the lower row]. One byte shuffle
// brings the four taps of each channel together, one multiply-add of bytes blends the rows and one of 16-bit pairs the
// columns, for all channels at once. Vector k holds the pixels 4 l + k of its lanes l: an in-lane 4x4 transpose then
// gives the channels in pixel order.
//
// Sampling has two steps, prepare() and operator(), which src/image/block.h runs over many blocks each: the byte
// offsets go through memory, and reading them back at once stalled for a fifth of the time (640x480 RGB to 256x256,
// AVX-512 on Zen 4).
#pragma once

#include "image/plan.h"

namespace mien::image {
namespace {

// Bilinear taps along one axis: the first of two neighbours, always inside, and the weight of the second in 0..kOne.
// At the far edge this is the last pair with full weight on its second, which reads nothing outside.
template <class V>
struct Axis {
  typename V::Int first, weight;

  Axis(typename V::Int position, int32_t extent) {
    const int32_t last = extent > 1 ? extent - 2 : 0;
    first = V::min(V::template sar<kFractionBits>(position), V::set(last));
    weight = V::sub(position, V::template shl<kFractionBits>(first));
  }
  // (kOne - weight, weight) as 16-bit pairs, for the multiply-add of neighbours.
  typename V::Int pairs() const { return V::add(V::sub(V::template shl<16>(weight), weight), V::set(kOne)); }
  // (kOne - weight, weight) twice, as bytes, for the multiply-add of neighbours.
  typename V::Int quads() const {
    const typename V::Int pair = V::add(V::sub(V::template shl<8>(weight), weight), V::set(kOne));
    return V::bit_or(V::template shl<16>(pair), pair);
  }
};

// The shuffle that gives each channel its taps: left[c] and right[c] are byte positions in the 8 bytes of a row.
template <class V>
typename V::Int gather_control(const uint8_t (&left)[3], const uint8_t (&right)[3]) {
  uint8_t control[16] = {};
  for (int c = 0; c < 3; ++c) {
    const uint8_t taps[4] = {left[c], static_cast<uint8_t>(left[c] + 8), right[c], static_cast<uint8_t>(right[c] + 8)};
    for (int i = 0; i < 4; ++i) control[4 * c + i] = taps[i];
  }
  return V::bytes(control);
}

// The sums carry V::kSumBias, for the instruction sets whose byte products are signed.
template <class V>
typename V::Int interpolate(typename V::Int taps, typename V::Int control, typename V::Int down,
                            typename V::Int across) {
  return V::dot16(V::dot8(down, V::shuffle(taps, control)), across);
}

// Whether offsets into a plane fit the 32-bit arithmetic of the vector code.
inline bool spans_31_bits(int64_t stride, int32_t rows) {
  return stride < (int64_t{1} << 31) && stride * rows < (int64_t{1} << 31);
}

// RGB, BGR, RGBA, BGRA and gray.
template <class V, int kBytes>
class Packed {
  using Int = typename V::Int;
  using Float = typename V::Float;

 public:
  static bool fits(const Plan &p) { return p.width * kBytes >= 8 && spans_31_bits(p.stride[0], p.height); }

  explicit Packed(const Plan &p)
      : plan_(p), lower_(p.plane[0] + (p.height > 1 ? p.stride[0] : 0)), control_(control(p)) {}

  struct Taps {
    alignas(64) int32_t at[V::kPixels];
    Int shift, down, across;
    bool late;
  };

  MIEN_INLINE void prepare(Int x, Int y, Taps *taps) const {
    const Axis<V> across(x, plan_.width), down(y, plan_.height);
    Int start = across.first;
    if constexpr (kBytes == 3) start = V::add(V::add(start, start), start);
    if constexpr (kBytes == 4) start = V::template shl<2>(start);
    // Eight bytes are read; at the end of a row they start earlier and the taps sit `late` bytes further in.
    const Int early = V::min(start, V::set(plan_.width * kBytes - 8));
    const Int late = V::sub(start, early);
    V::put(taps->at, V::add(V::mul(down.first, V::set(static_cast<int32_t>(plan_.stride[0]))), early));
    taps->shift = V::mul(late, V::set(0x01010101));
    taps->down = down.quads();
    taps->across = across.pairs();
    taps->late = !V::equal(late, V::set(0));
  }

  MIEN_INLINE void operator()(const Taps &taps, Float out[3]) const {
    Int sum[4];
    if (taps.late) {
      block<true>(taps, sum);
    } else {
      block<false>(taps, sum);
    }
    V::transpose(sum);
    for (int c = 0; c < 3; ++c) {
      out[c] = kBytes == 1 && c > 0 ? out[0] : V::to_float(V::sub(sum[c], V::set(V::kSumBias)));
    }
  }

 private:
  static Int control(const Plan &p) {
    uint8_t left[3] = {}, right[3] = {};
    for (int c = 0; c < 3; ++c) {
      left[c] = kBytes == 1 ? 0 : p.order[c];
      right[c] = static_cast<uint8_t>(left[c] + kBytes);
    }
    return gather_control<V>(left, right);
  }

  template <bool kLate>
  MIEN_INLINE void block(const Taps &taps, Int sum[4]) const {
    sum[0] = one<0, kLate>(taps);
    sum[1] = one<1, kLate>(taps);
    sum[2] = one<2, kLate>(taps);
    sum[3] = one<3, kLate>(taps);
  }
  template <int K, bool kLate>
  MIEN_INLINE Int one(const Taps &taps) const {
    const Int control = kLate ? V::add_bytes(control_, V::template spread<K>(taps.shift)) : control_;
    return interpolate<V>(V::template load8<K>(plan_.plane[0], lower_, taps.at), control,
                          V::template spread<K>(taps.down), V::template spread<K>(taps.across));
  }

  const Plan &plan_;
  const uint8_t *lower_;
  Int control_;
};

// Sums of Y, U and V to R, G and B in 0..255, or B, G, R where the tensor wants that.
template <class V>
class Convert {
  using Int = typename V::Int;
  using Float = typename V::Float;

 public:
  explicit Convert(const Plan &p)
      : swap_(p.swap_rb),
        black_(V::set(p.y_black * kUnit + V::kSumBias)),
        gray_(V::set(128 * kUnit + V::kSumBias)),
        y_gain_(V::setf(p.y_gain)),
        v_to_r_(V::setf(p.v_to_r)),
        u_to_g_(V::setf(p.u_to_g)),
        v_to_g_(V::setf(p.v_to_g)),
        u_to_b_(V::setf(p.u_to_b)) {}

  void operator()(const Int yuv[3], Float out[3]) const {
    const Float y = V::mul(V::to_float(V::sub(yuv[0], black_)), y_gain_);
    const Float u = V::to_float(V::sub(yuv[1], gray_)), v = V::to_float(V::sub(yuv[2], gray_));
    const Float r = limited(V::add(y, V::mul(v, v_to_r_)));
    const Float b = limited(V::add(y, V::mul(u, u_to_b_)));
    out[0] = swap_ ? b : r;
    out[1] = limited(V::add(V::add(y, V::mul(u, u_to_g_)), V::mul(v, v_to_g_)));
    out[2] = swap_ ? r : b;
  }

 private:
  static Float limited(Float v) { return V::min(V::max(v, V::setf(0.0f)), V::setf(255.0f)); }

  bool swap_;
  Int black_, gray_;
  Float y_gain_, v_to_r_, u_to_g_, v_to_g_, u_to_b_;
};

// Chroma samples sit between pairs of pixels: c = (x - 1/2) / 2, rounded up at half a step.
template <class V>
typename V::Int chroma_position(typename V::Int luma, int32_t extent) {
  const typename V::Int half = V::template sar<1>(V::sub(luma, V::set(kOne / 2 - 1)));
  return V::min(V::max(half, V::set(0)), V::set((extent - 1) * kOne));
}

// NV12 and NV21: a lane is [Y Y . . | U V U V] of the upper row, then of the lower.
template <class V>
class SemiPlanar {
  using Int = typename V::Int;
  using Float = typename V::Float;

 public:
  static bool fits(const Plan &p) {
    return p.width >= 4 && spans_31_bits(p.stride[0], p.height) && spans_31_bits(p.stride[1], p.height / 2);
  }

  explicit SemiPlanar(const Plan &p)
      : plan_(p),
        lower_y_(p.plane[0] + p.stride[0]),
        lower_c_(p.plane[1] + (p.height > 2 ? p.stride[1] : 0)),
        control_(p.order[0] == 0 ? gather_control<V>({0, 4, 5}, {1, 6, 7}) : gather_control<V>({0, 5, 4}, {1, 7, 6})),
        convert_(p) {}

  struct Taps {
    alignas(64) int32_t at[V::kPixels];
    alignas(64) int32_t c_at[V::kPixels];
    Int shift, down, across, c_down, c_across;
  };

  MIEN_INLINE void prepare(Int x, Int y, Taps *taps) const {
    const Axis<V> across(x, plan_.width), down(y, plan_.height);
    const Axis<V> c_across(chroma_position<V>(x, plan_.width / 2), plan_.width / 2);
    const Axis<V> c_down(chroma_position<V>(y, plan_.height / 2), plan_.height / 2);
    const Int early = V::min(across.first, V::set(plan_.width - 4));
    V::put(taps->at, V::add(V::mul(down.first, V::set(static_cast<int32_t>(plan_.stride[0]))), early));
    V::put(taps->c_at, V::add(V::mul(c_down.first, V::set(static_cast<int32_t>(plan_.stride[1]))),
                              V::add(c_across.first, c_across.first)));
    taps->shift = V::mul(V::sub(across.first, early), V::set(0x01010101));
    taps->down = down.quads();
    taps->across = across.pairs();
    taps->c_down = c_down.quads();
    taps->c_across = c_across.pairs();
  }

  MIEN_INLINE void operator()(const Taps &taps, Float out[3]) const {
    Int sum[4] = {one<0>(taps), one<1>(taps), one<2>(taps), one<3>(taps)};
    V::transpose(sum);
    convert_(sum, out);
  }

 private:
  template <int K>
  MIEN_INLINE Int one(const Taps &t) const {
    const Int bytes = V::template load4<K>(plan_.plane[0], lower_y_, t.at, plan_.plane[1], lower_c_, t.c_at);
    const Int shift = V::first_of(V::template spread<K>(t.shift), V::set(0));  // luma taps only
    return interpolate<V>(bytes, V::add_bytes(control_, shift),
                          V::first_of(V::template spread<K>(t.down), V::template spread<K>(t.c_down)),
                          V::first_of(V::template spread<K>(t.across), V::template spread<K>(t.c_across)));
  }

  const Plan &plan_;
  const uint8_t *lower_y_, *lower_c_;
  Int control_;
  Convert<V> convert_;
};

// YUYV: the eight bytes of a chroma pair, Y U Y V Y U Y V, always hold both luma taps as well.
template <class V>
class Yuyv {
  using Int = typename V::Int;
  using Float = typename V::Float;

 public:
  static bool fits(const Plan &p) { return p.width >= 4 && spans_31_bits(p.stride[0], p.height); }

  explicit Yuyv(const Plan &p)
      : plan_(p),
        lower_(p.plane[0] + (p.height > 1 ? p.stride[0] : 0)),
        control_(gather_control<V>({0, 1, 3}, {2, 5, 7})),
        convert_(p) {}

  struct Taps {
    alignas(64) int32_t at[V::kPixels];
    Int shift, down, across, c_across;
  };

  MIEN_INLINE void prepare(Int x, Int y, Taps *taps) const {
    const Axis<V> across(x, plan_.width), down(y, plan_.height);
    const Axis<V> c_across(chroma_position<V>(x, plan_.width / 2), plan_.width / 2);
    // Luma taps begin 0, 1 or 2 pixels, of two bytes each, behind the pair.
    const Int late = V::template shl<1>(V::sub(across.first, V::template shl<1>(c_across.first)));
    V::put(taps->at, V::add(V::mul(down.first, V::set(static_cast<int32_t>(plan_.stride[0]))),
                            V::template shl<2>(c_across.first)));
    taps->shift = V::mul(late, V::set(0x01010101));
    taps->down = down.quads();
    taps->across = across.pairs();
    taps->c_across = c_across.pairs();
  }

  MIEN_INLINE void operator()(const Taps &taps, Float out[3]) const {
    Int sum[4] = {one<0>(taps), one<1>(taps), one<2>(taps), one<3>(taps)};
    V::transpose(sum);
    convert_(sum, out);
  }

 private:
  template <int K>
  MIEN_INLINE Int one(const Taps &t) const {
    const Int shift = V::first_of(V::template spread<K>(t.shift), V::set(0));  // luma taps only
    return interpolate<V>(V::template load8<K>(plan_.plane[0], lower_, t.at), V::add_bytes(control_, shift),
                          V::template spread<K>(t.down),
                          V::first_of(V::template spread<K>(t.across), V::template spread<K>(t.c_across)));
  }

  const Plan &plan_;
  const uint8_t *lower_;
  Int control_;
  Convert<V> convert_;
};

}  // namespace
}  // namespace mien::image
