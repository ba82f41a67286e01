// The weighted rigid fit between two sets of points in space, shared by the pose estimators. Double precision inside:
// the centred sums of face points in pixels lose up to half of a float's digits.
#pragma once

#include <cstddef>

#include "mien/mien.h"

namespace mien::geometry {

struct Rigid {
  double scale;
  double quaternion[4];  // w, x, y, z; w >= 0
  double rotation[9];    // row-major
  double translation[3];
  double residual;
};

// dst = scale * R * src + t over points of `src` (floats) and `dst` (doubles), both xyz. The rotation is Horn's (1987):
// the eigenvector of the largest eigenvalue of a symmetric 4x4 matrix. The same optimum as the weighted Procrustes of
// MediaPipe's face geometry, which scales both sets by the square roots of the weights before an SVD.
mien_status fit(const float *src, const double *dst, const float *weights, size_t count, bool fixed_scale, Rigid *out);

void rotation_from_quaternion(const double q[4], double rotation[9]);
void quaternion_from_rotation(const double rotation[9], double q[4]);
void store_pose(const Rigid &rigid, mien_pose *pose);

}  // namespace mien::geometry
