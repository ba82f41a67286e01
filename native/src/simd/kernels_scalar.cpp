// The reference: baseline instructions of the target, against which every other table is tested bit for bit.
#include "image/plan.h"
#include "reenact/strip.h"
#include "simd/arrays.h"

namespace mien::simd {

const Kernels kScalarKernels = {image::scalar_rows, one_euro_step, map_points,
                                find_at_least,      stretch,       reenact::blend_strip};

}  // namespace mien::simd
