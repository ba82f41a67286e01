// mien_fit_rigid.
#include <new>
#include <vector>

#include "check.h"
#include "geometry/procrustes.h"

mien_status mien_fit_rigid(const float *src_xyz, const float *dst_xyz, const float *weights, size_t count,
                           int fixed_scale, mien_pose *pose) {
  if (src_xyz == nullptr || dst_xyz == nullptr || pose == nullptr || count == 0 || !mien::count_sane(count)) {
    return MIEN_E_ARGUMENT;
  }
  if (pose->struct_size != sizeof(mien_pose)) return MIEN_E_STRUCT;
  if (!mien::all_finite(src_xyz, 3 * count) || !mien::all_finite(dst_xyz, 3 * count) ||
      (weights != nullptr && !mien::all_finite(weights, count))) {
    return MIEN_E_NOT_FINITE;
  }
  try {
    const std::vector<double> dst(dst_xyz, dst_xyz + 3 * count);
    mien::geometry::Rigid rigid;
    const mien_status status = mien::geometry::fit(src_xyz, dst.data(), weights, count, fixed_scale != 0, &rigid);
    if (status != MIEN_OK) return status;
    mien::geometry::store_pose(rigid, pose);
  } catch (const std::exception &) {
    return MIEN_E_MEMORY;
  }
  return MIEN_OK;
}
