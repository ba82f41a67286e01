// Landmarks from a network that gives points (`decode`: points).
#include "pipeline/landmarks.h"

#include <algorithm>
#include <cmath>

#include "refusal.h"

namespace mien::pipeline {
namespace {

double sigmoid(double logit) {
  return 1.0 / (1.0 + std::exp(-std::max(-80.0, std::min(80.0, logit))));
}

// Whether a box has any area inside the frame; a region that drifted out of it would be followed for ever.
bool inside(const Box &box, const mien_image &frame) {
  return std::min<double>(box[2], frame.width) > std::max(box[0], -1.0) &&
         std::min<double>(box[3], frame.height) > std::max(box[1], -1.0);
}

}  // namespace

LandmarkStage::LandmarkStage(const bundle::Bundle &bundle, const bundle::Section &section, const mien_engine &engine,
                             int32_t threads)
    : network_(bundle, section.text("network"), engine, threads) {
  section.text("decode", nullptr, {"points"});
  count_ = static_cast<size_t>(section.integer("count", 4, 100000));
  dims_ = static_cast<size_t>(section.integer("dims", 2, 3, 3));
  min_presence_ = section.number("min_presence", 0, 1, 0.5);
  image_depth_ = section.text("depth_unit", "crop", {"crop", "image"}) == "image";
  points_ = network_.expect("points", count_ * dims_);
  has_presence_ = network_.has("presence");
  if (has_presence_) presence_ = network_.expect("presence", 1);
  mapped_.resize(count_ * dims_);
}

bool LandmarkStage::find(const Region &region, const mien_image &frame, Found *found) {
  const int columns = network_.columns();
  const Affine affine = region.affine(columns, network_.rows(), network_.corner());
  network_.prepare(frame, affine);
  network_.run();
  const double presence = has_presence_ ? sigmoid(network_.output(presence_)[0]) : 1.0;
  if (presence <= min_presence_) return false;
  double depth = region.width / columns;
  if (image_depth_) {
    depth *= std::hypot(std::cos(region.rotation), std::sin(region.rotation) * frame.width / frame.height);
  }
  if (mien_points_map(network_.output(points_), count_, static_cast<int32_t>(dims_), affine.data(),
                      static_cast<float>(depth), mapped_.data()) != MIEN_OK) {
    throw Refusal(MIEN_E_ENGINE, "a network gave points beyond all bounds");
  }
  const Box box = hull(mapped_.data(), count_, static_cast<int>(dims_));
  if (!inside(box, frame)) return false;
  found->landmarks.assign(3 * count_, 0.0f);
  for (size_t i = 0; i < count_; ++i) {
    std::copy_n(&mapped_[i * dims_], dims_, &found->landmarks[3 * i]);
  }
  found->box = box;
  found->presence = presence;
  found->seen_in = region;
  return true;
}

}  // namespace mien::pipeline
