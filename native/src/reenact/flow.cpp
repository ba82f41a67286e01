// mien_flow_extend and mien_flow_warp: from where a face's pixels come to where a picture's pixels come.
//
// Extension is a pyramid: displacements are averaged down over covered pixels only, and back up what is not covered is
// interpolated from the level above, which fades with the size of its cells.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "mien/mien.h"
#include "reenact/sample.h"

namespace {

struct Level {
  int32_t width, height;
  float *dx, *dy, *weight;
};

constexpr int kMostLevels = 12;

// Sums of 2 x 2 cells, displacements weighted by how much of a cell is covered.
void shrink(const Level &fine, const Level &coarse) {
  for (int32_t y = 0; y < coarse.height; ++y) {
    for (int32_t x = 0; x < coarse.width; ++x) {
      float dx = 0, dy = 0, weight = 0;
      for (int32_t v = 2 * y; v < std::min(2 * y + 2, fine.height); ++v) {
        for (int32_t u = 2 * x; u < std::min(2 * x + 2, fine.width); ++u) {
          const size_t at = static_cast<size_t>(v) * static_cast<size_t>(fine.width) + static_cast<size_t>(u);
          dx += fine.dx[at] * fine.weight[at];
          dy += fine.dy[at] * fine.weight[at];
          weight += fine.weight[at];
        }
      }
      const size_t at = static_cast<size_t>(y) * static_cast<size_t>(coarse.width) + static_cast<size_t>(x);
      const float unit = weight > 0 ? 1 / weight : 0;
      coarse.dx[at] = dx * unit;
      coarse.dy[at] = dy * unit;
      coarse.weight[at] = std::min(weight, 1.0f);
    }
  }
}

// What is not covered on the fine level, from the coarse one.
void grow(const Level &coarse, const Level &fine, float fade) {
  for (int32_t y = 0; y < fine.height; ++y) {
    const mien::reenact::Between down(static_cast<float>(y) * 0.5f - 0.25f, coarse.height);
    const size_t top = static_cast<size_t>(down.low) * static_cast<size_t>(coarse.width);
    const size_t bottom = static_cast<size_t>(down.high) * static_cast<size_t>(coarse.width);
    for (int32_t x = 0; x < fine.width; ++x) {
      const size_t at = static_cast<size_t>(y) * static_cast<size_t>(fine.width) + static_cast<size_t>(x);
      const float missing = 1 - fine.weight[at];
      if (missing <= 0) continue;
      const mien::reenact::Between across(static_cast<float>(x) * 0.5f - 0.25f, coarse.width);
      const size_t left = static_cast<size_t>(across.low), right = static_cast<size_t>(across.high);
      const auto between = [&](const float *plane) {
        const float above = plane[top + left] + across.share * (plane[top + right] - plane[top + left]);
        const float below = plane[bottom + left] + across.share * (plane[bottom + right] - plane[bottom + left]);
        return above + down.share * (below - above);
      };
      fine.dx[at] = fine.weight[at] * fine.dx[at] + missing * fade * between(coarse.dx);
      fine.dy[at] = fine.weight[at] * fine.dy[at] + missing * fade * between(coarse.dy);
    }
  }
}

bool side_usable(int32_t side) {
  return side >= 2 && side <= MIEN_FLOW_MAX_SIDE;
}

}  // namespace

mien_status mien_flow_extend(float *columns, float *rows, const int32_t *owner, int32_t width, int32_t height,
                             float *scratch) {
  if (columns == nullptr || rows == nullptr || owner == nullptr || scratch == nullptr) return MIEN_E_ARGUMENT;
  if (!side_usable(width) || !side_usable(height)) return MIEN_E_SHAPE;
  const size_t size = static_cast<size_t>(width) * static_cast<size_t>(height);
  Level levels[kMostLevels];
  levels[0] = {width, height, columns, rows, scratch};
  for (size_t at = 0; at < size; ++at) {
    const bool covered = owner[at] >= 0;
    scratch[at] = covered ? 1.0f : 0.0f;
    columns[at] = covered ? columns[at] - static_cast<float>(at % static_cast<size_t>(width)) : 0.0f;
    rows[at] = covered ? rows[at] - static_cast<float>(at / static_cast<size_t>(width)) : 0.0f;
  }
  float *free = scratch + size;  // all levels above together take at most the other three planes
  int count = 1;
  while (count < kMostLevels && (levels[count - 1].width > 1 || levels[count - 1].height > 1)) {
    const Level &fine = levels[count - 1];
    Level &coarse = levels[count];
    coarse.width = (fine.width + 1) / 2;
    coarse.height = (fine.height + 1) / 2;
    const size_t cells = static_cast<size_t>(coarse.width) * static_cast<size_t>(coarse.height);
    coarse.dx = free;
    coarse.dy = free + cells;
    coarse.weight = free + 2 * cells;
    free += 3 * cells;
    shrink(fine, coarse);
    ++count;
  }
  for (int k = count - 1; k > 0; --k) {
    // Cells up to a twentieth of the picture pass on all that they have; hair is that thick.
    const float cell = static_cast<float>(1 << k) / static_cast<float>(width);
    grow(levels[k], levels[k - 1], std::exp(-std::max(cell - 0.05f, 0.0f) * 6.0f));
  }
  for (size_t at = 0; at < size; ++at) {
    columns[at] += static_cast<float>(at % static_cast<size_t>(width));
    rows[at] += static_cast<float>(at / static_cast<size_t>(width));
  }
  return MIEN_OK;
}

mien_status mien_flow_warp(const mien_picture *source, const float *columns, const float *rows, int32_t width,
                           int32_t height, float *out) {
  if (source == nullptr || columns == nullptr || rows == nullptr || out == nullptr) return MIEN_E_ARGUMENT;
  const mien_status status = mien::reenact::check(*source);
  if (status != MIEN_OK) return status;
  if (!side_usable(width) || !side_usable(height)) return MIEN_E_SHAPE;
  const size_t size = static_cast<size_t>(width) * static_cast<size_t>(height);
  for (size_t at = 0; at < size; ++at) {
    float rgb[3];
    mien::reenact::sample(*source, columns[at], rows[at], rgb);
    for (size_t c = 0; c < 3; ++c) out[c * size + at] = rgb[c] * (1 / 255.0f);
  }
  return MIEN_OK;
}
