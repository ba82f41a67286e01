#include "image/plan.h"
#include "simd/arrays.h"

namespace mien::simd {
const Kernels kAvx512Kernels = {image::scalar_rows, one_euro_step, map_points, find_at_least};
}  // namespace mien::simd
