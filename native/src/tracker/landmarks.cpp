// Landmarks from a network that gives points or heat maps.
#include "tracker/landmarks.h"

#include <algorithm>
#include <cmath>

#include "refusal.h"

namespace mien::tracker {
namespace {

double sigmoid(double logit) {
  return 1.0 / (1.0 + std::exp(-std::max(-80.0, std::min(80.0, logit))));
}

// Whether a box has any area inside the frame; a region that drifted out of it would be followed for ever.
bool inside(const Box &box, const mien_image &frame) {
  return std::min<double>(box[2], frame.width) > std::max(box[0], -1.0) &&
         std::min<double>(box[3], frame.height) > std::max(box[1], -1.0);
}

void check(mien_status status) {
  if (status != MIEN_OK) throw Refusal(MIEN_E_ENGINE, "a network gave points beyond all bounds");
}

}  // namespace

LandmarkStage::LandmarkStage(const bundle::Section &section, const Interface &network)
    : columns_(network.columns()), rows_(network.rows()), corner_(network.corner()) {
  count_ = static_cast<size_t>(section.integer("count", 4, 100000));
  heat_ = section.text("decode", nullptr, {"points", "heatmap"}) == "heatmap";
  min_presence_ = section.number("min_presence", 0, 1, 0.5);
  if (!heat_) {
    dims_ = static_cast<size_t>(section.integer("dims", 2, 3, 3));
    image_depth_ = section.text("depth_unit", "crop", {"crop", "image"}) == "image";
    points_ = network.expect("points", count_ * dims_);
    has_presence_ = network.has("presence");
    if (has_presence_) presence_ = network.expect("presence", 1);
    return;
  }
  dims_ = 2;
  slope_ = static_cast<float>(section.number("slope", 1e-6, 1e6));
  const std::vector<int32_t> &shape = network.output("maps").shape;
  if (shape.size() != 4 || static_cast<size_t>(shape[1]) != 3 * count_) {
    section.refuse("count", "output maps is expected to have the shape (1, " + std::to_string(3 * count_) + ", H, W)");
  }
  map_rows_ = shape[2], map_columns_ = shape[3];
  points_ = network.expect("maps", network.output("maps").count);
}

// Tensor pixels of all points, `dims` each; false where the network sees no face.
bool LandmarkStage::points(const Outputs &outputs, float *out, double *presence) const {
  if (!heat_) {
    *presence = has_presence_ ? sigmoid(outputs[presence_][0]) : 1.0;
    std::copy_n(outputs[points_], count_ * dims_, out);
    return *presence > min_presence_;
  }
  float *heat = out + 2 * count_;
  check(mien_decode_heatmap(outputs[points_], static_cast<int32_t>(count_), map_columns_, map_rows_, slope_, columns_,
                            rows_, out, heat));
  double sum = 0;
  for (size_t i = 0; i < count_; ++i) sum += heat[i];
  *presence = sum / static_cast<double>(count_);
  return *presence > min_presence_;
}

// Frame pixels per tensor pixel of depth. With the depth of an image the x step of the crop is measured in units of the
// image's size, as MediaPipe 1.2.2 does; that equals the crop's own scale for upright faces or square frames.
double LandmarkStage::depth_scale(const Region &region, const mien_image &frame) const {
  const double along = region.width / columns_;
  if (!image_depth_) return along;
  return along * std::hypot(std::cos(region.rotation), std::sin(region.rotation) * frame.width / frame.height);
}

bool LandmarkStage::find(const Outputs &outputs, const Region &region, const mien_image &frame, float *scratch,
                         Face *face) const {
  if (!points(outputs, scratch, &face->presence)) return false;
  const Affine to_frame = affine(region);
  const int32_t dims = static_cast<int32_t>(dims_);
  check(
      mien_points_map(scratch, count_, dims, to_frame.data(), static_cast<float>(depth_scale(region, frame)), scratch));
  face->box = hull(scratch, count_, dims);
  if (!inside(face->box, frame)) return false;
  face->landmarks.assign(3 * count_, 0.0f);
  for (size_t i = 0; i < count_; ++i) std::copy_n(scratch + i * dims_, dims_, &face->landmarks[3 * i]);
  face->seen_in = region;
  return true;
}

}  // namespace mien::tracker
