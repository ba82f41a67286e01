// Detection with an anchor-free head or with anchors.
#include "tracker/detector.h"

#include <algorithm>
#include <cmath>

#include "refusal.h"

namespace mien::tracker {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr size_t kCapacity = 1024, kLooks = 8;
// Shorter sides of the frame that a face has at least which is found from further away only.
constexpr double kLarge = 0.4;

void check(mien_status status) {
  if (status != MIEN_OK) throw Refusal(MIEN_E_ENGINE, std::string("detections: ") + mien_status_text(status));
}

}  // namespace

Detector::Detector(const bundle::Section &section, const Interface &network)
    : columns_(network.columns()), rows_(network.rows()), corner_(network.corner()) {
  const bool ssd = section.text("decode", nullptr, {"ssd", "grid"}) == "ssd";
  points_ = section.integer("points", 0, MIEN_MAX_POINTS);
  min_score_ = static_cast<float>(section.number("min_score", 0, 1, 0.5));
  iou_ = static_cast<float>(section.number("iou", 0, 1, 0.3));
  looks_.push_back({1, 0});
  if (section.has("looks")) {
    const std::vector<double> more = section.numbers("looks");
    if (more.empty() || more.size() % 2 != 0 || more.size() > 2 * kLooks) {
      section.refuse("looks", "expected pairs of a size and degrees");
    }
    for (size_t i = 0; i < more.size(); i += 2) {
      if (!(more[i] >= 1 && more[i] <= 4 && std::fabs(more[i + 1]) <= 180)) {
        section.refuse("looks", "sizes lie in 1..4, degrees in -180..180");
      }
      looks_.push_back({more[i], more[i + 1] * kPi / 180});
    }
  }
  nms_ = section.text("nms", "hard", {"hard", "weighted"}) == "hard" ? MIEN_NMS_HARD : MIEN_NMS_WEIGHTED;
  const std::vector<int32_t> strides = section.integers("strides", 1, 1024);
  if (strides.empty()) section.refuse("strides", "expected some");
  const size_t points = static_cast<size_t>(points_);
  if (!ssd) {
    for (const int32_t stride : strides) {
      const size_t cells = static_cast<size_t>(columns_ / stride) * static_cast<size_t>(rows_ / stride);
      const auto output = [&](const char *part, size_t width) {
        return network.expect(part + std::to_string(stride), cells, width);
      };
      levels_.push_back(
          {stride, output("cls_", 1), output("obj_", 1), output("box_", 4), output("points_", 2 * points)});
    }
    return;
  }
  clip_ = static_cast<float>(section.number("score_clip", 0, 1e6, 100.0));
  const std::vector<int32_t> per_cell = section.integers("per_cell", 1, 64);
  if (per_cell.size() != strides.size()) section.refuse("per_cell", "expected one number for each stride");
  size_t count = 0;
  const int32_t layers = static_cast<int32_t>(strides.size());
  const auto anchors = [&](float *centers) {
    const mien_status status = mien_ssd_anchors(columns_, rows_, strides.data(), per_cell.data(), layers, centers,
                                                anchors_.size() / 2, &count);
    if (status != MIEN_OK) section.refuse("strides", std::string("anchors: ") + mien_status_text(status));
  };
  anchors(nullptr);
  anchors_.resize(2 * count);
  anchors(anchors_.data());
  boxes_ = network.expect("boxes", count, 4 + 2 * points);
  scores_ = network.expect("scores", count);
}

// The smallest region of the tensor's shape that holds the frame, whichever way it is turned.
Affine Detector::affine(const mien_image &frame, size_t look) const {
  const auto [size, turn] = looks_[look];
  const double cosine = std::fabs(std::cos(turn)), sine = std::fabs(std::sin(turn));
  const double wide = cosine * frame.width + sine * frame.height, high = sine * frame.width + cosine * frame.height;
  const double scale = size * std::max(wide / columns_, high / rows_);
  Region region = whole_frame(frame.width, frame.height, columns_, rows_, corner_);
  region.width = columns_ * scale, region.height = rows_ * scale, region.rotation = turn;
  return region.affine(columns_, rows_, corner_);
}

void Detector::decode(const Outputs &outputs, const mien_image &frame, size_t look,
                      std::vector<mien_detection> *found) const {
  found->resize(kCapacity);
  size_t count = 0;
  if (levels_.empty()) {
    check(mien_decode_ssd(outputs[boxes_], outputs[scores_], anchors_.data(), anchors_.size() / 2, points_, columns_,
                          rows_, clip_, min_score_, found->data(), found->size(), &count));
  }
  for (const Level &level : levels_) {
    check(mien_decode_grid(outputs[level.cls], outputs[level.obj], outputs[level.box], outputs[level.points],
                           columns_ / level.stride, rows_ / level.stride, level.stride, points_, min_score_,
                           found->data(), found->size(), &count));
  }
  check(mien_nms(found->data(), &count, points_, iou_, nms_));
  check(mien_detections_map(found->data(), count, points_, affine(frame, look).data()));
  found->resize(count);
  if (looks_[look].size <= 1) return;
  const double least = kLarge * std::min(frame.width, frame.height);
  const auto small = [&](const mien_detection &one) {
    return std::max(one.box[2] - one.box[0], one.box[3] - one.box[1]) < least;
  };
  found->erase(std::remove_if(found->begin(), found->end(), small), found->end());
}

}  // namespace mien::tracker
