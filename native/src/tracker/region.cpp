// The geometry of crops.
#include "tracker/region.h"

#include <algorithm>
#include <cmath>

#include "mien/mien.h"
#include "refusal.h"

namespace mien::tracker {
namespace {

constexpr double kPi = 3.14159265358979323846;

// The size nearest to `old` whose ratio to `now` is at most 1 + slack.
double within(double now, double old, double slack) {
  return std::min(std::max(old, now / (1 + slack)), now * (1 + slack));
}

double to_step(double value, double step) {
  return std::floor(value / step + 0.5) * step;
}

// The largest power of two that is not more.
double power_of_two(double value) {
  int exponent;
  std::frexp(value, &exponent);
  return std::ldexp(0.5, exponent);
}

}  // namespace

Affine Region::affine(int columns, int rows, bool corner) const {
  const double shift = corner ? 0.0 : 0.5;
  const double sx = width / columns, sy = height / rows;
  const double cosine = std::cos(rotation), sine = std::sin(rotation);
  const double x0 = (shift - columns / 2.0) * sx, y0 = (shift - rows / 2.0) * sy;
  return {cosine * sx, -sine * sy, cx + cosine * x0 - sine * y0, sine * sx, cosine * sy, cy + sine * x0 + cosine * y0};
}

Region Region::toward(const Region &other, double slack) const {
  const double dx = other.cx - cx, dy = other.cy - cy, far = std::hypot(dx, dy);
  const double share = far > 0 ? std::max(far - slack * width, 0.0) / far : 0.0;
  const double turn = std::remainder(other.rotation - rotation, 2 * kPi);
  return {cx + share * dx, cy + share * dy, within(other.width, width, slack), within(other.height, height, slack),
          rotation + std::copysign(std::max(std::fabs(turn) - slack, 0.0), turn)};
}

double Region::away(const Region &other) const {
  const double way = std::hypot(other.cx - cx, other.cy - cy) / width;
  const double ratio = std::max(other.width / width, width / other.width) - 1;
  return std::max({way, ratio, std::fabs(std::remainder(other.rotation - rotation, 2 * kPi))});
}

Region Region::on_grid(double grid) const {
  if (grid <= 0 || !(grid * width > 0)) return *this;
  const double step = power_of_two(grid * width);
  return {to_step(cx, step), to_step(cy, step), std::max(to_step(width, step), step),
          std::max(to_step(height, step), step), to_step(rotation, power_of_two(grid))};
}

std::array<double, 3> Region::to_camera(double x, double y, double z) const {
  const double cosine = std::cos(rotation), sine = std::sin(rotation);
  return {cosine * x + sine * y, cosine * y - sine * x, z};
}

Region whole_frame(int width, int height, int columns, int rows, bool corner) {
  const double scale = std::max(static_cast<double>(width) / columns, static_cast<double>(height) / rows);
  const double half = corner ? 0.0 : 0.5;
  return {width / 2.0 - half, height / 2.0 - half, columns * scale, rows * scale, 0};
}

Box hull(const float *points, size_t count, int dims) {
  float box[4];
  if (mien_points_box(points, count, dims, box) != MIEN_OK) {
    throw Refusal(MIEN_E_ENGINE, "a network gave points beyond all bounds");
  }
  return {box[0], box[1], box[2], box[3]};
}

double overlap(const Box &a, const Box &b) {
  const double wide = std::min(a[2], b[2]) - std::max(a[0], b[0]), high = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (wide <= 0 || high <= 0) return 0.0;
  const double both = wide * high;
  return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

Crop::Crop(const bundle::Section &section, int points) {
  const std::vector<double> scale = section.numbers("scale");
  if (scale.size() != 2 || std::min(scale[0], scale[1]) < 0.01 || std::max(scale[0], scale[1]) > 100) {
    section.refuse("scale", "expected two factors in 0.01..100");
  }
  wide = scale[0], high = scale[1];
  if (section.has("upright")) {
    const std::vector<int32_t> pair = section.integers("upright", 0, points - 1);
    if (pair.size() != 2) section.refuse("upright", "expected two points");
    turns = true;
    right = static_cast<size_t>(pair[0]), left = static_cast<size_t>(pair[1]);
  }
  turned_hull = section.text("hull", "picture", {"picture", "upright"}) == "upright";
  if (turned_hull && !turns) section.refuse("hull", "an upright hull needs `upright`");
  if (section.has("middle")) {
    middle = section.integers("middle", 0, points - 1);
    if (middle.empty()) section.refuse("middle", "expected some points");
  }
  square = section.flag("square", false);
  shift = section.number("shift", -1, 1, 0.0);
  slack = section.number("slack", 0, 0.2, 0.0);
  grid = section.number("grid", 0, 0.1, 0.0);
}

Region Crop::region(const Box &box, const float *points, size_t count, int dims, float *scratch) const {
  return around(box, points, count, dims, scratch).on_grid(grid);
}

Region Crop::next(const Region &region, const Box &box, const float *points, size_t count, int dims,
                  float *scratch) const {
  const Region wanted = around(box, points, count, dims, scratch);
  return (slack > 0 ? region.toward(wanted, slack) : wanted).on_grid(grid);
}

Region Crop::around(const Box &box, const float *points, size_t count, int dims, float *scratch) const {
  Box around = box;
  double rotation = 0, x_right = 0, y_right = 0;
  if (turns) {
    const float *begin = points + right * static_cast<size_t>(dims), *end = points + left * static_cast<size_t>(dims);
    x_right = begin[0], y_right = begin[1];
    rotation = std::atan2(end[1] - y_right, end[0] - x_right);
  }
  const double cosine = std::cos(rotation), sine = std::sin(rotation);
  if (turned_hull) {
    // About one of the points, so that float32 loses nothing far from the picture's corner.
    const double to_upright[6] = {cosine, sine,   -cosine * x_right - sine * y_right,
                                  -sine,  cosine, sine * x_right - cosine * y_right};
    if (mien_points_map(points, count, dims, to_upright, 1.0f, scratch) != MIEN_OK) {
      throw Refusal(MIEN_E_ENGINE, "a network gave points beyond all bounds");
    }
    around = hull(scratch, count, dims);
  }
  double width = around[2] - around[0], height = around[3] - around[1];
  double cx = around[0] + width / 2, cy = around[1] + height / 2 + shift * height;
  if (turned_hull) {
    const double x = cx, y = cy;
    cx = x_right + cosine * x - sine * y, cy = y_right + sine * x + cosine * y;
  }
  if (!middle.empty()) {
    double dx = 0, dy = 0;
    for (const int32_t point : middle) {
      const float *at = points + static_cast<size_t>(point) * static_cast<size_t>(dims);
      dx += at[0] - cx, dy += at[1] - cy;
    }
    const double along = (cosine * dx + sine * dy) / static_cast<double>(middle.size());
    cx += along * cosine, cy += along * sine;
  }
  if (square) width = height = std::max(width, height);
  return {cx, cy, width * wide, height * high, rotation};
}

}  // namespace mien::tracker
