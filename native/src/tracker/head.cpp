// Head pose from landmarks and the canonical face.
#include "tracker/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "refusal.h"
#include "tracker/tables.h"

namespace mien::tracker {
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

Head::Head(const bundle::Bundle &bundle, const bundle::Section &section, const Interface &network,
           size_t landmark_count) {
  const std::string kind = section.text("kind", nullptr, {"depth", "points", "network"});
  kind_ = kind == "depth" ? Kind::kDepth : kind == "points" ? Kind::kPoints : Kind::kNetwork;
  fov_ = section.number("fov_y_degrees", 1, 179, 63.0) * kPi / 180;
  const std::string name = section.text("canonical");
  const auto shipped = std::find_if(std::begin(kCanonical), std::end(kCanonical),
                                    [&](const Canonical &face) { return name == face.name; });
  if (bundle.has_blob(name)) {
    const bundle::Bytes blob = bundle.blob(name);
    if (blob.size % 16 != 0) section.refuse("canonical", name + " is not made of rows of four float32");
    std::vector<float> rows(blob.size / sizeof(float));
    if (!rows.empty()) std::memcpy(rows.data(), blob.data, blob.size);
    take(section, rows.data(), rows.size() / 4, landmark_count);
  } else if (shipped != std::end(kCanonical)) {
    take(section, shipped->rows, shipped->count, landmark_count);
  } else {
    section.refuse("canonical", "'" + name + "' is neither a member nor a shipped face");
  }
  if (kind_ == Kind::kNetwork) output_ = network.expect("rotation", 9);
}

void Head::take(const bundle::Section &section, const float *rows, size_t count, size_t landmark_count) {
  if (count < 4 || count > landmark_count ||
      !std::all_of(rows, rows + 4 * count, [](float v) { return std::isfinite(v); })) {
    section.refuse("canonical",
                   "has " + std::to_string(count) + " points for " + std::to_string(landmark_count) + " landmarks");
  }
  double total = 0;
  for (size_t i = 0; i < count; ++i) {
    points_.insert(points_.end(), rows + 4 * i, rows + 4 * i + 3);
    weights_.push_back(rows[4 * i + 3]);
    shares_.push_back(rows[4 * i + 3]);
    total += rows[4 * i + 3];
  }
  if (!(total > 0) || *std::min_element(weights_.begin(), weights_.end()) < 0) {
    section.refuse("canonical", "weights are 0 or more, not all 0");
  }
  for (double &share : shares_) share /= total;
}

void Head::read(const Outputs &outputs, Face *face) const {
  if (kind_ != Kind::kNetwork) return;
  const float *said = outputs[output_];
  for (size_t column = 0; column < 3; ++column) {
    const std::array<double, 3> turned = face->seen_in.to_camera(said[column], said[3 + column], said[6 + column]);
    for (size_t row = 0; row < 3; ++row) face->turned[3 * row + column] = turned[row];
  }
}

void Head::fit(const mien_image &frame, std::vector<float> *scratch, Face *face) const {
  if (kind_ == Kind::kNetwork) {
    face->has_head = translate(frame, face);
    return;
  }
  const size_t count = weights_.size();
  mien_pose pose{};
  pose.struct_size = sizeof pose;
  mien_status status;
  const float fov = static_cast<float>(fov_);
  if (kind_ == Kind::kDepth) {
    status = mien_pose_from_depth(face->landmarks.data(), points_.data(), weights_.data(), count, frame.width,
                                  frame.height, fov, &pose);
  } else {
    scratch->resize(std::max(scratch->size(), 2 * count));
    for (size_t i = 0; i < count; ++i) std::copy_n(&face->landmarks[3 * i], 2, &(*scratch)[2 * i]);
    status = mien_pose_from_points(scratch->data(), points_.data(), weights_.data(), count, frame.width, frame.height,
                                   fov, &pose);
  }
  if (status == MIEN_E_DEGENERATE) return;
  if (status != MIEN_OK) throw Refusal(MIEN_E_ENGINE, std::string("the head's pose: ") + mien_status_text(status));
  std::copy_n(pose.rotation, 4, face->rotation);
  for (int k = 0; k < 3; ++k) face->translation[k] = pose.translation[k] / 100.0;
  face->residual = pose.residual;
  face->has_head = true;
}

// A pinhole camera sees (X, Y, Z) + t at u = -(X + tx) / (Z + tz), v likewise, u and v being pixels from the middle
// over the focal length. That is linear in t: tx + u tz = -(X + u Z), ty + v tz = -(Y + v Z): two regressions with one
// slope, tz.
bool Head::translate(const mien_image &frame, Face *face) const {
  const double *matrix = face->turned;
  if (!quaternion(matrix, face->rotation)) return false;
  const double focal = frame.height / 2.0 / std::tan(fov_ / 2);
  const double middle_x = (frame.width - 1) / 2.0, middle_y = (frame.height - 1) / 2.0;
  // Means over the points; about the middle of the picture, where double precision loses nothing.
  double u = 0, v = 0, a = 0, b = 0, squares = 0, products = 0, nearest = -INFINITY;
  const auto point = [&](size_t i, double seen[2], double turned[3]) {
    seen[0] = (face->landmarks[3 * i] - middle_x) / focal;
    seen[1] = -(face->landmarks[3 * i + 1] - middle_y) / focal;
    const float *at = &points_[3 * i];
    for (int r = 0; r < 3; ++r) {
      turned[r] = matrix[3 * r] * at[0] + matrix[3 * r + 1] * at[1] + matrix[3 * r + 2] * at[2];
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
  face->translation[0] = tx / 100, face->translation[1] = ty / 100, face->translation[2] = tz / 100;
  face->residual = focal * std::sqrt(errors);
  return true;
}

}  // namespace mien::tracker
