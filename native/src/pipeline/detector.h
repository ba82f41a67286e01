// Detector: faces in whole frames, as a `detect` section describes it: letterbox, network, decode, suppression.
#pragma once

#include <vector>

#include "pipeline/network.h"

namespace mien::pipeline {

class Detector {
 public:
  // Throws Refusal, as Network.
  Detector(const bundle::Bundle &bundle, const bundle::Section &section, const mien_engine &engine, int32_t threads);

  int32_t points() const { return points_; }

  // The best face in frame pixels, or NULL; valid until the next call. Throws Refusal, as Network.
  const mien_detection *find(const mien_image &frame);

 private:
  struct Level {
    int32_t stride;
    size_t cls, obj, box, points;  // outputs of the network
  };

  Network network_;
  int32_t points_;
  float min_score_, iou_;
  mien_nms_mode nms_;
  std::vector<Level> levels_;
  std::vector<mien_detection> found_;
};

}  // namespace mien::pipeline
