// Element-wise array kernels, written once as plain loops and compiled by each kernels_*.cpp with its own instruction
// set; the compiler vectorises them, which cannot change a bit because no operation is reordered or contracted.
// Everything lives in an anonymous namespace: a shared inline copy could be linked from the wrong file.
#pragma once

#include "simd/dispatch.h"

#if defined(__clang__)
#define MIEN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define MIEN_INDEPENDENT _Pragma("GCC ivdep")
#else
#define MIEN_INDEPENDENT
#endif

namespace mien::simd {
namespace {

inline float limited(float value, float limit) {
  const float low = value < limit ? value : limit;
  return low > -limit ? low : -limit;
}

// alpha = 1 / (1 + tau / dt) with tau = 1 / (2 pi cutoff), written as r / (1 + r) to have one division.
inline float smoothing(float cutoff, float dt) {
  const float r = 6.28318530718f * cutoff * dt;
  const float bounded = r < 1e30f ? r : 1e30f;
  return bounded / (1.0f + bounded);
}

// The derivative is taken between raw values, as MediaPipe's one_euro_filter does (Casiez et al. leave it open and
// their reference code differs), so that its landmark smoothing can be reproduced. Differences are limited to 1e30:
// far beyond any signal, and no infinity can then enter the state.
void one_euro_step(const OneEuroStep &s) {
  const float *min_cutoff = s.min_cutoff, *beta = s.beta, *in = s.in;
  float *raw = s.raw, *smooth = s.smooth, *speed = s.speed, *gap = s.gap, *out = s.out;
  uint8_t *seen = s.seen;
  const uint8_t *valid = s.valid;
  const float dt = s.dt, value_scale = s.value_scale, derivative_cutoff = s.derivative_cutoff, settle = s.settle;
  const size_t count = s.count;
  const float *from = s.catch_up ? smooth : raw;
  const bool squared = s.catch_up;
  MIEN_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    const bool use = valid[i] != 0, known = seen[i] != 0;
    const float x = in[i];
    const float step = gap[i] + dt;
    const float velocity = limited(limited(x - from[i], 1e30f) * value_scale / step, 1e30f);
    const float da = smoothing(derivative_cutoff, step);
    const float dx = da * velocity + (1.0f - da) * speed[i];
    const float magnitude = dx < 0.0f ? -dx : dx;
    const float lead = squared ? limited(magnitude * magnitude, 1e30f) : magnitude;
    const float paper = smoothing(min_cutoff[i] + beta[i] * lead, step);
    const float young = seen[i] < 255 ? settle / (1.0f + static_cast<float>(seen[i])) : 0.0f;
    const float a = paper > young ? paper : young;
    const float filtered = a * x + (1.0f - a) * smooth[i];
    const float result = known ? filtered : x;
    raw[i] = use ? x : raw[i];
    smooth[i] = use ? result : smooth[i];
    speed[i] = use ? (known ? dx : 0.0f) : speed[i];
    gap[i] = use ? 0.0f : step;
    seen[i] = static_cast<uint8_t>(seen[i] + (use && seen[i] < 255 ? 1 : 0));
    out[i] = use ? result : x;
  }
}

void map_points(const float *in, size_t count, int32_t dims, const double *affine, float depth_scale, float *out) {
  const double a = affine[0], b = affine[1], c = affine[2], d = affine[3], e = affine[4], f = affine[5];
  if (dims == 2) {
    MIEN_INDEPENDENT
    for (size_t i = 0; i < count; ++i) {
      const double x = in[2 * i], y = in[2 * i + 1];
      out[2 * i] = static_cast<float>(a * x + b * y + c);
      out[2 * i + 1] = static_cast<float>(d * x + e * y + f);
    }
  } else {
    MIEN_INDEPENDENT
    for (size_t i = 0; i < count; ++i) {
      const double x = in[3 * i], y = in[3 * i + 1];
      const float z = in[3 * i + 2];
      out[3 * i] = static_cast<float>(a * x + b * y + c);
      out[3 * i + 1] = static_cast<float>(d * x + e * y + f);
      out[3 * i + 2] = z * depth_scale;
    }
  }
}

void stretch(const Stretch &s) {
  const float *row = s.row, *share = s.share;
  const int32_t *low = s.low, *high = s.high;
  float *out = s.out;
  const size_t count = s.count;
  MIEN_INDEPENDENT
  for (size_t i = 0; i < count; ++i) out[i] = row[low[i]] + share[i] * (row[high[i]] - row[low[i]]);
}

// The first index in [begin, end) whose value is >= threshold, or end. Blocks of 32 are skipped by one reduction: a
// detector's scores are nearly all below the threshold.
size_t find_at_least(const float *values, size_t begin, size_t end, float threshold) {
  constexpr size_t kBlock = 32;
  size_t i = begin;
  for (; i + kBlock <= end; i += kBlock) {
    int any = 0;
    for (size_t k = 0; k < kBlock; ++k) any |= values[i + k] >= threshold ? 1 : 0;
    if (any != 0) break;
  }
  while (i < end && !(values[i] >= threshold)) ++i;
  return i;
}

}  // namespace
}  // namespace mien::simd
