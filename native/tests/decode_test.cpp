// Anchors, box decoding, suppression and heat maps.
#include <algorithm>
#include <cstring>
#include <limits>

#include "checker.h"

namespace {

using check::Random;

void anchors_follow_layers_rows_columns_copies() {
  const int32_t stride[2] = {8, 16}, per_cell[2] = {2, 6};
  size_t count = 0;
  CHECK(mien_ssd_anchors(128, 128, stride, per_cell, 2, nullptr, 0, &count) == MIEN_OK);
  CHECK(count == 896);
  std::vector<float> centers(2 * count);
  CHECK(mien_ssd_anchors(128, 128, stride, per_cell, 2, centers.data(), 895, &count) == MIEN_E_CAPACITY);
  CHECK(mien_ssd_anchors(128, 128, stride, per_cell, 2, centers.data(), 896, &count) == MIEN_OK);
  CHECK(centers[0] == 0.03125f && centers[1] == 0.03125f && centers[2] == 0.03125f && centers[4] == 0.09375f);
  CHECK(centers[2 * 895] == 0.9375f && centers[2 * 512] == 0.0625f);
  const int32_t zero[1] = {0};
  CHECK(mien_ssd_anchors(128, 128, zero, per_cell, 1, nullptr, 0, &count) == MIEN_E_ARGUMENT);
}

void ssd_sets_agree_and_keep_what_scores() {
  Random random(3);
  const size_t anchors = 1000;
  std::vector<float> raw(anchors * 16), logits(anchors), centers(2 * anchors);
  for (float &v : raw) v = static_cast<float>(random.real(-50, 50));
  for (float &v : logits) v = static_cast<float>(random.real(-30, 5));
  for (float &v : centers) v = static_cast<float>(random.real(0, 1));
  for (const float min_score : {0.0f, 0.3f, 0.5f, 0.999f, 1.0f, -1.0f}) {
    size_t expected = 0;
    for (const float logit : logits) {
      const float bounded = std::min(std::max(logit, -100.0f), 100.0f);
      expected += 1.0f / (1.0f + std::exp(-bounded)) >= min_score ? 1 : 0;
    }
    for (const mien_simd level : check::levels()) {
      CHECK(mien_simd_select(level) == MIEN_OK);
      std::vector<mien_detection> out(anchors);
      size_t count = 12345;
      CHECK(mien_decode_ssd(raw.data(), logits.data(), centers.data(), anchors, 6, 128, 128, 100, min_score, out.data(),
                            out.size(), &count) == MIEN_OK);
      CHECK(count == expected);
      size_t few = 0;
      CHECK(mien_decode_ssd(raw.data(), logits.data(), centers.data(), anchors, 6, 128, 128, 100, min_score, out.data(),
                            3, &few) == MIEN_OK);
      CHECK(few == std::min<size_t>(expected, 3));
    }
  }
  mien_detection one;
  size_t count = 77;
  logits[500] = std::numeric_limits<float>::quiet_NaN();
  CHECK(mien_decode_ssd(raw.data(), logits.data(), centers.data(), anchors, 6, 128, 128, 100, 0.5f, &one, 1, &count) ==
        MIEN_E_NOT_FINITE);
  CHECK(count == 77);
  CHECK(mien_decode_ssd(raw.data(), logits.data(), centers.data(), anchors, 9, 128, 128, 100, 0.5f, &one, 1, &count) ==
        MIEN_E_ARGUMENT);
}

void clipping_counts_before_the_threshold() {
  const float raw[4] = {1, 2, 3, 4}, logit[1] = {-9}, center[2] = {0.5f, 0.5f};
  mien_detection out;
  size_t count = 0;
  CHECK(mien_decode_ssd(raw, logit, center, 1, 0, 10, 10, 1, 0.25f, &out, 1, &count) == MIEN_OK);
  CHECK(count == 1 && check::near(out.score, 0.26894142, 1e-6));
  CHECK(out.box[0] == 4.5f && out.box[1] == 5.0f && out.box[2] == 7.5f && out.box[3] == 9.0f);
}

void grid_appends() {
  const float cls[2] = {0.81f, 2.0f}, obj[2] = {1, 0.25f}, box[8] = {0, 0, 0, 0, 0.5f, 0.5f, 0, 0},
              point[4] = {0, 0, 1, 1};
  mien_detection out[3];
  size_t count = 1;
  CHECK(mien_decode_grid(cls, obj, box, point, 2, 1, 8, 1, 0.5f, out, 3, &count) == MIEN_OK);
  CHECK(count == 3 && check::near(out[1].score, 0.9, 1e-6) && out[2].score == 0.5f);
  CHECK(out[1].box[0] == -4.0f && out[1].box[2] == 4.0f && out[2].box[0] == 8.0f && out[2].point[0] == 16.0f);
  const float huge[8] = {0, 0, 1000, 0, 0, 0, 0, 0};
  count = 0;
  CHECK(mien_decode_grid(cls, obj, huge, point, 2, 1, 8, 1, 0.5f, out, 3, &count) == MIEN_E_NOT_FINITE && count == 0);
}

mien_detection box_of(float score, float x, float y, float size) {
  mien_detection d{};
  d.score = score;
  d.box[0] = x, d.box[1] = y, d.box[2] = x + size, d.box[3] = y + size;
  d.point[0] = x, d.point[1] = y;
  return d;
}

void suppression_keeps_the_best_or_the_mean() {
  const mien_detection all[4] = {box_of(0.5f, 1, 0, 10), box_of(0.9f, 50, 50, 10), box_of(1.0f, 0, 0, 10),
                                 box_of(0.2f, 51, 50, 10)};
  mien_detection d[4];
  std::copy(all, all + 4, d);
  size_t count = 4;
  CHECK(mien_nms(d, &count, 1, 0.3f, MIEN_NMS_HARD) == MIEN_OK);
  CHECK(count == 2 && d[0].score == 1.0f && d[0].box[0] == 0.0f && d[1].score == 0.9f);
  std::copy(all, all + 4, d);
  count = 4;
  CHECK(mien_nms(d, &count, 1, 0.3f, MIEN_NMS_WEIGHTED) == MIEN_OK);
  CHECK(count == 2 && d[0].score == 1.0f && check::near(d[0].box[0], 0.5 / 1.5, 1e-6));
  CHECK(check::near(d[0].point[0], 0.5 / 1.5, 1e-6));
  count = 0;
  CHECK(mien_nms(d, &count, 1, 0.3f, MIEN_NMS_HARD) == MIEN_OK && count == 0);
  count = 4;
  CHECK(mien_nms(d, &count, 1, 1.5f, MIEN_NMS_HARD) == MIEN_E_ARGUMENT);
}

void mapping_takes_the_hull() {
  mien_detection d = box_of(1, 0, 0, 10);
  const double quarter_turn[6] = {0, -2, 5, 2, 0, 1};
  CHECK(mien_detections_map(&d, 1, 1, quarter_turn) == MIEN_OK);
  CHECK(d.box[0] == -15 && d.box[1] == 1 && d.box[2] == 5 && d.box[3] == 21 && d.point[0] == 5 && d.point[1] == 1);
}

void heat_maps_give_peak_and_offset() {
  std::vector<float> maps(3 * 28 * 28, 0.5f);
  maps[3 * 28 + 7] = 0.9f;
  maps[2 * 784 + 3 * 28 + 7] = 1.0f / (1.0f + std::exp(-0.16f));  // offset 0.01 at slope 16
  float xy[2], score[1];
  CHECK(mien_decode_heatmap(maps.data(), 1, 28, 28, 16, 224, 224, xy, score) == MIEN_OK);
  CHECK(score[0] == 0.9f && check::near(xy[0], 223 * (7 / 27.0 + 0.01), 1e-3) &&
        check::near(xy[1], 223 * 3 / 27.0, 1e-3));
  maps[5] = std::numeric_limits<float>::quiet_NaN();
  CHECK(mien_decode_heatmap(maps.data(), 1, 28, 28, 16, 224, 224, xy, score) == MIEN_E_NOT_FINITE);
}

}  // namespace

int main() {
  anchors_follow_layers_rows_columns_copies();
  ssd_sets_agree_and_keep_what_scores();
  clipping_counts_before_the_threshold();
  grid_appends();
  suppression_keeps_the_best_or_the_mean();
  mapping_takes_the_hull();
  heat_maps_give_peak_and_offset();
  return check::finish();
}
