// The kernels of this project compiled for NEON on AArch64.
#include "image/block.h"
#include "reenact/blend.h"
#include "simd/arrays.h"
#include "simd/neon.h"

namespace mien::simd {

const Kernels kNeonKernels = {image::vector_rows<Neon>,   one_euro_step, map_points, find_at_least, stretch,
                              reenact::blend_strips<Neon>};

}  // namespace mien::simd
