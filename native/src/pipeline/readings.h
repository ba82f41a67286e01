// What the landmark network says of a face besides its landmarks: coefficients, visibility of its regions, gaze.
#pragma once

#include <string>
#include <vector>

#include "pipeline/landmarks.h"

namespace mien::pipeline {

const std::vector<std::string> &arkit_names();

// The output `coefficients`: ARKit's 52, then extras that no layout has.
class Coefficients {
 public:
  // Throws Refusal (MIEN_E_MANIFEST), as the others.
  Coefficients(const bundle::Section &section, const LandmarkStage &stage);

  const std::vector<std::string> &names() const { return names_; }
  void read(const Network &network, float *out) const;  // clamped to 0..1

 private:
  std::vector<std::string> names_;
  size_t output_;
};

// The output `visibility`, a logit per region. What the manifest lists for a region below `min` is hidden.
class Visibility {
 public:
  Visibility(const bundle::Section &section, const LandmarkStage &stage, const std::vector<std::string> &coefficients);

  const std::vector<std::string> &regions() const { return regions_; }
  // Each region's visibility, and 0 in `valid` for each coefficient that is hidden.
  void read(const Network &network, float *visibility, uint8_t *valid) const;

 private:
  std::vector<std::string> regions_;
  std::vector<std::vector<size_t>> hides_;  // per region: coefficients
  float min_;
  size_t output_;
};

// The output `gaze`: left and right eye in the crop's camera axes.
class Gaze {
 public:
  Gaze(const bundle::Section &section, const LandmarkStage &stage);

  // Where the eyes are; and their directions in the frame's camera axes, false where the network gives none.
  bool read(const Network &network, const Found &face, float gaze[2][3], float eyes[2][2]) const;

 private:
  std::vector<int32_t> eyes_;
  size_t output_;
};

}  // namespace mien::pipeline
