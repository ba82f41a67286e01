// AVX2 with F16C as the vector operations that src/image/block.h is written in: 8 pixels, 4 per 128-bit lane.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace mien::simd {
namespace {

struct Avx2 {
  using Int = __m256i;
  using Float = __m256;
  static constexpr int kPixels = 8;

  static Int set(int32_t v) { return _mm256_set1_epi32(v); }
  static Float setf(float v) { return _mm256_set1_ps(v); }
  static Int iota() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
  static Int bytes(const uint8_t *sixteen) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(sixteen)));
  }

  static Float to_float(Int v) { return _mm256_cvtepi32_ps(v); }
  static Int floor(Float v) { return _mm256_cvttps_epi32(_mm256_floor_ps(v)); }
  static Int round(Float v) { return _mm256_cvtps_epi32(v); }  // to even, the mode that all arithmetic here relies on
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float min(Float a, Float b) { return _mm256_min_ps(a, b); }
  static Float max(Float a, Float b) { return _mm256_max_ps(a, b); }

  static Int add(Int a, Int b) { return _mm256_add_epi32(a, b); }
  static Int sub(Int a, Int b) { return _mm256_sub_epi32(a, b); }
  static Int mul(Int a, Int b) { return _mm256_mullo_epi32(a, b); }
  static Int min(Int a, Int b) { return _mm256_min_epi32(a, b); }
  static Int max(Int a, Int b) { return _mm256_max_epi32(a, b); }
  template <int N>
  static Int shl(Int v) {
    return _mm256_slli_epi32(v, N);
  }
  template <int N>
  static Int sar(Int v) {
    return _mm256_srai_epi32(v, N);
  }
  static Int bit_or(Int a, Int b) { return _mm256_or_si256(a, b); }
  static bool equal(Int a, Int b) { return _mm256_movemask_epi8(_mm256_cmpeq_epi32(a, b)) == -1; }
  static bool within(Int v, Int low, Int high) { return equal(min(max(v, low), high), v); }

  // Sums of products of neighbouring bytes, weights 0..128 times values 0..255, as 16 bits. The instruction wants one
  // side signed, so 128 is taken from the values; with weights that sum to 128 that shifts every sum by -128 * 128.
  static Int dot8(Int weights, Int values) {
    return _mm256_maddubs_epi16(weights, _mm256_xor_si256(values, _mm256_set1_epi8(-128)));
  }
  static constexpr int32_t kSumBias = -128 * 128 * 128;
  static Int dot16(Int a, Int b) { return _mm256_madd_epi16(a, b); }
  static Int shuffle(Int v, Int control) { return _mm256_shuffle_epi8(v, control); }
  static Int add_bytes(Int a, Int b) { return _mm256_add_epi8(a, b); }
  template <int K>
  static Int spread(Int v) {
    return _mm256_shuffle_epi32(v, K * 0x55);
  }
  static Int first_of(Int first, Int rest) { return _mm256_blend_epi32(rest, first, 0x11); }

  template <int K>
  static Int load8(const uint8_t *top, const uint8_t *bottom, const int32_t *at) {
    return join(pair8(top, bottom, at[K]), pair8(top, bottom, at[4 + K]));
  }
  template <int K>
  static Int load4(const uint8_t *a_top, const uint8_t *a_bottom, const int32_t *a_at, const uint8_t *b_top,
                   const uint8_t *b_bottom, const int32_t *b_at) {
    const auto quad = [&](int i) {
      return quad4(a_top + a_at[i], b_top + b_at[i], a_bottom + a_at[i], b_bottom + b_at[i]);
    };
    return join(quad(K), quad(4 + K));
  }
  static void transpose(Int v[4]) {
    const Int a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpackhi_epi32(v[0], v[1]);
    const Int c = _mm256_unpacklo_epi32(v[2], v[3]), d = _mm256_unpackhi_epi32(v[2], v[3]);
    v[0] = _mm256_unpacklo_epi64(a, c);
    v[1] = _mm256_unpackhi_epi64(a, c);
    v[2] = _mm256_unpacklo_epi64(b, d);
    v[3] = _mm256_unpackhi_epi64(b, d);
  }

  static void put(int32_t *to, Int v) { _mm256_store_si256(reinterpret_cast<__m256i *>(to), v); }
  static void put(float *to, Float v) { _mm256_storeu_ps(to, v); }
  static Float get(const float *from) { return _mm256_loadu_ps(from); }
  static void put_half(uint16_t *to, Float v) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to),
                     _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static void put_byte(uint8_t *to, Int v) {
    const Int low = _mm256_shuffle_epi8(
        v, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)));
    const __m128i both = _mm_unpacklo_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(to), both);
  }
  static void put3(float *to, Float r, Float g, Float b) {
    // Each plane turned so that its elements stand at their places modulo 3, then picked by blends.
    const Float x = _mm256_permutevar8x32_ps(r, _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5));
    const Float y = _mm256_permutevar8x32_ps(g, _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2));
    const Float z = _mm256_permutevar8x32_ps(b, _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7));
    put(to, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x92), z, 0x24));
    put(to + 8, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x24), z, 0x49));
    put(to + 16, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x49), z, 0x92));
  }
  static void put3_byte(uint8_t *to, Int r, Int g, Int b) {
    const Int low = set(0xff);
    const Int pixels = bit_or(bit_or(_mm256_and_si256(r, low), shl<8>(_mm256_and_si256(g, low))), shl<16>(b));
    const Int squeezed = _mm256_shuffle_epi8(
        pixels, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1)));
    const Int joined = _mm256_permutevar8x32_epi32(squeezed, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm256_castsi256_si128(joined));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(to + 16), _mm256_extracti128_si256(joined, 1));
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
  static Int join(__m128i a, __m128i b) { return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1); }
};

}  // namespace
}  // namespace mien::simd
