// The prepared form of one image_to_tensor call: checked, with everything folded that does not depend on the pixel.
// src/image/tensor.cpp makes it, the kernels of src/simd consume it.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__GNUC__)
#define MIEN_INLINE inline __attribute__((always_inline))
#else
#define MIEN_INLINE inline
#endif

namespace mien::image {

enum class Source { kGray, kPacked3, kPacked4, kSemiPlanar, kYuyv };
enum class Element { kF32, kF16, kByte };

// Positions are fixed point with 7 fraction bits; a bilinear sum therefore carries 14.
constexpr int32_t kFractionBits = 7;
constexpr int32_t kOne = 1 << kFractionBits;
constexpr int32_t kUnit = kOne * kOne;

struct Plan {
  // The frame.
  Source source;
  const uint8_t *plane[2];
  int64_t stride[2];
  int32_t width, height;
  uint8_t order[3];  // byte of the source pixel that becomes channel 0, 1, 2; for YUV the bytes of U, V in their pair
  bool constant_border;
  bool eight_bit;     // MIEN_SAMPLING_8BIT: samples are rounded,
  float sample_unit;  // after this brought them to 0..255

  // Tensor pixel -> frame position, times kOne, as floats: x = ax[0] * col + (ax[1] * row + ax[2]).
  float ax[3], ay[3];

  // YUV to RGB, applied to sums in units of 1 / kUnit.
  int32_t y_black;
  float y_gain, v_to_r, u_to_g, v_to_g, u_to_b;
  bool swap_rb;  // the tensor wants BGR and the kernel computed RGB

  // The tensor: element = sample * gain[c] + offset[c], for bytes then limited to low..high, rounded, plus zero.
  int32_t out_width, out_height, channels;
  Element element;
  bool interleaved;
  float gain[3], offset[3];
  float low, high;
  int32_t zero;
  void *data;
};

// Columns [begin, end) of one tensor row. Handles every frame, border and position; the vector kernels leave to it the
// blocks that they cannot do.
void scalar_span(const Plan &plan, int32_t row, int32_t begin, int32_t end);
void scalar_rows(const Plan &plan);

}  // namespace mien::image
