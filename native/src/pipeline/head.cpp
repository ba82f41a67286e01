// Head pose with a given rotation (`pose.kind`: network).
#include "pipeline/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mien::pipeline {
namespace {

constexpr double kPi = 3.14159265358979323846;

// The unit quaternion x, y, z, w (w >= 0) of a rotation matrix; false for what is far from one (Shepperd 1978).
bool quaternion(const double m[9], double out[4]) {
  double norm = 0;
  for (int i = 0; i < 9; ++i) norm += m[i] * m[i];
  norm = std::sqrt(norm);
  if (!(1 < norm && norm < 3)) return false;  // the square root of 3 in a rotation
  const double a = m[0], b = m[1], c = m[2], d = m[3], e = m[4], f = m[5], g = m[6], h = m[7], i = m[8];
  const double parts[4] = {1 + a - e - i, 1 - a + e - i, 1 - a - e + i, 1 + a + e + i};
  const double rows[4][4] = {{parts[0], b + d, c + g, h - f},
                             {b + d, parts[1], f + h, c - g},
                             {c + g, f + h, parts[2], d - b},
                             {h - f, c - g, d - b, parts[3]}};
  const double *row = rows[std::max_element(parts, parts + 4) - parts];
  const double length = std::sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2] + row[3] * row[3]);
  for (int k = 0; k < 4; ++k) out[k] = row[k] / std::copysign(length, row[3]);
  return true;
}

}  // namespace

Head::Head(const bundle::Bundle &bundle, const bundle::Section &section, const LandmarkStage &stage) {
  section.text("kind", nullptr, {"network"});
  fov_ = section.number("fov_y_degrees", 1, 179, 63.0) * kPi / 180;
  const std::string name = section.text("canonical");
  if (!bundle.has_blob(name)) section.refuse("canonical", "this library knows blobs of the bundle, not " + name);
  const bundle::Bytes blob = bundle.blob(name);
  const size_t count = blob.size / 16;
  if (blob.size % 16 != 0 || count < 4 || count > stage.count()) {
    section.refuse("canonical", "expected rows of four float32, at least 4 and at most one for each landmark");
  }
  double total = 0;
  for (size_t i = 0; i < count; ++i) {
    float row[4];
    std::memcpy(row, blob.data + 16 * i, sizeof row);
    if (!std::all_of(row, row + 4, [](float v) { return std::isfinite(v); }) || !(row[3] >= 0)) {
      section.refuse("canonical", "holds what is no number, or a weight below 0");
    }
    points_.insert(points_.end(), row, row + 3);
    shares_.push_back(row[3]);
    total += row[3];
  }
  if (!(total > 0)) section.refuse("canonical", "all weights are 0");
  for (double &share : shares_) share /= total;
  output_ = stage.network().expect("rotation", 9);
}

// A pinhole camera sees (X, Y, Z) + t at u = -(X + tx) / (Z + tz), v likewise, u and v being pixels from the middle
// over the focal length. That is linear in t: tx + u tz = -(X + u Z), ty + v tz = -(Y + v Z): two regressions with one
// slope, tz.
bool Head::read(const Network &network, const Found &face, const mien_image &frame, float rotation[4],
                float translation[3], float *residual) const {
  const float *said = network.output(output_);
  double matrix[9];
  for (size_t column = 0; column < 3; ++column) {
    const std::array<double, 3> turned = face.seen_in.to_camera(said[column], said[3 + column], said[6 + column]);
    for (size_t row = 0; row < 3; ++row) matrix[3 * row + column] = turned[row];
  }
  double q[4];
  if (!quaternion(matrix, q)) return false;
  const double focal = frame.height / 2.0 / std::tan(fov_ / 2);
  const double middle_x = (frame.width - 1) / 2.0, middle_y = (frame.height - 1) / 2.0;
  // Means over the points; about the middle of the picture, where double precision loses nothing.
  double u = 0, v = 0, a = 0, b = 0, squares = 0, products = 0, nearest = -INFINITY;
  const auto point = [&](size_t i, double seen[2], double turned[3]) {
    seen[0] = (face.landmarks[3 * i] - middle_x) / focal;
    seen[1] = -(face.landmarks[3 * i + 1] - middle_y) / focal;
    for (int r = 0; r < 3; ++r) {
      turned[r] = matrix[3 * r] * points_[3 * i] + matrix[3 * r + 1] * points_[3 * i + 1] +
                  matrix[3 * r + 2] * points_[3 * i + 2];
    }
  };
  double seen[2], turned[3];
  for (size_t i = 0; i < shares_.size(); ++i) {
    point(i, seen, turned);
    const double x = turned[0] + seen[0] * turned[2], y = turned[1] + seen[1] * turned[2], share = shares_[i];
    u += share * seen[0], v += share * seen[1];
    a += share * x, b += share * y;
    squares += share * (seen[0] * seen[0] + seen[1] * seen[1]);
    products += share * (seen[0] * x + seen[1] * y);
    nearest = std::max(nearest, turned[2]);
  }
  const double spread = squares - u * u - v * v;
  if (!(spread > 1e-9)) return false;
  const double tz = (u * a + v * b - products) / spread, tx = -a - u * tz, ty = -b - v * tz;
  if (!(-tz - nearest > 0)) return false;  // a point behind the camera
  double errors = 0;
  for (size_t i = 0; i < shares_.size(); ++i) {
    point(i, seen, turned);
    const double depth = -tz - turned[2];
    const double x = (turned[0] + tx) / depth - seen[0], y = (turned[1] + ty) / depth - seen[1];
    errors += shares_[i] * (x * x + y * y);
  }
  for (int k = 0; k < 4; ++k) rotation[k] = static_cast<float>(q[k]);
  translation[0] = static_cast<float>(tx / 100);
  translation[1] = static_cast<float>(ty / 100);
  translation[2] = static_cast<float>(tz / 100);
  *residual = static_cast<float>(focal * std::sqrt(errors));
  return true;
}

}  // namespace mien::pipeline
