// Network outputs are untrusted: any floats must be refused or decoded without a fault, into finite detections.
#include <cmath>
#include <cstdlib>
#include <vector>

#include "input.h"
#include "mien/mien.h"

namespace {

std::vector<float> floats(Input *input, size_t count) {
  std::vector<float> values(count);
  for (float &v : values) v = input->take<uint8_t>() < 200 ? input->take<int8_t>() / 16.0f : input->take<float>();
  return values;
}

void expect_finite(const std::vector<mien_detection> &detections, size_t count, int32_t points) {
  if (count > detections.size()) std::abort();
  for (size_t i = 0; i < count; ++i) {
    for (const float v : detections[i].box) {
      if (!std::isfinite(v) && points >= 0) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Input input(data, size);
  const int32_t points = input.integer(0, MIEN_MAX_POINTS), columns = input.integer(1, 6), rows = input.integer(1, 6);
  const int32_t stride = input.integer(1, 64);
  const float threshold = input.take<uint8_t>() / 255.0f, iou = input.take<uint8_t>() / 255.0f;
  const size_t cells = static_cast<size_t>(columns) * static_cast<size_t>(rows);
  const size_t pairs = 2 * static_cast<size_t>(points);
  std::vector<mien_detection> found(static_cast<size_t>(input.integer(0, 40)));

  size_t count = 0;
  const std::vector<float> raw = floats(&input, cells * (4 + pairs)), logits = floats(&input, cells);
  std::vector<float> centers(2 * cells);
  const int32_t one = 1;
  size_t anchors = 0;
  if (mien_ssd_anchors(columns, rows, &one, &one, 1, centers.data(), cells, &anchors) != MIEN_OK || anchors != cells) {
    std::abort();
  }
  if (mien_decode_ssd(raw.data(), logits.data(), centers.data(), cells, points, 128, 128, 100.0f, threshold,
                      found.data(), found.size(), &count) == MIEN_OK) {
    if (mien_nms(found.data(), &count, points, iou, MIEN_NMS_WEIGHTED) == MIEN_OK && count > found.size()) std::abort();
  }

  count = 0;
  const std::vector<float> cls = floats(&input, cells), obj = floats(&input, cells), box = floats(&input, 4 * cells),
                           point = floats(&input, pairs * cells + 1);
  if (mien_decode_grid(cls.data(), obj.data(), box.data(), point.data(), columns, rows, stride, points, threshold,
                       found.data(), found.size(), &count) == MIEN_OK) {
    expect_finite(found, count, points);
    mien_nms(found.data(), &count, points, iou, MIEN_NMS_HARD);
  }

  const std::vector<float> maps = floats(&input, 3 * 2 * cells);
  float xy[4], score[2];
  if (mien_decode_heatmap(maps.data(), 2, columns, rows, 16, 224, 224, xy, score) == MIEN_OK) {
    for (const float v : xy) {
      if (!std::isfinite(v)) std::abort();
    }
  }
  return 0;
}
