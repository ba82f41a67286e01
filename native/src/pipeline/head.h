// Head: the head's pose from the rotation that the network gives and the landmarks. As sdk/mien/tasks/_pose.py.
#pragma once

#include <vector>

#include "pipeline/landmarks.h"

namespace mien::pipeline {

class Head {
 public:
  // Throws Refusal (MIEN_E_MANIFEST).
  Head(const bundle::Bundle &bundle, const bundle::Section &section, const LandmarkStage &stage);

  // translation in metres, residual in pixels; false where the landmarks do not determine a pose.
  bool read(const Network &network, const Found &face, const mien_image &frame, float rotation[4], float translation[3],
            float *residual) const;

 private:
  double fov_;                  // vertical, radians
  std::vector<double> points_;  // x, y, z (centimetres) of the canonical face
  std::vector<double> shares_;  // their weights; the sum is 1
  size_t output_;
};

}  // namespace mien::pipeline
