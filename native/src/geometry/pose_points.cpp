// mien_pose_from_points: head pose from 2-D points. Scaled orthography (DeMenthon & Davis 1995, first step) gives a
// start that needs no guess; Levenberg-Marquardt on the reprojection error refines it.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "geometry/procrustes.h"

namespace mien::geometry {
namespace {

struct Problem {
  const float *points, *canonical, *weights;
  size_t count;
  double center_x, center_y, focal;

  double weight(size_t i) const { return weights != nullptr ? weights[i] : 1.0; }
};

struct Pose {
  double rotation[9], translation[3];
};

// Solves the symmetric positive definite n x n system a x = b in place (Cholesky); false if a pivot falls below
// `floor` times its diagonal entry, that is, if the unknowns are not independent.
bool solve_spd(double *a, double *b, int n, double floor) {
  for (int i = 0; i < n; ++i) {
    const double diagonal = a[i * n + i];
    for (int k = 0; k <= i; ++k) {
      double sum = a[i * n + k];
      for (int m = 0; m < k; ++m) sum -= a[i * n + m] * a[k * n + m];
      if (i == k) {
        if (!(sum > floor * diagonal) || !(diagonal > 0)) return false;
        a[i * n + i] = std::sqrt(sum);
      } else {
        a[i * n + k] = sum / a[k * n + k];
      }
    }
  }
  for (int i = 0; i < n; ++i) {
    for (int m = 0; m < i; ++m) b[i] -= a[i * n + m] * b[m];
    b[i] /= a[i * n + i];
  }
  for (int i = n - 1; i >= 0; --i) {
    for (int m = i + 1; m < n; ++m) b[i] -= a[m * n + i] * b[m];
    b[i] /= a[i * n + i];
  }
  return true;
}

bool normalize(double v[3]) {
  const double norm = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  if (!(norm > 0)) return false;
  for (int i = 0; i < 3; ++i) v[i] /= norm;
  return true;
}

// The affine camera of least error, made a rotation, a scale and a depth.
bool start_pose(const Problem &p, Pose *pose) {
  double total = 0, mean[3] = {}, image[2] = {};
  for (size_t i = 0; i < p.count; ++i) {
    const double w = p.weight(i);
    total += w;
    for (size_t k = 0; k < 3; ++k) mean[k] += w * p.canonical[3 * i + k];
    image[0] += w * (p.points[2 * i] - p.center_x);
    image[1] += w * (p.center_y - p.points[2 * i + 1]);
  }
  for (double &m : mean) m /= total;
  for (double &m : image) m /= total;
  double scatter[9] = {}, rows[2][3] = {};
  for (size_t i = 0; i < p.count; ++i) {
    const double w = p.weight(i);
    const double u[2] = {p.points[2 * i] - p.center_x - image[0], p.center_y - p.points[2 * i + 1] - image[1]};
    double c[3];
    for (size_t k = 0; k < 3; ++k) c[k] = p.canonical[3 * i + k] - mean[k];
    for (int k = 0; k < 3; ++k) {
      for (int l = 0; l < 3; ++l) scatter[3 * k + l] += w * c[k] * c[l];
      for (int l = 0; l < 2; ++l) rows[l][k] += w * c[k] * u[l];
    }
  }
  double factor[9];
  for (auto &row : rows) {
    std::copy(scatter, scatter + 9, factor);
    if (!solve_spd(factor, row, 3, 1e-6)) return false;  // points in a plane or on a line
  }
  const double size[2] = {std::hypot(rows[0][0], rows[0][1], rows[0][2]),
                          std::hypot(rows[1][0], rows[1][1], rows[1][2])};
  if (!normalize(rows[0]) || !normalize(rows[1])) return false;
  // The two axes share the error of not being perpendicular.
  double plus[3], minus[3];
  for (int k = 0; k < 3; ++k) {
    plus[k] = rows[0][k] + rows[1][k];
    minus[k] = rows[0][k] - rows[1][k];
  }
  if (!normalize(plus) || !normalize(minus)) return false;
  double *r = pose->rotation;
  for (int k = 0; k < 3; ++k) {
    r[k] = (plus[k] + minus[k]) * std::sqrt(0.5);
    r[3 + k] = (plus[k] - minus[k]) * std::sqrt(0.5);
  }
  r[6] = r[1] * r[5] - r[2] * r[4];
  r[7] = r[2] * r[3] - r[0] * r[5];
  r[8] = r[0] * r[4] - r[1] * r[3];
  const double scale = 0.5 * (size[0] + size[1]);
  if (!(scale > 0)) return false;
  const double depth = p.focal / scale;
  const double camera[3] = {image[0] / scale, image[1] / scale, -depth};
  for (int k = 0; k < 3; ++k) {
    pose->translation[k] = camera[k] - (r[3 * k] * mean[0] + r[3 * k + 1] * mean[1] + r[3 * k + 2] * mean[2]);
  }
  return true;
}

// The weighted sum of squared errors; with `normal` also the normal equations of a left-multiplied small rotation and a
// translation. Infinite if a point lies behind the camera.
double evaluate(const Problem &p, const Pose &pose, double normal[36], double gradient[6]) {
  double error = 0;
  if (normal != nullptr) {
    std::fill(normal, normal + 36, 0.0);
    std::fill(gradient, gradient + 6, 0.0);
  }
  for (size_t i = 0; i < p.count; ++i) {
    const double w = p.weight(i);
    if (w == 0) continue;
    double turned[3], camera[3];
    for (size_t k = 0; k < 3; ++k) {
      const double *row = pose.rotation + 3 * k;
      turned[k] = row[0] * p.canonical[3 * i] + row[1] * p.canonical[3 * i + 1] + row[2] * p.canonical[3 * i + 2];
      camera[k] = turned[k] + pose.translation[k];
    }
    if (!(camera[2] < 0)) return HUGE_VAL;
    const double inverse = -1 / camera[2], f = p.focal;
    const double du = p.center_x + f * camera[0] * inverse - p.points[2 * i];
    const double dv = p.center_y - f * camera[1] * inverse - p.points[2 * i + 1];
    error += w * (du * du + dv * dv);
    if (normal == nullptr) continue;
    // d(u, v) / d camera, then d camera / d (rotation, translation) = [-[turned]x | I].
    const double gu[3] = {f * inverse, 0, f * camera[0] * inverse * inverse};
    const double gv[3] = {0, -f * inverse, -f * camera[1] * inverse * inverse};
    double ju[6], jv[6];
    for (int k = 0; k < 3; ++k) {
      const int a = (k + 1) % 3, b = (k + 2) % 3;
      ju[k] = turned[a] * gu[b] - turned[b] * gu[a];
      jv[k] = turned[a] * gv[b] - turned[b] * gv[a];
      ju[3 + k] = gu[k];
      jv[3 + k] = gv[k];
    }
    for (int k = 0; k < 6; ++k) {
      for (int l = 0; l < 6; ++l) normal[6 * k + l] += w * (ju[k] * ju[l] + jv[k] * jv[l]);
      gradient[k] += w * (ju[k] * du + jv[k] * dv);
    }
  }
  return error;
}

Pose moved(const Pose &pose, const double step[6]) {
  const double angle = std::hypot(step[0], step[1], step[2]);
  const double half = angle > 1e-12 ? std::sin(angle / 2) / angle : 0.5;
  const double q[4] = {std::cos(angle / 2), step[0] * half, step[1] * half, step[2] * half};
  double turn[9];
  rotation_from_quaternion(q, turn);
  Pose next{};
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 3; ++k) {
      for (int m = 0; m < 3; ++m) next.rotation[3 * i + k] += turn[3 * i + m] * pose.rotation[3 * m + k];
    }
    next.translation[i] = pose.translation[i] + step[3 + i];
  }
  return next;
}

mien_status solve(const Problem &p, Rigid *out) {
  Pose pose{};
  if (!start_pose(p, &pose)) return MIEN_E_DEGENERATE;
  double normal[36], gradient[6];
  double error = evaluate(p, pose, normal, gradient), damping = 1e-4;
  // Strong perspective can put a point behind the camera of the start; further away it is in front.
  for (int i = 0; i < 8 && !std::isfinite(error); ++i) {
    for (double &t : pose.translation) t *= 1.5;
    error = evaluate(p, pose, normal, gradient);
  }
  if (!std::isfinite(error)) return MIEN_E_DEGENERATE;
  for (int iteration = 0; iteration < 100 && damping < 1e12; ++iteration) {
    double system[36], step[6];
    std::copy(normal, normal + 36, system);
    for (int k = 0; k < 6; ++k) {
      system[7 * k] *= 1 + damping;
      step[k] = -gradient[k];
    }
    if (!solve_spd(system, step, 6, 1e-15)) return MIEN_E_DEGENERATE;
    const Pose next = moved(pose, step);
    const double next_error = evaluate(p, next, nullptr, nullptr);
    if (!(next_error < error)) {
      damping *= 8;
      continue;
    }
    const bool settled = error - next_error <= 1e-14 * error;
    pose = next;
    error = evaluate(p, pose, normal, gradient);
    damping = std::max(damping / 8, 1e-12);
    if (settled) break;
  }
  double unknowns[6] = {};
  if (!solve_spd(normal, unknowns, 6, 1e-12)) return MIEN_E_DEGENERATE;
  Rigid r{};
  r.scale = 1;
  std::copy(pose.rotation, pose.rotation + 9, r.rotation);
  quaternion_from_rotation(pose.rotation, r.quaternion);
  std::copy(pose.translation, pose.translation + 3, r.translation);
  double total = 0;
  for (size_t i = 0; i < p.count; ++i) total += p.weight(i);
  r.residual = std::sqrt(error / total);
  if (!all_finite(r.quaternion, 4) || !all_finite(r.translation, 3)) return MIEN_E_DEGENERATE;
  *out = r;
  return MIEN_OK;
}

}  // namespace
}  // namespace mien::geometry

mien_status mien_pose_from_points(const float *points_xy, const float *canonical_xyz, const float *weights,
                                  size_t count, int32_t width, int32_t height, float fov_y, mien_pose *pose) {
  if (points_xy == nullptr || canonical_xyz == nullptr || pose == nullptr || count == 0 || !mien::count_sane(count)) {
    return MIEN_E_ARGUMENT;
  }
  if (pose->struct_size != sizeof(mien_pose)) return MIEN_E_STRUCT;
  if (width < 1 || width > MIEN_MAX_EXTENT || height < 1 || height > MIEN_MAX_EXTENT) return MIEN_E_SHAPE;
  if (!mien::all_finite(points_xy, 2 * count) || !mien::all_finite(canonical_xyz, 3 * count) ||
      (weights != nullptr && !mien::all_finite(weights, count)) || !std::isfinite(fov_y)) {
    return MIEN_E_NOT_FINITE;
  }
  if (!(fov_y > 0.001f) || !(fov_y < 3.14f)) return MIEN_E_ARGUMENT;
  if (!mien::weights_usable(weights, count)) return MIEN_E_DEGENERATE;
  size_t used = 0;
  for (size_t i = 0; i < count; ++i) used += weights == nullptr || weights[i] > 0 ? 1 : 0;
  if (used < 4) return MIEN_E_DEGENERATE;
  const mien::geometry::Problem problem{points_xy,
                                        canonical_xyz,
                                        weights,
                                        count,
                                        width * 0.5,
                                        height * 0.5,
                                        height * 0.5 / std::tan(static_cast<double>(fov_y) / 2)};
  mien::geometry::Rigid rigid;
  const mien_status status = mien::geometry::solve(problem, &rigid);
  if (status == MIEN_OK) mien::geometry::store_pose(rigid, pose);
  return status;
}
