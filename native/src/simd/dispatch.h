// Which instruction set runs: one table of kernels per set, chosen once from what the processor and its operating
// system offer. Every entry of every table gives bit-equal results.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mien::image {
struct Plan;
}

namespace mien::reenact {
struct Strip;
}

namespace mien::simd {

// One One-Euro step of `count` values; see src/filter/one_euro.cpp for the state.
struct OneEuroStep {
  size_t count;
  float dt, value_scale, derivative_cutoff;
  float settle;   // 1: a young value is the mean of its samples; 0: it is not
  bool catch_up;  // speed is the way from the smooth value, and counts by its square
  const float *min_cutoff, *beta;
  float *raw, *smooth, *speed, *gap;
  uint8_t *seen;
  const float *in;
  const uint8_t *valid;  // never null here
  float *out;
};

// Values between those of a row, each between its elements `low` and `high`, `share` of the way.
struct Stretch {
  const float *row;
  const int32_t *low, *high;
  const float *share;
  float *out;
  size_t count;
};

struct Kernels {
  void (*image_rows)(const image::Plan &plan);
  void (*one_euro)(const OneEuroStep &step);
  void (*points_map)(const float *in, size_t count, int32_t dims, const double *affine, float depth_scale, float *out);
  size_t (*next_at_least)(const float *values, size_t begin, size_t end, float threshold);
  void (*stretch)(const Stretch &stretch);
  void (*blend_strip)(const reenact::Strip &strip);
};

extern const Kernels kScalarKernels;
#if defined(MIEN_X86)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#endif
#if defined(MIEN_NEON)
extern const Kernels kNeonKernels;
#endif

const Kernels &active();

}  // namespace mien::simd
