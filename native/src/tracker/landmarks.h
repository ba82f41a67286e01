// LandmarkStage: where the landmarks of a face are, from what the landmark network says of one region of the frame.
#pragma once

#include "tracker/face.h"
#include "tracker/interface.h"

namespace mien::tracker {

// Outputs `points` (tensor pixels) and optionally `presence`, or heat maps `maps`.
class LandmarkStage {
 public:
  // Throws Refusal (MIEN_E_MANIFEST).
  LandmarkStage(const bundle::Section &section, const Interface &network);

  size_t count() const { return count_; }
  Region whole(const mien_image &frame) const {
    return whole_frame(frame.width, frame.height, columns_, rows_, corner_);
  }
  Affine affine(const Region &region) const { return region.affine(columns_, rows_, corner_); }
  // Whether a face is in the region; then *face has its landmarks, box, presence and `seen_in`. `scratch` has room for
  // 3 floats of each landmark. Throws Refusal (MIEN_E_ENGINE).
  bool find(const Outputs &outputs, const Region &region, const mien_image &frame, float *scratch, Face *face) const;

 private:
  bool points(const Outputs &outputs, float *out, double *presence) const;
  double depth_scale(const Region &region, const mien_image &frame) const;

  int columns_, rows_;
  bool corner_;
  size_t count_, dims_;
  bool heat_, image_depth_ = false;  // image_depth: the depth's unit is that of the whole picture, not of the crop
  double min_presence_;
  size_t points_ = 0, presence_ = 0;  // outputs
  bool has_presence_ = false;
  int map_columns_ = 0, map_rows_ = 0;
  float slope_ = 0;
};

}  // namespace mien::tracker
