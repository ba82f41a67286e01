// Landmarks from heat maps with sub-cell offsets (OpenSeeFace form).
#include <algorithm>
#include <cmath>

#include "check.h"
#include "mien/mien.h"

namespace {

size_t peak_of(const float *map, size_t cells) {
  return static_cast<size_t>(std::max_element(map, map + cells) - map);
}

// The inverse of the sigmoid that squashes an offset; saturated values stay finite.
float offset_of(float squashed, float slope) {
  const double p = std::min(std::max(static_cast<double>(squashed), 1e-7), 1.0 - 1e-7);
  return static_cast<float>(std::log(p / (1.0 - p))) / slope;
}

float position(size_t cell, int32_t cells, float offset, int32_t extent) {
  const float grid = cells > 1 ? static_cast<float>(cell) / static_cast<float>(cells - 1) : 0.0f;
  return static_cast<float>(extent - 1) * (grid + offset);
}

}  // namespace

mien_status mien_decode_heatmap(const float *maps, int32_t points, int32_t columns, int32_t rows, float slope,
                                int32_t input_width, int32_t input_height, float *out_xy, float *out_score) {
  if (maps == nullptr || out_xy == nullptr || out_score == nullptr || points < 1 || points > 65536) {
    return MIEN_E_ARGUMENT;
  }
  if (columns < 1 || columns > 4096 || rows < 1 || rows > 4096 || input_width < 1 || input_width > MIEN_MAX_EXTENT ||
      input_height < 1 || input_height > MIEN_MAX_EXTENT) {
    return MIEN_E_SHAPE;
  }
  if (!std::isfinite(slope)) return MIEN_E_NOT_FINITE;
  if (!(slope >= 1e-6f)) return MIEN_E_ARGUMENT;  // keeps every position finite
  const size_t cells = static_cast<size_t>(columns) * static_cast<size_t>(rows);
  const size_t count = static_cast<size_t>(points);
  if (!mien::all_finite(maps, 3 * count * cells)) return MIEN_E_NOT_FINITE;
  for (size_t i = 0; i < count; ++i) {
    const float *heat = maps + i * cells;
    const size_t peak = peak_of(heat, cells);
    const float row_offset = offset_of(maps[(count + i) * cells + peak], slope);
    const float column_offset = offset_of(maps[(2 * count + i) * cells + peak], slope);
    const size_t width = static_cast<size_t>(columns);
    out_xy[2 * i] = position(peak % width, columns, column_offset, input_width);
    out_xy[2 * i + 1] = position(peak / width, rows, row_offset, input_height);
    out_score[i] = heat[peak];
  }
  return MIEN_OK;
}
