// The kernels of this project compiled for AVX2 with F16C.
#include "image/block.h"
#include "reenact/blend.h"
#include "simd/arrays.h"
#include "simd/avx2.h"

namespace mien::simd {

const Kernels kAvx2Kernels = {image::vector_rows<Avx2>,   one_euro_step, map_points, find_at_least, stretch,
                              reenact::blend_strips<Avx2>};

}  // namespace mien::simd
