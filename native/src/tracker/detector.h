// Detector: faces in whole frames, as a `detect` section describes it: letterbox, network, decode, suppression.
//
// Two decoders, by the `decode` field: "ssd" (boxes relative to an anchor grid, outputs `boxes` and `scores`) and
// "grid" (anchor-free levels, outputs `cls_S`, `obj_S`, `box_S`, `points_S` for each stride S).
#pragma once

#include <vector>

#include "tracker/interface.h"

namespace mien::tracker {

class Detector {
 public:
  // Throws Refusal (MIEN_E_MANIFEST).
  Detector(const bundle::Section &section, const Interface &network);

  int32_t points() const { return points_; }
  // Tensor pixel -> frame pixel.
  Affine affine(const mien_image &frame) const;
  // The faces in frame pixels, best first. Throws Refusal (MIEN_E_ENGINE).
  void decode(const Outputs &outputs, const Affine &affine, std::vector<mien_detection> *found) const;

 private:
  struct Level {
    int32_t stride;
    size_t cls, obj, box, points;  // outputs of the network
  };

  int columns_, rows_;
  bool corner_;
  int32_t points_;
  float min_score_, iou_;
  mien_nms_mode nms_;
  std::vector<Level> levels_;   // of a grid
  std::vector<float> anchors_;  // of SSD
  float clip_ = 0;
  size_t boxes_ = 0, scores_ = 0;
};

}  // namespace mien::tracker
