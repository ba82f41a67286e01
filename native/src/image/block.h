// The loop of image_to_tensor over blocks of V::kPixels tensor pixels: positions -> sampler -> store. Blocks that touch
// a constant border go to the scalar code, which gives the same bits.
#pragma once

#include "image/plan.h"
#include "image/samplers.h"
#include "image/store.h"

namespace mien::image {
namespace {

// One fixed-point frame coordinate of each pixel of a block.
template <class V>
class Positions {
  using Int = typename V::Int;
  using Float = typename V::Float;

 public:
  Positions(const float affine[3], int32_t extent, bool coarse)
      : affine_(affine),
        coarse_(coarse),
        step_(V::setf(affine[0])),
        low_(V::setf(static_cast<float>(-kOne))),
        high_(V::setf(static_cast<float>(kOne * extent))),
        last_(V::set(kOne * (extent - 1))),
        outside_(V::set(kOne * extent)) {}

  void start_row(int32_t row) { base_ = V::setf(affine_[1] * static_cast<float>(row) + affine_[2]); }

  Int operator()(Float column) const {
    const Float t = V::min(V::max(V::add(V::mul(step_, column), base_), low_), high_);
    if (coarse_) return V::template shl<2>(V::round(V::mul(t, V::setf(0.25f))));
    return V::floor(V::add(t, V::setf(0.5f)));
  }
  Int inside(Int position) const { return V::min(V::max(position, V::set(0)), last_); }
  // Whether a whole pixel or more lies between the frame and every position, all on one side.
  bool all_outside(Int position) const { return V::equal(position, V::set(-kOne)) || V::equal(position, outside_); }

 private:
  const float *affine_;
  bool coarse_;
  Float step_, base_ = V::setf(0.0f), low_, high_;
  Int last_, outside_;
};

// How a block is done: sampled, filled with black, or left to the scalar code.
enum class Way : uint8_t { kSample, kBlack, kScalar };

template <class V, class Sampler>
class Rows {
  using Int = typename V::Int;
  using Float = typename V::Float;

 public:
  explicit Rows(const Plan &plan)
      : plan_(plan),
        sampler_(plan),
        store_(plan),
        at_x_(plan.ax, plan.width, plan.eight_bit),
        at_y_(plan.ay, plan.height, plan.eight_bit) {}

  void run() {
    for (int32_t row = 0; row < plan_.out_height; ++row) {
      at_x_.start_row(row);
      at_y_.start_row(row);
      for (int32_t begin = 0; begin < plan_.out_width; begin += kBatch * V::kPixels) batch(row, begin);
    }
  }

 private:
  static constexpr int kBatch = 16;

  MIEN_INLINE void batch(int32_t row, int32_t begin) {
    typename Sampler::Taps taps[kBatch];
    int32_t columns[kBatch];
    Way ways[kBatch];
    int count = 0;
    for (; count < kBatch && begin < plan_.out_width; ++count, begin += V::kPixels) {
      // The last block overlaps the one before instead of being narrower.
      columns[count] = begin + V::kPixels <= plan_.out_width ? begin : plan_.out_width - V::kPixels;
      ways[count] = prepare(columns[count], &taps[count]);
    }
    for (int i = 0; i < count; ++i) {
      Float sample[3];
      if (ways[i] == Way::kSample) {
        sampler_(taps[i], sample);
        if (plan_.eight_bit) round(sample);
        if (plan_.channels == 1 && plan_.source != Source::kGray) sample[0] = gray(sample);
      } else if (ways[i] == Way::kBlack) {
        sample[0] = sample[1] = sample[2] = V::setf(0.0f);
      } else {
        scalar_span(plan_, row, columns[i], columns[i] + V::kPixels);
        continue;
      }
      store_(row, columns[i], sample);
    }
  }

  MIEN_INLINE Way prepare(int32_t column, typename Sampler::Taps *taps) const {
    const Float columns = V::to_float(V::add(V::set(column), V::iota()));
    const Int x = at_x_(columns), y = at_y_(columns);
    const Int inner_x = at_x_.inside(x), inner_y = at_y_.inside(y);
    if (plan_.constant_border && !(V::equal(x, inner_x) && V::equal(y, inner_y))) {
      return at_x_.all_outside(x) || at_y_.all_outside(y) ? Way::kBlack : Way::kScalar;
    }
    sampler_.prepare(inner_x, inner_y, taps);
    return Way::kSample;
  }

  MIEN_INLINE void round(Float sample[3]) const {
    const Float unit = V::setf(plan_.sample_unit), half = V::setf(0.5f);
    for (int c = 0; c < 3; ++c) sample[c] = V::to_float(V::floor(V::add(V::mul(sample[c], unit), half)));
  }

  static Float gray(const Float rgb[3]) {
    return V::add(V::add(V::mul(rgb[0], V::setf(0.299f)), V::mul(rgb[1], V::setf(0.587f))),
                  V::mul(rgb[2], V::setf(0.114f)));
  }

  const Plan &plan_;
  const Sampler sampler_;
  const Store<V> store_;
  Positions<V> at_x_, at_y_;
};

template <class V, class Sampler>
void sample_rows(const Plan &plan) {
  if (plan.out_width < V::kPixels || !Sampler::fits(plan)) return scalar_rows(plan);
  Rows<V, Sampler>(plan).run();
}

template <class V>
void vector_rows(const Plan &plan) {
  switch (plan.source) {
    case Source::kGray:
      return sample_rows<V, Packed<V, 1>>(plan);
    case Source::kPacked3:
      return sample_rows<V, Packed<V, 3>>(plan);
    case Source::kPacked4:
      return sample_rows<V, Packed<V, 4>>(plan);
    case Source::kSemiPlanar:
      return sample_rows<V, SemiPlanar<V>>(plan);
    case Source::kYuyv:
      return sample_rows<V, Yuyv<V>>(plan);
  }
}

}  // namespace
}  // namespace mien::image
