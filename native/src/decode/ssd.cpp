// Single-shot detector heads: anchor centres and box decoding (BlazeFace form, Bazarevsky et al. 2019).
#include <algorithm>
#include <cmath>
#include <limits>

#include "check.h"
#include "mien/mien.h"
#include "simd/dispatch.h"

namespace {

float sigmoid(float logit, float clip) {
  const float bounded = std::min(std::max(logit, -clip), clip);
  return 1.0f / (1.0f + std::exp(-bounded));
}

// A logit below which the score is surely below min_score. The margin covers the rounding of exp; candidates above it
// are decided by the score itself.
float logit_floor(float min_score, float clip) {
  if (min_score <= 0.0f) return -std::numeric_limits<float>::infinity();
  if (min_score >= 1.0f) return std::min(16.0f, clip);  // sigmoid rounds to 1 from about 16.6 on
  const double logit = std::log(static_cast<double>(min_score) / (1.0 - static_cast<double>(min_score)));
  // When clipping lifts low logits to a passing score, nothing may be skipped.
  return logit < -clip ? -std::numeric_limits<float>::infinity() : static_cast<float>(logit - 0.01);
}

mien_detection decode_one(const float *raw, const float *center, float score, int32_t points, float width,
                          float height) {
  mien_detection d{};
  d.score = score;
  const float x = raw[0] + center[0] * width, y = raw[1] + center[1] * height;
  d.box[0] = x - raw[2] * 0.5f;
  d.box[1] = y - raw[3] * 0.5f;
  d.box[2] = x + raw[2] * 0.5f;
  d.box[3] = y + raw[3] * 0.5f;
  for (int32_t k = 0; k < points; ++k) {
    d.point[2 * k] = raw[4 + 2 * k] + center[0] * width;
    d.point[2 * k + 1] = raw[5 + 2 * k] + center[1] * height;
  }
  return d;
}

}  // namespace

mien_status mien_ssd_anchors(int32_t input_width, int32_t input_height, const int32_t *stride, const int32_t *per_cell,
                             int32_t layers, float *centers, size_t capacity, size_t *count) {
  if (stride == nullptr || per_cell == nullptr || count == nullptr || layers < 1 || layers > 64) {
    return MIEN_E_ARGUMENT;
  }
  if (input_width < 1 || input_width > MIEN_MAX_EXTENT || input_height < 1 || input_height > MIEN_MAX_EXTENT) {
    return MIEN_E_SHAPE;
  }
  size_t total = 0;
  for (int32_t l = 0; l < layers; ++l) {
    if (stride[l] < 1 || stride[l] > MIEN_MAX_EXTENT || per_cell[l] < 0 || per_cell[l] > 1024) return MIEN_E_ARGUMENT;
    const int32_t columns = (input_width + stride[l] - 1) / stride[l];
    const int32_t rows = (input_height + stride[l] - 1) / stride[l];
    total += static_cast<size_t>(columns) * static_cast<size_t>(rows) * static_cast<size_t>(per_cell[l]);
  }
  if (centers != nullptr) {
    if (capacity < total) return MIEN_E_CAPACITY;
    float *at = centers;
    for (int32_t l = 0; l < layers; ++l) {
      const int32_t columns = (input_width + stride[l] - 1) / stride[l];
      const int32_t rows = (input_height + stride[l] - 1) / stride[l];
      for (int32_t row = 0; row < rows; ++row) {
        for (int32_t column = 0; column < columns; ++column) {
          for (int32_t copy = 0; copy < per_cell[l]; ++copy) {
            *at++ = (static_cast<float>(column) + 0.5f) / static_cast<float>(columns);
            *at++ = (static_cast<float>(row) + 0.5f) / static_cast<float>(rows);
          }
        }
      }
    }
  }
  *count = total;
  return MIEN_OK;
}

mien_status mien_decode_ssd(const float *raw, const float *logits, const float *centers, size_t anchors, int32_t points,
                            int32_t input_width, int32_t input_height, float clip, float min_score, mien_detection *out,
                            size_t capacity, size_t *count) {
  if (raw == nullptr || logits == nullptr || centers == nullptr || count == nullptr ||
      (out == nullptr && capacity > 0) || points < 0 || points > MIEN_MAX_POINTS || !mien::count_sane(anchors)) {
    return MIEN_E_ARGUMENT;
  }
  if (input_width < 1 || input_width > MIEN_MAX_EXTENT || input_height < 1 || input_height > MIEN_MAX_EXTENT) {
    return MIEN_E_SHAPE;
  }
  if (std::isnan(clip) || !std::isfinite(min_score) || mien::any_nan(logits, anchors)) return MIEN_E_NOT_FINITE;
  if (!(clip > 0)) return MIEN_E_ARGUMENT;
  const size_t columns = 4 + 2 * static_cast<size_t>(points);
  const float width = static_cast<float>(input_width), height = static_cast<float>(input_height);
  const float floor = logit_floor(min_score, clip);
  const auto next = mien::simd::active().next_at_least;
  // First look, then write: an error must leave the outputs alone.
  for (const bool write : {false, true}) {
    size_t kept = 0;
    for (size_t i = next(logits, 0, anchors, floor); i < anchors && kept < capacity;
         i = next(logits, i + 1, anchors, floor)) {
      const float score = sigmoid(logits[i], clip);
      if (!(score >= min_score)) continue;
      const float *row = raw + i * columns;
      if (write) {
        out[kept] = decode_one(row, centers + 2 * i, score, points, width, height);
      } else if (!mien::all_finite(row, columns) || !mien::all_finite(centers + 2 * i, 2)) {
        return MIEN_E_NOT_FINITE;
      }
      ++kept;
    }
    if (write) *count = kept;
  }
  return MIEN_OK;
}
