// Work on lists of detections: non-maximum suppression and the way back to frame coordinates.
#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>
#include <vector>

#include "check.h"
#include "mien/mien.h"

namespace {

bool finite(const mien_detection &d, int32_t points) {
  return std::isfinite(d.score) && mien::all_finite(d.box, 4) &&
         mien::all_finite(d.point, 2 * static_cast<size_t>(points));
}

float area(const float box[4]) {
  return std::max(box[2] - box[0], 0.0f) * std::max(box[3] - box[1], 0.0f);
}

float overlap(const float a[4], const float b[4]) {
  const float shared[4] = {std::max(a[0], b[0]), std::max(a[1], b[1]), std::min(a[2], b[2]), std::min(a[3], b[3])};
  const float inner = area(shared);
  const float joint = area(a) + area(b) - inner;
  return joint > 0 ? inner / joint : 0.0f;
}

class WeightedMean {
 public:
  explicit WeightedMean(int32_t points) : points_(points) {}

  void add(const mien_detection &d) {
    const double weight = std::max(d.score, 0.0f);
    total_ += weight;
    for (int i = 0; i < 4; ++i) box_[i] += weight * d.box[i];
    for (int i = 0; i < 2 * points_; ++i) point_[i] += weight * d.point[i];
  }

  void put(mien_detection *d) const {
    if (!(total_ > 0)) return;
    for (int i = 0; i < 4; ++i) d->box[i] = static_cast<float>(box_[i] / total_);
    for (int i = 0; i < 2 * points_; ++i) d->point[i] = static_cast<float>(point_[i] / total_);
  }

 private:
  int32_t points_;
  double total_ = 0, box_[4] = {}, point_[2 * MIEN_MAX_POINTS] = {};
};

void suppress(const mien_detection *detections, size_t count, int32_t points, float iou, mien_nms_mode mode,
              std::vector<mien_detection> *kept) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return detections[a].score > detections[b].score; });
  std::vector<uint8_t> gone(count, 0);
  for (size_t i = 0; i < count; ++i) {
    if (gone[i] != 0) continue;
    const mien_detection &best = detections[order[i]];
    mien_detection survivor = best;
    WeightedMean mean(points);
    mean.add(best);
    for (size_t k = i + 1; k < count; ++k) {
      const mien_detection &other = detections[order[k]];
      if (gone[k] != 0 || overlap(best.box, other.box) < iou) continue;
      gone[k] = 1;
      mean.add(other);
    }
    if (mode == MIEN_NMS_WEIGHTED) mean.put(&survivor);
    kept->push_back(survivor);
  }
}

}  // namespace

mien_status mien_nms(mien_detection *detections, size_t *count, int32_t points, float iou, mien_nms_mode mode) {
  if (count == nullptr || (detections == nullptr && *count > 0) || !mien::count_sane(*count) || points < 0 ||
      points > MIEN_MAX_POINTS || (mode != MIEN_NMS_HARD && mode != MIEN_NMS_WEIGHTED)) {
    return MIEN_E_ARGUMENT;
  }
  if (std::isnan(iou)) return MIEN_E_NOT_FINITE;
  if (iou < 0 || iou > 1) return MIEN_E_ARGUMENT;
  for (size_t i = 0; i < *count; ++i) {
    if (!finite(detections[i], points)) return MIEN_E_NOT_FINITE;
  }
  try {
    std::vector<mien_detection> kept;
    suppress(detections, *count, points, iou, mode, &kept);
    std::copy(kept.begin(), kept.end(), detections);
    *count = kept.size();
  } catch (const std::exception &) {
    return MIEN_E_MEMORY;
  }
  return MIEN_OK;
}

mien_status mien_detections_map(mien_detection *detections, size_t count, int32_t points, const double affine[6]) {
  if ((detections == nullptr && count > 0) || affine == nullptr || points < 0 || points > MIEN_MAX_POINTS) {
    return MIEN_E_ARGUMENT;
  }
  if (!mien::all_finite(affine, 6)) return MIEN_E_NOT_FINITE;
  const auto map_x = [&](double x, double y) { return static_cast<float>(affine[0] * x + affine[1] * y + affine[2]); };
  const auto map_y = [&](double x, double y) { return static_cast<float>(affine[3] * x + affine[4] * y + affine[5]); };
  for (size_t i = 0; i < count; ++i) {
    mien_detection &d = detections[i];
    const float x[2] = {d.box[0], d.box[2]}, y[2] = {d.box[1], d.box[3]};
    float hull[4] = {map_x(x[0], y[0]), map_y(x[0], y[0]), map_x(x[0], y[0]), map_y(x[0], y[0])};
    for (int corner = 1; corner < 4; ++corner) {
      const float u = map_x(x[corner & 1], y[corner >> 1]), v = map_y(x[corner & 1], y[corner >> 1]);
      hull[0] = std::min(hull[0], u);
      hull[1] = std::min(hull[1], v);
      hull[2] = std::max(hull[2], u);
      hull[3] = std::max(hull[3], v);
    }
    std::copy(hull, hull + 4, d.box);
    for (int32_t k = 0; k < points; ++k) {
      const double u = d.point[2 * k], v = d.point[2 * k + 1];
      d.point[2 * k] = map_x(u, v);
      d.point[2 * k + 1] = map_y(u, v);
    }
  }
  return MIEN_OK;
}
