// Detection and selection of the instruction set, and the part of the C interface about it.
#include "simd/dispatch.h"

#include <atomic>

#include "mien/mien.h"

#if defined(MIEN_X86)
#include <cpuid.h>
#endif

namespace mien::simd {
namespace {

constexpr int kLevels = 4;

#if defined(MIEN_X86)
// XCR0: which register files the operating system saves. Without it a processor with AVX-512 may still fault.
uint64_t saved_registers() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

unsigned detect() {
  unsigned have = 1u << MIEN_SIMD_SCALAR;
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return have;
  constexpr unsigned kOsxsave = 1u << 27, kAvx = 1u << 28, kF16c = 1u << 29;
  if ((c & (kOsxsave | kAvx | kF16c)) != (kOsxsave | kAvx | kF16c)) return have;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return have;
  const uint64_t saved = saved_registers();
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6;
  if ((saved & kYmm) == kYmm && (b & (1u << 5)) != 0) have |= 1u << MIEN_SIMD_AVX2;
  constexpr unsigned k512 = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);  // F, DQ, BW, VL
  if ((have & (1u << MIEN_SIMD_AVX2)) != 0 && (saved & kZmm) == kZmm && (b & k512) == k512) {
    have |= 1u << MIEN_SIMD_AVX512;
  }
  return have;
}
#elif defined(MIEN_NEON)
unsigned detect() {
  return (1u << MIEN_SIMD_SCALAR) | (1u << MIEN_SIMD_NEON);
}
#else
unsigned detect() {
  return 1u << MIEN_SIMD_SCALAR;
}
#endif

unsigned available() {
  static const unsigned have = detect();
  return have;
}

int best() {
  for (int level = kLevels - 1; level > 0; --level) {
    if ((available() >> level & 1u) != 0) return level;
  }
  return MIEN_SIMD_SCALAR;
}

std::atomic<int> &level() {
  static std::atomic<int> value{best()};
  return value;
}

}  // namespace

const Kernels &active() {
  switch (level().load(std::memory_order_relaxed)) {
#if defined(MIEN_X86)
    case MIEN_SIMD_AVX2:
      return kAvx2Kernels;
    case MIEN_SIMD_AVX512:
      return kAvx512Kernels;
#elif defined(MIEN_NEON)
    case MIEN_SIMD_NEON:
      return kNeonKernels;
#endif
    default:
      return kScalarKernels;
  }
}

}  // namespace mien::simd

mien_simd mien_simd_active(void) {
  return static_cast<mien_simd>(mien::simd::level().load(std::memory_order_relaxed));
}

int mien_simd_available(mien_simd level) {
  const int index = static_cast<int>(level);
  return index >= 0 && index < mien::simd::kLevels && (mien::simd::available() >> index & 1u) != 0;
}

mien_status mien_simd_select(mien_simd level) {
  const int index = static_cast<int>(level);
  if (index < 0 || index >= mien::simd::kLevels) return MIEN_E_ARGUMENT;
  if (!mien_simd_available(level)) return MIEN_E_UNSUPPORTED;
  mien::simd::level().store(index, std::memory_order_relaxed);
  return MIEN_OK;
}

const char *mien_simd_name(mien_simd level) {
  switch (level) {
    case MIEN_SIMD_SCALAR:
      return "scalar";
    case MIEN_SIMD_NEON:
      return "neon";
    case MIEN_SIMD_AVX2:
      return "avx2";
    case MIEN_SIMD_AVX512:
      return "avx512";
  }
  return "unknown";
}
