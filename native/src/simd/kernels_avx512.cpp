// The kernels of this project compiled for AVX-512 F, BW, DQ and VL.
#include "image/block.h"
#include "reenact/blend.h"
#include "simd/arrays.h"
#include "simd/avx512.h"

namespace mien::simd {

const Kernels kAvx512Kernels = {image::vector_rows<Avx512>,   one_euro_step, map_points, find_at_least, stretch,
                                reenact::blend_strips<Avx512>};

}  // namespace mien::simd
