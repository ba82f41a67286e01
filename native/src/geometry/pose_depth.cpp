// mien_pose_from_depth: metric head pose from landmarks with relative depth, by the two-pass scale estimate of
// MediaPipe's face geometry: the ratio of screen to canonical size first places the face in depth, the unprojected
// points then correct it.
#include <cmath>
#include <new>
#include <vector>

#include "check.h"
#include "geometry/procrustes.h"

namespace mien::geometry {
namespace {

constexpr double kNear = 1.0;  // cancels out of the result

// Landmarks on the near plane: x right, y up from the centre, z away from the viewer in the units of x.
std::vector<double> project_to_screen(const float *landmarks, size_t count, int32_t width, int32_t height,
                                      double fov_y) {
  const double screen_height = 2 * kNear * std::tan(fov_y / 2);
  const double screen_width = screen_height * width / height;
  std::vector<double> screen(3 * count);
  for (size_t i = 0; i < count; ++i) {
    screen[3 * i] = landmarks[3 * i] / width * screen_width - screen_width / 2;
    screen[3 * i + 1] = (1 - static_cast<double>(landmarks[3 * i + 1]) / height) * screen_height - screen_height / 2;
    screen[3 * i + 2] = static_cast<double>(landmarks[3 * i + 2]) / width * screen_width;
  }
  return screen;
}

// The screen points in camera space (z towards the viewer) if the face is `scale` times the canonical one there.
std::vector<double> unproject(const std::vector<double> &screen, double depth_offset, double scale) {
  std::vector<double> metric(screen.size());
  for (size_t i = 0; i < screen.size(); i += 3) {
    const double depth = (screen[i + 2] - depth_offset + kNear) / scale;
    metric[i] = screen[i] * depth / kNear;
    metric[i + 1] = screen[i + 1] * depth / kNear;
    metric[i + 2] = -depth;
  }
  return metric;
}

mien_status solve(const float *landmarks, const float *canonical, const float *weights, size_t count, int32_t width,
                  int32_t height, double fov_y, Rigid *out) {
  std::vector<double> screen = project_to_screen(landmarks, count, width, height, fov_y);
  double depth_offset = 0;
  std::vector<double> flat = screen;
  for (size_t i = 0; i < count; ++i) {
    depth_offset += screen[3 * i + 2] / static_cast<double>(count);
    flat[3 * i + 2] = -screen[3 * i + 2];
  }
  Rigid first, second;
  mien_status status = fit(canonical, flat.data(), weights, count, false, &first);
  if (status != MIEN_OK) return status;
  status = fit(canonical, unproject(screen, depth_offset, first.scale).data(), weights, count, false, &second);
  if (status != MIEN_OK) return status;
  const std::vector<double> metric = unproject(screen, depth_offset, first.scale * second.scale);
  return fit(canonical, metric.data(), weights, count, true, out);
}

}  // namespace
}  // namespace mien::geometry

mien_status mien_pose_from_depth(const float *landmarks_xyz, const float *canonical_xyz, const float *weights,
                                 size_t count, int32_t width, int32_t height, float fov_y, mien_pose *pose) {
  if (landmarks_xyz == nullptr || canonical_xyz == nullptr || pose == nullptr || count == 0 ||
      !mien::count_sane(count)) {
    return MIEN_E_ARGUMENT;
  }
  if (pose->struct_size != sizeof(mien_pose)) return MIEN_E_STRUCT;
  if (width < 1 || width > MIEN_MAX_EXTENT || height < 1 || height > MIEN_MAX_EXTENT) return MIEN_E_SHAPE;
  if (!mien::all_finite(landmarks_xyz, 3 * count) || !mien::all_finite(canonical_xyz, 3 * count) ||
      (weights != nullptr && !mien::all_finite(weights, count)) || !std::isfinite(fov_y)) {
    return MIEN_E_NOT_FINITE;
  }
  if (!(fov_y > 0.001f) || !(fov_y < 3.14f)) return MIEN_E_ARGUMENT;
  try {
    mien::geometry::Rigid rigid;
    const mien_status status =
        mien::geometry::solve(landmarks_xyz, canonical_xyz, weights, count, width, height, fov_y, &rigid);
    if (status != MIEN_OK) return status;
    mien::geometry::store_pose(rigid, pose);
  } catch (const std::exception &) {
    return MIEN_E_MEMORY;
  }
  return MIEN_OK;
}
