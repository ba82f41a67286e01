// Detection with an anchor-free head (`decode`: grid).
#include "pipeline/detector.h"

#include "refusal.h"

namespace mien::pipeline {
namespace {

constexpr size_t kCapacity = 1024;

void check(mien_status status) {
  if (status != MIEN_OK) throw Refusal(MIEN_E_ENGINE, std::string("detections: ") + mien_status_text(status));
}

}  // namespace

Detector::Detector(const bundle::Bundle &bundle, const bundle::Section &section, const mien_engine &engine,
                   int32_t threads)
    : network_(bundle, section.text("network"), engine, threads), found_(kCapacity) {
  section.text("decode", nullptr, {"grid"});
  points_ = section.integer("points", 0, MIEN_MAX_POINTS);
  min_score_ = static_cast<float>(section.number("min_score", 0, 1, 0.5));
  iou_ = static_cast<float>(section.number("iou", 0, 1, 0.3));
  nms_ = section.text("nms", "hard", {"hard", "weighted"}) == "hard" ? MIEN_NMS_HARD : MIEN_NMS_WEIGHTED;
  for (const int32_t stride : section.integers("strides", 1, 1024)) {
    const size_t cells =
        static_cast<size_t>(network_.columns() / stride) * static_cast<size_t>(network_.rows() / stride);
    const auto output = [&](const char *part, size_t width) {
      return network_.expect(part + std::to_string(stride), cells, width);
    };
    levels_.push_back({stride, output("cls_", 1), output("obj_", 1), output("box_", 4),
                       output("points_", 2 * static_cast<size_t>(points_))});
  }
  if (levels_.empty()) section.refuse("strides", "expected some");
}

const mien_detection *Detector::find(const mien_image &frame) {
  const int columns = network_.columns(), rows = network_.rows();
  const Affine affine =
      whole_frame(frame.width, frame.height, columns, rows, network_.corner()).affine(columns, rows, network_.corner());
  network_.prepare(frame, affine);
  network_.run();
  size_t count = 0;
  for (const Level &level : levels_) {
    check(mien_decode_grid(network_.output(level.cls), network_.output(level.obj), network_.output(level.box),
                           network_.output(level.points), columns / level.stride, rows / level.stride, level.stride,
                           points_, min_score_, found_.data(), found_.size(), &count));
  }
  check(mien_nms(found_.data(), &count, points_, iou_, nms_));
  check(mien_detections_map(found_.data(), count, points_, affine.data()));
  return count > 0 ? &found_[0] : nullptr;
}

}  // namespace mien::pipeline
