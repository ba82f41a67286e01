// Horn's closed-form absolute orientation with a cyclic Jacobi eigensolver.
#include "geometry/procrustes.h"

#include <algorithm>
#include <cmath>

#include "check.h"

namespace mien::geometry {
namespace {

// Eigenvalues on the diagonal of `a` and eigenvectors in the columns of `v` on return. A 4x4 matrix converges in about
// six sweeps; the limit only stops what rounding keeps from becoming exactly zero.
void jacobi(double a[4][4], double v[4][4]) {
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 4; ++k) v[i][k] = i == k ? 1.0 : 0.0;
  }
  for (int sweep = 0; sweep < 32; ++sweep) {
    double off = 0, on = 0;
    for (int i = 0; i < 4; ++i) {
      on += a[i][i] * a[i][i];
      for (int k = i + 1; k < 4; ++k) off += a[i][k] * a[i][k];
    }
    if (off <= 1e-32 * on) return;
    for (int p = 0; p < 3; ++p) {
      for (int q = p + 1; q < 4; ++q) {
        if (a[p][q] == 0) continue;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t = (theta >= 0 ? 1.0 : -1.0) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (int i = 0; i < 4; ++i) {
          const double ip = a[i][p], iq = a[i][q];
          a[i][p] = c * ip - s * iq;
          a[i][q] = s * ip + c * iq;
        }
        for (int i = 0; i < 4; ++i) {
          const double pi = a[p][i], qi = a[q][i];
          a[p][i] = c * pi - s * qi;
          a[q][i] = s * pi + c * qi;
        }
        for (int i = 0; i < 4; ++i) {
          const double ip = v[i][p], iq = v[i][q];
          v[i][p] = c * ip - s * iq;
          v[i][q] = s * ip + c * iq;
        }
      }
    }
  }
}

struct Sums {
  double total = 0, src[3] = {}, dst[3] = {};  // weight and centroids
  double cross[3][3] = {};                     // sum w src_i dst_k of the centred points
  double src_spread = 0, dst_spread = 0;
};

Sums accumulate(const float *src, const double *dst, const float *weights, size_t count) {
  Sums s;
  for (size_t i = 0; i < count; ++i) {
    const double w = weights != nullptr ? weights[i] : 1.0;
    s.total += w;
    for (size_t k = 0; k < 3; ++k) {
      s.src[k] += w * src[3 * i + k];
      s.dst[k] += w * dst[3 * i + k];
    }
  }
  for (int k = 0; k < 3; ++k) {
    s.src[k] /= s.total;
    s.dst[k] /= s.total;
  }
  for (size_t i = 0; i < count; ++i) {
    const double w = weights != nullptr ? weights[i] : 1.0;
    double p[3], q[3];
    for (size_t k = 0; k < 3; ++k) {
      p[k] = src[3 * i + k] - s.src[k];
      q[k] = dst[3 * i + k] - s.dst[k];
    }
    for (int k = 0; k < 3; ++k) {
      for (int l = 0; l < 3; ++l) s.cross[k][l] += w * p[k] * q[l];
      s.src_spread += w * p[k] * p[k];
      s.dst_spread += w * q[k] * q[k];
    }
  }
  return s;
}

// False if the rotation is not unique: points on a line, or all in one place.
bool best_quaternion(const Sums &s, double q[4]) {
  const auto &c = s.cross;
  double n[4][4] = {
      {c[0][0] + c[1][1] + c[2][2], c[1][2] - c[2][1], c[2][0] - c[0][2], c[0][1] - c[1][0]},
      {c[1][2] - c[2][1], c[0][0] - c[1][1] - c[2][2], c[0][1] + c[1][0], c[2][0] + c[0][2]},
      {c[2][0] - c[0][2], c[0][1] + c[1][0], c[1][1] - c[0][0] - c[2][2], c[1][2] + c[2][1]},
      {c[0][1] - c[1][0], c[2][0] + c[0][2], c[1][2] + c[2][1], c[2][2] - c[0][0] - c[1][1]},
  };
  double vectors[4][4];
  jacobi(n, vectors);
  int best = 0;
  for (int i = 1; i < 4; ++i) {
    if (n[i][i] > n[best][best]) best = i;
  }
  double second = -HUGE_VAL;
  for (int i = 0; i < 4; ++i) {
    if (i != best) second = std::max(second, n[i][i]);
  }
  if (!(n[best][best] - second > 1e-9 * std::sqrt(s.src_spread * s.dst_spread))) return false;
  const double sign = vectors[0][best] < 0 ? -1.0 : 1.0;
  double norm = 0;
  for (int i = 0; i < 4; ++i) norm += vectors[i][best] * vectors[i][best];
  for (int i = 0; i < 4; ++i) q[i] = sign * vectors[i][best] / std::sqrt(norm);
  return true;
}

double fit_error(const float *src, const double *dst, const float *weights, size_t count, const Rigid &r) {
  double sum = 0, total = 0;
  for (size_t i = 0; i < count; ++i) {
    const double w = weights != nullptr ? weights[i] : 1.0;
    total += w;
    for (size_t k = 0; k < 3; ++k) {
      const double *row = r.rotation + 3 * k;
      const double at = r.scale * (row[0] * src[3 * i] + row[1] * src[3 * i + 1] + row[2] * src[3 * i + 2]);
      const double e = at + r.translation[k] - dst[3 * i + k];
      sum += w * e * e;
    }
  }
  return std::sqrt(sum / total);
}

}  // namespace

void rotation_from_quaternion(const double q[4], double r[9]) {
  const double w = q[0], x = q[1], y = q[2], z = q[3];
  r[0] = 1 - 2 * (y * y + z * z), r[1] = 2 * (x * y - w * z), r[2] = 2 * (x * z + w * y);
  r[3] = 2 * (x * y + w * z), r[4] = 1 - 2 * (x * x + z * z), r[5] = 2 * (y * z - w * x);
  r[6] = 2 * (x * z - w * y), r[7] = 2 * (y * z + w * x), r[8] = 1 - 2 * (x * x + y * y);
}

// Divides by the largest of the four components (Shepperd 1978), so no rotation is close to a division by zero.
void quaternion_from_rotation(const double r[9], double q[4]) {
  const double square[4] = {1 + r[0] + r[4] + r[8], 1 + r[0] - r[4] - r[8], 1 - r[0] + r[4] - r[8],
                            1 - r[0] - r[4] + r[8]};
  const int largest = static_cast<int>(std::max_element(square, square + 4) - square);
  const double d = 0.5 / std::sqrt(square[largest]);
  const double wx = (r[7] - r[5]) * d, wy = (r[2] - r[6]) * d, wz = (r[3] - r[1]) * d;
  const double xy = (r[1] + r[3]) * d, xz = (r[2] + r[6]) * d, yz = (r[5] + r[7]) * d, own = square[largest] * d;
  const double all[4][4] = {{own, wx, wy, wz}, {wx, own, xy, xz}, {wy, xy, own, yz}, {wz, xz, yz, own}};
  const double sign = all[largest][0] < 0 ? -1.0 : 1.0;
  for (int i = 0; i < 4; ++i) q[i] = sign * all[largest][i];
}

mien_status fit(const float *src, const double *dst, const float *weights, size_t count, bool fixed_scale, Rigid *out) {
  if (!weights_usable(weights, count)) return MIEN_E_DEGENERATE;
  const Sums s = accumulate(src, dst, weights, count);
  Rigid r{};
  if (!(s.src_spread > 0) || !(s.dst_spread > 0) || !best_quaternion(s, r.quaternion)) return MIEN_E_DEGENERATE;
  rotation_from_quaternion(r.quaternion, r.rotation);
  double along = 0;  // sum w (R src) . dst
  for (int k = 0; k < 3; ++k) {
    for (int l = 0; l < 3; ++l) along += r.rotation[3 * k + l] * s.cross[l][k];
  }
  r.scale = fixed_scale ? 1.0 : along / s.src_spread;
  if (!(r.scale > 0)) return MIEN_E_DEGENERATE;
  for (int k = 0; k < 3; ++k) {
    const double *row = r.rotation + 3 * k;
    r.translation[k] = s.dst[k] - r.scale * (row[0] * s.src[0] + row[1] * s.src[1] + row[2] * s.src[2]);
  }
  r.residual = fit_error(src, dst, weights, count, r);
  if (!all_finite(r.quaternion, 4) || !all_finite(r.translation, 3) || !std::isfinite(r.residual + r.scale)) {
    return MIEN_E_DEGENERATE;
  }
  *out = r;
  return MIEN_OK;
}

void store_pose(const Rigid &rigid, mien_pose *pose) {
  pose->scale = static_cast<float>(rigid.scale);
  for (int i = 0; i < 4; ++i) pose->rotation[i] = static_cast<float>(rigid.quaternion[(i + 1) & 3]);
  for (int i = 0; i < 3; ++i) pose->translation[i] = static_cast<float>(rigid.translation[i]);
  pose->residual = static_cast<float>(rigid.residual);
}

}  // namespace mien::geometry
