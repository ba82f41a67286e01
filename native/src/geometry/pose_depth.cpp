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

// The points that carry weight, on the near plane: x right, y up from the centre, z away from the viewer in the units
// of x. Most landmarks of a face have no weight; fitting only the others took a frame's pose from 27 us to 10.
struct Screen {
  std::vector<double> points;
  std::vector<float> canonical, weights;
  double depth_offset = 0;  // mean over all landmarks
};

Screen project_to_screen(const float *landmarks, const float *canonical, const float *weights, size_t count,
                         int32_t width, int32_t height, double fov_y) {
  const double screen_height = 2 * kNear * std::tan(fov_y / 2);
  const double screen_width = screen_height * width / height;
  Screen screen;
  for (size_t i = 0; i < count; ++i) {
    const double depth = static_cast<double>(landmarks[3 * i + 2]) / width * screen_width;
    screen.depth_offset += depth / static_cast<double>(count);
    if (weights != nullptr && weights[i] == 0) continue;
    screen.points.push_back(landmarks[3 * i] / width * screen_width - screen_width / 2);
    screen.points.push_back((1 - static_cast<double>(landmarks[3 * i + 1]) / height) * screen_height -
                            screen_height / 2);
    screen.points.push_back(depth);
    screen.canonical.insert(screen.canonical.end(), canonical + 3 * i, canonical + 3 * i + 3);
    screen.weights.push_back(weights != nullptr ? weights[i] : 1.0f);
  }
  return screen;
}

// The screen points in camera space (z towards the viewer) if the face is `scale` times the canonical one there.
std::vector<double> unproject(const Screen &screen, double scale) {
  std::vector<double> metric(screen.points.size());
  for (size_t i = 0; i < metric.size(); i += 3) {
    const double depth = (screen.points[i + 2] - screen.depth_offset + kNear) / scale;
    metric[i] = screen.points[i] * depth / kNear;
    metric[i + 1] = screen.points[i + 1] * depth / kNear;
    metric[i + 2] = -depth;
  }
  return metric;
}

mien_status solve(const float *landmarks, const float *canonical, const float *weights, size_t count, int32_t width,
                  int32_t height, double fov_y, Rigid *out) {
  const Screen screen = project_to_screen(landmarks, canonical, weights, count, width, height, fov_y);
  const auto fit_to = [&screen](const std::vector<double> &points, bool fixed_scale, Rigid *rigid) {
    return fit(screen.canonical.data(), points.data(), screen.weights.data(), screen.weights.size(), fixed_scale,
               rigid);
  };
  std::vector<double> flat = screen.points;
  for (size_t i = 2; i < flat.size(); i += 3) flat[i] = -flat[i];
  Rigid first, second;
  mien_status status = fit_to(flat, false, &first);
  if (status != MIEN_OK) return status;
  status = fit_to(unproject(screen, first.scale), false, &second);
  if (status != MIEN_OK) return status;
  return fit_to(unproject(screen, first.scale * second.scale), true, out);
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
