// AVX-512 (F, BW, DQ, VL) as the vector operations that src/image/block.h is written in: 16 pixels, 4 per 128-bit lane.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace mien::simd {
namespace {

struct Avx512 {
  using Int = __m512i;
  using Float = __m512;
  static constexpr int kPixels = 16;

  static Int set(int32_t v) { return _mm512_set1_epi32(v); }
  static Float setf(float v) { return _mm512_set1_ps(v); }
  static Int iota() { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
  static Int bytes(const uint8_t *sixteen) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i *>(sixteen)));
  }

  static Float to_float(Int v) { return _mm512_cvtepi32_ps(v); }
  static Int floor(Float v) { return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  static Int round(Float v) { return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float min(Float a, Float b) { return _mm512_min_ps(a, b); }
  static Float max(Float a, Float b) { return _mm512_max_ps(a, b); }

  static Int add(Int a, Int b) { return _mm512_add_epi32(a, b); }
  static Int sub(Int a, Int b) { return _mm512_sub_epi32(a, b); }
  static Int mul(Int a, Int b) { return _mm512_mullo_epi32(a, b); }
  static Int min(Int a, Int b) { return _mm512_min_epi32(a, b); }
  static Int max(Int a, Int b) { return _mm512_max_epi32(a, b); }
  template <int N>
  static Int shl(Int v) {
    return _mm512_slli_epi32(v, N);
  }
  template <int N>
  static Int sar(Int v) {
    return _mm512_srai_epi32(v, N);
  }
  static Int bit_or(Int a, Int b) { return _mm512_or_si512(a, b); }
  static bool equal(Int a, Int b) { return _mm512_cmpneq_epi32_mask(a, b) == 0; }
  // Whether every element lies in low..high.
  static bool within(Int v, Int low, Int high) { return equal(min(max(v, low), high), v); }

  // Sums of products of neighbouring bytes, weights 0..128 times values 0..255, as 16 bits. The instruction wants one
  // side signed, so 128 is taken from the values; with weights that sum to 128 that shifts every sum by -128 * 128.
  static Int dot8(Int weights, Int values) {
    return _mm512_maddubs_epi16(weights, _mm512_xor_si512(values, _mm512_set1_epi8(-128)));
  }
  static constexpr int32_t kSumBias = -128 * 128 * 128;
  // Sums of products of neighbouring 16-bit elements.
  static Int dot16(Int a, Int b) { return _mm512_madd_epi16(a, b); }
  static Int shuffle(Int v, Int control) { return _mm512_shuffle_epi8(v, control); }
  static Int add_bytes(Int a, Int b) { return _mm512_add_epi8(a, b); }
  // Element K of each lane, in all four elements of that lane.
  template <int K>
  static Int spread(Int v) {
    return _mm512_shuffle_epi32(v, static_cast<_MM_PERM_ENUM>(K * 0x55));
  }
  // Element 0 of each lane from `first`, the others from `rest`.
  static Int first_of(Int first, Int rest) { return _mm512_mask_blend_epi32(0x1111, rest, first); }

  // Lane l: 8 bytes at top + at[4 l + K], then 8 at bottom + the same.
  template <int K>
  static Int load8(const uint8_t *top, const uint8_t *bottom, const int32_t *at) {
    return join(pair8(top, bottom, at[K]), pair8(top, bottom, at[4 + K]), pair8(top, bottom, at[8 + K]),
                pair8(top, bottom, at[12 + K]));
  }
  // Lane l: 4 bytes each of a_top, b_top, a_bottom, b_bottom, at their positions of pixel 4 l + K.
  template <int K>
  static Int load4(const uint8_t *a_top, const uint8_t *a_bottom, const int32_t *a_at, const uint8_t *b_top,
                   const uint8_t *b_bottom, const int32_t *b_at) {
    const auto quad = [&](int i) {
      return quad4(a_top + a_at[i], b_top + b_at[i], a_bottom + a_at[i], b_bottom + b_at[i]);
    };
    return join(quad(K), quad(4 + K), quad(8 + K), quad(12 + K));
  }
  // Element k of lane l of v[c] becomes element c of lane l of v[k].
  static void transpose(Int v[4]) {
    const Int a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]);
    const Int c = _mm512_unpacklo_epi32(v[2], v[3]), d = _mm512_unpackhi_epi32(v[2], v[3]);
    v[0] = _mm512_unpacklo_epi64(a, c);
    v[1] = _mm512_unpackhi_epi64(a, c);
    v[2] = _mm512_unpacklo_epi64(b, d);
    v[3] = _mm512_unpackhi_epi64(b, d);
  }

  static void put(int32_t *to, Int v) { _mm512_store_si512(to, v); }
  static void put(float *to, Float v) { _mm512_storeu_ps(to, v); }
  static Float get(const float *from) { return _mm512_loadu_ps(from); }
  static void put_half(uint16_t *to, Float v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to),
                        _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static void put_byte(uint8_t *to, Int v) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm512_cvtepi32_epi8(v));
  }
  static void put3(float *to, Float r, Float g, Float b) {
    const auto merge = [&](Int rg, Int with_b) {
      return _mm512_permutex2var_ps(_mm512_permutex2var_ps(r, rg, g), with_b, b);
    };
    put(to, merge(_mm512_setr_epi32(0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5),
                  _mm512_setr_epi32(0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15)));
    put(to + 16, merge(_mm512_setr_epi32(21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26),
                       _mm512_setr_epi32(0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15)));
    put(to + 32, merge(_mm512_setr_epi32(0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0),
                       _mm512_setr_epi32(26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31)));
  }
  static void put3_byte(uint8_t *to, Int r, Int g, Int b) {
    const Int low = set(0xff);
    const Int pixels = bit_or(bit_or(_mm512_and_si512(r, low), shl<8>(_mm512_and_si512(g, low))), shl<16>(b));
    const Int squeezed = _mm512_shuffle_epi8(
        pixels, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1)));
    const Int joined =
        _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15), squeezed);
    _mm512_mask_storeu_epi32(to, 0x0fff, joined);
  }

 private:
  static __m128i pair8(const uint8_t *top, const uint8_t *bottom, int32_t at) {
    // Not _mm_load_sd: that one is defined for aligned doubles only.
    const __m128d low = _mm_castsi128_pd(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(top + at)));
    return _mm_castpd_si128(_mm_loadh_pd(low, reinterpret_cast<const double *>(bottom + at)));
  }
  static __m128i quad4(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d) {
    const __m128i ab = _mm_insert_epi32(_mm_loadu_si32(a), word(b), 1);
    const __m128i cd = _mm_insert_epi32(_mm_loadu_si32(c), word(d), 1);
    return _mm_unpacklo_epi64(ab, cd);
  }
  static int32_t word(const uint8_t *p) {
    int32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  static Int join(__m128i a, __m128i b, __m128i c, __m128i d) {
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(c), d, 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
};

}  // namespace
}  // namespace mien::simd
