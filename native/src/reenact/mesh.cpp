// mien_mesh_rasterise: which triangle each pixel shows, and what its vertices say there.
//
// First pass: depth test and barycentric weights per triangle. Second pass: attributes, once per pixel. A face of 1500
// triangles on 256 x 256 takes 1.0 ms so; writing seven attributes within the depth test took twice that.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "mien/mien.h"

namespace {

struct Raster {
  int32_t width, height;
  int32_t *owner;
  float *depth, *second, *third;  // depth; weights of a triangle's second and third vertex
};

void draw(const Raster &r, const float *a, const float *b, const float *c, int32_t number) {
  const float area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
  if (!(std::fabs(area) >= 1e-6f) || std::isinf(area)) return;
  const float left = std::min({a[0], b[0], c[0]}), right = std::max({a[0], b[0], c[0]});
  const float top = std::min({a[1], b[1], c[1]}), bottom = std::max({a[1], b[1], c[1]});
  // Compared as floats: what lies far outside does not fit an int.
  if (right < 0 || bottom < 0 || left > static_cast<float>(r.width - 1) || top > static_cast<float>(r.height - 1)) {
    return;
  }
  const int32_t x0 = static_cast<int32_t>(std::ceil(std::max(left, 0.0f)));
  const int32_t x1 = static_cast<int32_t>(std::floor(std::min(right, static_cast<float>(r.width - 1))));
  const int32_t y0 = static_cast<int32_t>(std::ceil(std::max(top, 0.0f)));
  const int32_t y1 = static_cast<int32_t>(std::floor(std::min(bottom, static_cast<float>(r.height - 1))));
  const float unit = 1 / area;
  // Weight of b grows by bx per column and by by per row; of c likewise.
  const float bx = (c[1] - a[1]) * unit, by = -(c[0] - a[0]) * unit;
  const float cx = -(b[1] - a[1]) * unit, cy = (b[0] - a[0]) * unit;
  constexpr float kEdge = -1e-5f;  // pixels on the edge between two triangles belong to either
  for (int32_t y = y0; y <= y1; ++y) {
    const float dy = static_cast<float>(y) - a[1];
    const size_t row = static_cast<size_t>(y) * static_cast<size_t>(r.width);
    for (int32_t x = x0; x <= x1; ++x) {
      const float dx = static_cast<float>(x) - a[0];
      const float wb = bx * dx + by * dy, wc = cx * dx + cy * dy;
      // NaN, of a sliver so long that its slopes overflow, is not inside.
      if (!(wb >= kEdge && wc >= kEdge && wb + wc <= 1 - kEdge)) continue;
      const float z = a[2] + wb * (b[2] - a[2]) + wc * (c[2] - a[2]);
      const size_t here = row + static_cast<size_t>(x);
      if (r.owner[here] >= 0 && z <= r.depth[here]) continue;
      r.owner[here] = number;
      r.depth[here] = z;
      r.second[here] = wb;
      r.third[here] = wc;
    }
  }
}

}  // namespace

mien_status mien_mesh_rasterise(const float *points, size_t vertices, const int32_t *triangles, size_t count,
                                const float *attributes, int32_t columns, int32_t width, int32_t height, float *planes,
                                int32_t *owner, float *scratch) {
  if (points == nullptr || triangles == nullptr || owner == nullptr || scratch == nullptr ||
      (columns > 0 && (attributes == nullptr || planes == nullptr)) || columns < 0 ||
      columns > MIEN_MESH_MAX_ATTRIBUTES || count > INT32_MAX || vertices > INT32_MAX) {
    return MIEN_E_ARGUMENT;
  }
  if (width < 1 || height < 1 || width > MIEN_FLOW_MAX_SIDE || height > MIEN_FLOW_MAX_SIDE) return MIEN_E_SHAPE;
  const size_t attribute_count = static_cast<size_t>(columns);
  for (size_t i = 0; i < 3 * count; ++i) {
    if (triangles[i] < 0 || static_cast<size_t>(triangles[i]) >= vertices) return MIEN_E_ARGUMENT;
  }
  if (!mien::all_finite(points, 3 * vertices) || !mien::all_finite(attributes, attribute_count * vertices)) {
    return MIEN_E_NOT_FINITE;
  }
  const size_t size = static_cast<size_t>(width) * static_cast<size_t>(height);
  std::fill(owner, owner + size, -1);
  const Raster raster{width, height, owner, scratch, scratch + size, scratch + 2 * size};
  for (size_t t = 0; t < count; ++t) {
    const int32_t *corner = triangles + 3 * t;
    draw(raster, points + 3 * static_cast<size_t>(corner[0]), points + 3 * static_cast<size_t>(corner[1]),
         points + 3 * static_cast<size_t>(corner[2]), static_cast<int32_t>(t));
  }
  for (size_t here = 0; here < size; ++here) {
    if (owner[here] < 0) continue;
    const int32_t *corner = triangles + 3 * static_cast<size_t>(owner[here]);
    const float *a = attributes + attribute_count * static_cast<size_t>(corner[0]);
    const float *b = attributes + attribute_count * static_cast<size_t>(corner[1]);
    const float *c = attributes + attribute_count * static_cast<size_t>(corner[2]);
    const float wb = raster.second[here], wc = raster.third[here], wa = 1 - wb - wc;
    for (size_t k = 0; k < attribute_count; ++k) planes[k * size + here] = wa * a[k] + wb * b[k] + wc * c[k];
  }
  return MIEN_OK;
}
