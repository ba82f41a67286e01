// NEON (AArch64) as the vector operations that src/image/block.h is written in: 4 pixels, one 128-bit lane.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace mien::simd {
namespace {

struct Neon {
  using Int = int32x4_t;
  using Float = float32x4_t;
  static constexpr int kPixels = 4;

  static Int set(int32_t v) { return vdupq_n_s32(v); }
  static Float setf(float v) { return vdupq_n_f32(v); }
  static Int iota() {
    static constexpr int32_t kFirst[4] = {0, 1, 2, 3};
    return vld1q_s32(kFirst);
  }
  static Int bytes(const uint8_t *sixteen) { return vreinterpretq_s32_u8(vld1q_u8(sixteen)); }

  static Float to_float(Int v) { return vcvtq_f32_s32(v); }
  static Int floor(Float v) { return vcvtmq_s32_f32(v); }
  static Int round(Float v) { return vcvtnq_s32_f32(v); }
  static Float add(Float a, Float b) { return vaddq_f32(a, b); }
  static Float mul(Float a, Float b) { return vmulq_f32(a, b); }
  static Float min(Float a, Float b) { return vminnmq_f32(a, b); }  // of a number and NaN: the number, as on x86
  static Float max(Float a, Float b) { return vmaxnmq_f32(a, b); }

  static Int add(Int a, Int b) { return vaddq_s32(a, b); }
  static Int sub(Int a, Int b) { return vsubq_s32(a, b); }
  static Int mul(Int a, Int b) { return vmulq_s32(a, b); }
  static Int min(Int a, Int b) { return vminq_s32(a, b); }
  static Int max(Int a, Int b) { return vmaxq_s32(a, b); }
  template <int N>
  static Int shl(Int v) {
    return vshlq_n_s32(v, N);
  }
  template <int N>
  static Int sar(Int v) {
    return vshrq_n_s32(v, N);
  }
  static Int bit_or(Int a, Int b) { return vorrq_s32(a, b); }
  static bool equal(Int a, Int b) { return vminvq_u32(vceqq_s32(a, b)) != 0; }
  static bool within(Int v, Int low, Int high) { return equal(min(max(v, low), high), v); }

  static Int dot8(Int weights, Int values) {
    const uint8x16_t w = vreinterpretq_u8_s32(weights), v = vreinterpretq_u8_s32(values);
    return vreinterpretq_s32_u16(vpaddq_u16(vmull_u8(vget_low_u8(w), vget_low_u8(v)), vmull_high_u8(w, v)));
  }
  static constexpr int32_t kSumBias = 0;
  static Int dot16(Int a, Int b) {
    const int16x8_t x = vreinterpretq_s16_s32(a), y = vreinterpretq_s16_s32(b);
    return vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
  }
  static Int shuffle(Int v, Int control) {
    return vreinterpretq_s32_u8(vqtbl1q_u8(vreinterpretq_u8_s32(v), vreinterpretq_u8_s32(control)));
  }
  static Int add_bytes(Int a, Int b) {
    return vreinterpretq_s32_u8(vaddq_u8(vreinterpretq_u8_s32(a), vreinterpretq_u8_s32(b)));
  }
  template <int K>
  static Int spread(Int v) {
    return vdupq_laneq_s32(v, K);
  }
  static Int first_of(Int first, Int rest) { return vcopyq_laneq_s32(rest, 0, first, 0); }

  template <int K>
  static Int load8(const uint8_t *top, const uint8_t *bottom, const int32_t *at) {
    return vreinterpretq_s32_u8(vcombine_u8(vld1_u8(top + at[K]), vld1_u8(bottom + at[K])));
  }
  template <int K>
  static Int load4(const uint8_t *a_top, const uint8_t *a_bottom, const int32_t *a_at, const uint8_t *b_top,
                   const uint8_t *b_bottom, const int32_t *b_at) {
    const int32_t words[4] = {word(a_top + a_at[K]), word(b_top + b_at[K]), word(a_bottom + a_at[K]),
                              word(b_bottom + b_at[K])};
    return vld1q_s32(words);
  }
  static void transpose(Int v[4]) {
    const Int a = vzip1q_s32(v[0], v[2]), b = vzip2q_s32(v[0], v[2]);
    const Int c = vzip1q_s32(v[1], v[3]), d = vzip2q_s32(v[1], v[3]);
    v[0] = vzip1q_s32(a, c);
    v[1] = vzip2q_s32(a, c);
    v[2] = vzip1q_s32(b, d);
    v[3] = vzip2q_s32(b, d);
  }

  static void put(int32_t *to, Int v) { vst1q_s32(to, v); }
  static void put(float *to, Float v) { vst1q_f32(to, v); }
  static Float get(const float *from) { return vld1q_f32(from); }
  static void put_half(uint16_t *to, Float v) { vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
  static void put_byte(uint8_t *to, Int v) {
    const uint16x4_t half = vmovn_u32(vreinterpretq_u32_s32(v));
    const uint8x8_t bytes = vmovn_u16(vcombine_u16(half, half));
    const uint32_t word = vget_lane_u32(vreinterpret_u32_u8(bytes), 0);
    __builtin_memcpy(to, &word, sizeof word);
  }
  static void put3(float *to, Float r, Float g, Float b) { vst3q_f32(to, float32x4x3_t{{r, g, b}}); }
  static void put3_byte(uint8_t *to, Int r, Int g, Int b) {
    static constexpr uint8_t kSqueeze[16] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255};
    const Int low = set(0xff);
    const Int pixels = bit_or(bit_or(vandq_s32(r, low), shl<8>(vandq_s32(g, low))), shl<16>(b));
    const uint8x16_t squeezed = vqtbl1q_u8(vreinterpretq_u8_s32(pixels), vld1q_u8(kSqueeze));
    vst1_u8(to, vget_low_u8(squeezed));
    const uint32_t last = vgetq_lane_u32(vreinterpretq_u32_u8(squeezed), 2);
    __builtin_memcpy(to + 8, &last, sizeof last);
  }

 private:
  static int32_t word(const uint8_t *p) {
    int32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
};

}  // namespace
}  // namespace mien::simd
