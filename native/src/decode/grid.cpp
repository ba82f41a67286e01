// Anchor-free detector heads with separate class and objectness maps (YuNet form, Wu et al. 2023).
#include <algorithm>
#include <cmath>

#include "check.h"
#include "mien/mien.h"

namespace {

struct Level {
  const float *cls, *obj, *box, *point;
  int32_t columns, points;
  float stride;
};

float unit(float value) {
  return std::min(std::max(value, 0.0f), 1.0f);
}

mien_detection decode_cell(const Level &level, size_t cell, float score) {
  mien_detection d{};
  d.score = score;
  const float column = static_cast<float>(cell % static_cast<size_t>(level.columns));
  const float row = static_cast<float>(cell / static_cast<size_t>(level.columns));
  const float *box = level.box + 4 * cell;
  const float x = (column + box[0]) * level.stride, y = (row + box[1]) * level.stride;
  const float half_width = std::exp(box[2]) * level.stride * 0.5f;
  const float half_height = std::exp(box[3]) * level.stride * 0.5f;
  d.box[0] = x - half_width;
  d.box[1] = y - half_height;
  d.box[2] = x + half_width;
  d.box[3] = y + half_height;
  for (int32_t k = 0; k < level.points; ++k) {
    const float *point = level.point + 2 * (cell * static_cast<size_t>(level.points) + static_cast<size_t>(k));
    d.point[2 * k] = (column + point[0]) * level.stride;
    d.point[2 * k + 1] = (row + point[1]) * level.stride;
  }
  return d;
}

}  // namespace

mien_status mien_decode_grid(const float *cls, const float *obj, const float *box, const float *point, int32_t columns,
                             int32_t rows, int32_t stride, int32_t points, float min_score, mien_detection *out,
                             size_t capacity, size_t *count) {
  if (cls == nullptr || obj == nullptr || box == nullptr || count == nullptr || (out == nullptr && capacity > 0) ||
      points < 0 || points > MIEN_MAX_POINTS || (point == nullptr && points > 0) || stride < 1 ||
      stride > MIEN_MAX_EXTENT) {
    return MIEN_E_ARGUMENT;
  }
  if (columns < 1 || columns > MIEN_MAX_EXTENT || rows < 1 || rows > MIEN_MAX_EXTENT) return MIEN_E_SHAPE;
  if (*count > capacity) return MIEN_E_CAPACITY;
  const size_t cells = static_cast<size_t>(columns) * static_cast<size_t>(rows);
  if (!std::isfinite(min_score) || mien::any_nan(cls, cells) || mien::any_nan(obj, cells)) return MIEN_E_NOT_FINITE;
  const Level level{cls, obj, box, point, columns, points, static_cast<float>(stride)};
  // The square root of a product of numbers in 0..1 reaches min_score only if each reaches its square.
  const float floor = min_score > 0 ? min_score * min_score * 0.999f : -1.0f;
  for (const bool write : {false, true}) {
    size_t kept = *count;
    for (size_t i = 0; i < cells && kept < capacity; ++i) {
      if (cls[i] < floor || obj[i] < floor) continue;
      const float score = std::sqrt(unit(cls[i]) * unit(obj[i]));
      if (!(score >= min_score)) continue;
      const mien_detection d = decode_cell(level, i, score);
      if (!mien::all_finite(d.box, 4) || !mien::all_finite(d.point, 2 * static_cast<size_t>(points))) {
        return MIEN_E_NOT_FINITE;
      }
      if (write) out[kept] = d;
      ++kept;
    }
    if (write) *count = kept;
  }
  return MIEN_OK;
}
