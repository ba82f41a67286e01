// A strip of pixels as reenact/strip.h does them, V::kPixels at a time.
//
// Blocks that keep their own colours are not sampled: a quarter of a talking head's crop. Sampling has two steps that
// run over several blocks each, for the reason that image/samplers.h gives.
#pragma once

#include "image/samplers.h"
#include "reenact/strip.h"

namespace mien::reenact {
namespace {

template <class V>
class Blend {
  using Int = typename V::Int;
  using Float = typename V::Float;
  using Sampler = image::Packed<V, 3>;

 public:
  static image::Plan plan_of(const Strip &s) {
    image::Plan plan{};
    plan.plane[0] = s.picture;
    plan.stride[0] = s.stride;
    plan.width = s.width;
    plan.height = s.height;
    for (uint8_t c = 0; c < 3; ++c) plan.order[c] = c;
    return plan;
  }

  Blend(const Strip &strip, const image::Plan &plan) : s_(strip), sampler_(plan), share_(V::setf(strip.share)) {
    for (int i = 0; i < V::kPixels; ++i) start_[i] = 3 * i;
    for (int c = 0; c < 3; ++c) {
      uint8_t control[16];
      for (int i = 0; i < 16; ++i) control[i] = i % 4 == 0 ? static_cast<uint8_t>(i / 4 * 3 + c) : 255;
      control_[c] = V::bytes(control);
    }
  }

  void run() {
    // Sixteen bytes are read for four pixels.
    const int32_t whole = s_.count < s_.readable - 2 ? s_.count : s_.readable - 2;
    int32_t begin = 0;
    while (begin + V::kPixels <= whole) begin = batch(begin, whole);
    blend_pixels(s_, begin, s_.count);
  }

 private:
  static constexpr int kBatch = 8;

  struct Block {
    typename Sampler::Taps taps;
    Float keep, feather;
    bool moves;
  };

  MIEN_INLINE int32_t batch(int32_t begin, int32_t whole) const {
    Block blocks[kBatch];
    int count = 0;
    for (int32_t at = begin; count < kBatch && at + V::kPixels <= whole; ++count, at += V::kPixels) {
      prepare(at, &blocks[count]);
    }
    for (int i = 0; i < count; ++i, begin += V::kPixels) put(begin, blocks[i]);
    return begin;
  }

  MIEN_INLINE Float at(int plane, int32_t pixel) const {
    return V::add(V::get(s_.values[plane] + pixel), V::mul(share_, V::get(s_.down[plane] + pixel)));
  }

  static Float limited(Float v, float high) { return V::min(V::max(v, V::setf(0.0f)), V::setf(high)); }
  static Int rounded(Float v) { return V::floor(V::add(v, V::setf(0.5f))); }

  MIEN_INLINE Int position(int plane, int32_t pixel, float begin, int32_t extent) const {
    const Float scaled = V::add(V::mul(at(plane, pixel), V::setf(s_.scale)), V::setf(begin));
    return rounded(limited(scaled, static_cast<float>(image::kOne * (extent - 1))));
  }

  MIEN_INLINE void prepare(int32_t pixel, Block *block) const {
    block->feather = at(kFeather, pixel);
    const Float keep = limited(V::mul(block->feather, at(kKeep, pixel)), 1.0f);
    const Int share = rounded(V::mul(keep, V::setf(256.0f)));
    block->keep = V::mul(V::to_float(share), V::setf(1.0f / 256));
    block->moves = !V::equal(share, V::set(0));
    if (!block->moves) return;
    sampler_.prepare(position(kColumn, pixel, s_.x0, s_.width), position(kRow, pixel, s_.y0, s_.height), &block->taps);
  }

  MIEN_INLINE void put(int32_t pixel, const Block &block) const {
    const uint8_t *old = s_.old + 3 * static_cast<ptrdiff_t>(pixel);
    const Int bytes = V::template load8<0>(old, old + 8, start_);
    Float colour[3];
    for (int c = 0; c < 3; ++c) colour[c] = V::to_float(V::shuffle(bytes, control_[c]));
    if (block.moves) {
      Float sample[3];
      sampler_(block.taps, sample);
      for (int c = 0; c < 3; ++c) {
        const Float apart = V::add(V::mul(sample[c], V::setf(1.0f / image::kUnit)), V::mul(colour[c], V::setf(-1.0f)));
        colour[c] = V::add(colour[c], V::mul(block.keep, apart));
      }
    }
    const Float more = V::mul(block.feather, V::setf(255.0f));
    Int out[3];
    for (int c = 0; c < 3; ++c) {
      out[c] = rounded(limited(V::add(colour[c], V::mul(more, at(kRed + c, pixel))), 255.0f));
    }
    V::put3_byte(s_.out + 3 * static_cast<ptrdiff_t>(pixel), out[0], out[1], out[2]);
  }

  const Strip &s_;
  const Sampler sampler_;
  Float share_;
  Int control_[3];
  alignas(64) int32_t start_[V::kPixels];
};

template <class V>
void blend_strips(const Strip &strip) {
  const image::Plan plan = Blend<V>::plan_of(strip);
  if (!image::Packed<V, 3>::fits(plan)) return blend_strip(strip);
  Blend<V>(strip, plan).run();
}

}  // namespace
}  // namespace mien::reenact
