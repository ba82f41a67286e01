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
  // How many ways there are to look at a frame: upright and whole, and further ones for when nothing was found so.
  size_t looks() const { return looks_.size(); }
  // Tensor pixel -> frame pixel.
  Affine affine(const mien_image &frame, size_t look) const;
  // The faces in frame pixels, best first; of a look from further away, those alone that the plain look finds too
  // large. Throws Refusal (MIEN_E_ENGINE).
  void decode(const Outputs &outputs, const mien_image &frame, size_t look, std::vector<mien_detection> *found) const;

 private:
  struct Look {
    double size;  // of what is looked at, in frames
    double turn;  // of it, radians, clockwise on screen
  };
  struct Level {
    int32_t stride;
    size_t cls, obj, box, points;  // outputs of the network
  };

  int columns_, rows_;
  bool corner_;
  int32_t points_;
  float min_score_, iou_;
  std::vector<Look> looks_;
  mien_nms_mode nms_;
  std::vector<Level> levels_;   // of a grid
  std::vector<float> anchors_;  // of SSD
  float clip_ = 0;
  size_t boxes_ = 0, scores_ = 0;
};

}  // namespace mien::tracker
