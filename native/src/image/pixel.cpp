// One pixel at a time: the reference for the vector kernels, and their way around frame edges.
#include <cstring>

#include "image/plan.h"

namespace mien::image {
namespace {

// Adding and subtracting 1.5 * 2^23 rounds a float below 2^22 to the nearest even integer.
constexpr float kRoundToEven = 12582912.0f;

int32_t limited(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : (value > high ? high : value);
}

float limited(float value, float low, float high) {
  return value < low ? low : (value > high ? high : value);
}

// Beyond one pixel outside nothing changes any more, so limiting the position there keeps the integers small without
// changing a result, whatever the affine map holds.
int32_t fixed_position(float scaled, int32_t extent) {
  const float t = limited(scaled, static_cast<float>(-kOne), static_cast<float>(kOne * extent)) + 0.5f;
  const int32_t whole = static_cast<int32_t>(t);
  return whole - (t < static_cast<float>(whole) ? 1 : 0);
}

// The same in steps of four, half to even.
int32_t coarse_position(float scaled, int32_t extent) {
  const float t = limited(scaled, static_cast<float>(-kOne), static_cast<float>(kOne * extent)) * 0.25f;
  return static_cast<int32_t>((t + kRoundToEven) - kRoundToEven) * 4;
}

struct Taps {
  int32_t first, second;     // indices, always inside
  int32_t weight0, weight1;  // of kOne; 0 where the tap lies outside a constant border
};

Taps taps_at(int32_t position, int32_t extent, bool constant_border) {
  if (!constant_border) position = limited(position, 0, (extent - 1) * kOne);
  const int32_t index = position >> kFractionBits;
  const int32_t fraction = position & (kOne - 1);
  Taps taps{limited(index, 0, extent - 1), limited(index + 1, 0, extent - 1), kOne - fraction, fraction};
  if (constant_border) {
    if (index < 0 || index >= extent) taps.weight0 = 0;
    if (index + 1 < 0 || index + 1 >= extent) taps.weight1 = 0;
  }
  return taps;
}

int32_t coverage(const Taps &x, const Taps &y) {
  return (x.weight0 + x.weight1) * (y.weight0 + y.weight1);
}

// `step` bytes from one sample of this channel to the next in a row.
int32_t blend(const uint8_t *plane, int64_t stride, int32_t step, int32_t byte, const Taps &x, const Taps &y) {
  const uint8_t *top = plane + y.first * stride + byte;
  const uint8_t *bottom = plane + y.second * stride + byte;
  const int32_t left = x.first * step, right = x.second * step;
  return (top[left] * x.weight0 + top[right] * x.weight1) * y.weight0 +
         (bottom[left] * x.weight0 + bottom[right] * x.weight1) * y.weight1;
}

// Chroma samples sit between pairs of pixels: c = (x - 1/2) / 2, rounded up at half a step.
int32_t chroma_position(int32_t luma) {
  return (luma - (kOne / 2 - 1)) >> 1;
}

void convert_yuv(const Plan &plan, int32_t luma, int32_t u_sum, int32_t v_sum, int32_t covered, float rgb[3]) {
  // Where a constant border covers part of the sample, colour fades with it: black is Y = y_black, U = V = 128.
  const float part = static_cast<float>(covered) * (1.0f / kUnit);
  const float y = static_cast<float>(luma - plan.y_black * covered) * plan.y_gain;
  const float u = static_cast<float>(u_sum - 128 * kUnit) * part;
  const float v = static_cast<float>(v_sum - 128 * kUnit) * part;
  rgb[0] = limited(y + v * plan.v_to_r, 0.0f, 255.0f);
  rgb[1] = limited((y + u * plan.u_to_g) + v * plan.v_to_g, 0.0f, 255.0f);
  rgb[2] = limited(y + u * plan.u_to_b, 0.0f, 255.0f);
}

void sample_yuv(const Plan &plan, int32_t x, int32_t y, float rgb[3]) {
  if (!plan.constant_border) {
    x = limited(x, 0, (plan.width - 1) * kOne);
    y = limited(y, 0, (plan.height - 1) * kOne);
  }
  const Taps tx = taps_at(x, plan.width, plan.constant_border);
  const Taps ty = taps_at(y, plan.height, plan.constant_border);
  const Taps cx = taps_at(chroma_position(x), plan.width / 2, false);
  int32_t luma, u, v;
  if (plan.source == Source::kSemiPlanar) {
    const Taps cy = taps_at(chroma_position(y), plan.height / 2, false);
    luma = blend(plan.plane[0], plan.stride[0], 1, 0, tx, ty);
    u = blend(plan.plane[1], plan.stride[1], 2, plan.order[0], cx, cy);
    v = blend(plan.plane[1], plan.stride[1], 2, plan.order[1], cx, cy);
  } else {
    const Taps cy = taps_at(y, plan.height, false);
    luma = blend(plan.plane[0], plan.stride[0], 2, 0, tx, ty);
    u = blend(plan.plane[0], plan.stride[0], 4, 1, cx, cy);
    v = blend(plan.plane[0], plan.stride[0], 4, 3, cx, cy);
  }
  convert_yuv(plan, luma, u, v, coverage(tx, ty), rgb);
  if (plan.swap_rb) {
    const float red = rgb[0];
    rgb[0] = rgb[2];
    rgb[2] = red;
  }
}

void sample_packed(const Plan &plan, int32_t step, int32_t x, int32_t y, float out[3]) {
  const Taps tx = taps_at(x, plan.width, plan.constant_border);
  const Taps ty = taps_at(y, plan.height, plan.constant_border);
  for (int c = 0; c < 3; ++c) {
    out[c] = static_cast<float>(blend(plan.plane[0], plan.stride[0], step, plan.order[c], tx, ty));
  }
}

void sample(const Plan &plan, int32_t x, int32_t y, float out[3]) {
  switch (plan.source) {
    case Source::kGray:
      return sample_packed(plan, 1, x, y, out);
    case Source::kPacked3:
      return sample_packed(plan, 3, x, y, out);
    case Source::kPacked4:
      return sample_packed(plan, 4, x, y, out);
    case Source::kSemiPlanar:
    case Source::kYuyv:
      return sample_yuv(plan, x, y, out);
  }
}

// IEEE 754 binary16, to nearest even, as the hardware conversions do it. The value is never NaN.
uint16_t half_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65536 and more, or infinity
  uint32_t half, rest, tie;
  if (magnitude < 0x38800000u) {  // below 2^-14: subnormal
    const uint32_t shift = 126 - (magnitude >> 23);
    if (shift > 25) return static_cast<uint16_t>(sign);
    const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    half = mantissa >> shift;
    rest = mantissa & ((1u << shift) - 1);
    tie = 1u << (shift - 1);
  } else {
    half = (magnitude - 0x38000000u) >> 13;
    rest = magnitude & 0x1fffu;
    tie = 0x1000u;
  }
  half += rest > tie || (rest == tie && (half & 1u) != 0) ? 1 : 0;  // may carry into infinity, which is right
  return static_cast<uint16_t>(sign | half);
}

void store(const Plan &plan, size_t index, int c, float sampled) {
  const float value = sampled * plan.gain[c] + plan.offset[c];
  switch (plan.element) {
    case Element::kF32:
      static_cast<float *>(plan.data)[index] = value;
      return;
    case Element::kF16:
      static_cast<uint16_t *>(plan.data)[index] = half_bits(value);
      return;
    case Element::kByte: {
      const float rounded = (limited(value, plan.low, plan.high) + kRoundToEven) - kRoundToEven;
      static_cast<uint8_t *>(plan.data)[index] = static_cast<uint8_t>(static_cast<int32_t>(rounded) + plan.zero);
      return;
    }
  }
}

}  // namespace

void scalar_span(const Plan &plan, int32_t row, int32_t begin, int32_t end) {
  const float base_x = plan.ax[1] * static_cast<float>(row) + plan.ax[2];
  const float base_y = plan.ay[1] * static_cast<float>(row) + plan.ay[2];
  const size_t area = static_cast<size_t>(plan.out_width) * static_cast<size_t>(plan.out_height);
  for (int32_t column = begin; column < end; ++column) {
    const float px = plan.ax[0] * static_cast<float>(column) + base_x;
    const float py = plan.ay[0] * static_cast<float>(column) + base_y;
    const int32_t x = plan.eight_bit ? coarse_position(px, plan.width) : fixed_position(px, plan.width);
    const int32_t y = plan.eight_bit ? coarse_position(py, plan.height) : fixed_position(py, plan.height);
    float value[3] = {};
    sample(plan, x, y, value);
    if (plan.eight_bit) {
      for (float &v : value) v = static_cast<float>(static_cast<int32_t>(v * plan.sample_unit + 0.5f));
    }
    const size_t pixel = static_cast<size_t>(row) * static_cast<size_t>(plan.out_width) + static_cast<size_t>(column);
    if (plan.channels == 1) {
      if (plan.source != Source::kGray) value[0] = (value[0] * 0.299f + value[1] * 0.587f) + value[2] * 0.114f;
      store(plan, pixel, 0, value[0]);
      continue;
    }
    for (int c = 0; c < 3; ++c) {
      const size_t channel = static_cast<size_t>(c);
      store(plan, plan.interleaved ? pixel * 3 + channel : channel * area + pixel, c, value[c]);
    }
  }
}

void scalar_rows(const Plan &plan) {
  for (int32_t row = 0; row < plan.out_height; ++row) scalar_span(plan, row, 0, plan.out_width);
}

}  // namespace mien::image
