// Face: one face in the current frame, from the crop in which it was seen to all that is known of it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mien/mien.h"
#include "tracker/region.h"

namespace mien::tracker {

// The filter of one face's landmarks.
using OneEuro = std::shared_ptr<mien_one_euro>;

// A face that is followed.
struct Track {
  Region region;
  OneEuro smoother;
};

struct Face {
  Track track;
  Region seen_in;                // the crop that the network saw
  std::vector<float> landmarks;  // x, y, z in frame pixels, after the bundle's filter; z is 0 without depth
  Box box{};                     // their hull, before any filter
  double presence = 0;           // 0..1
  int32_t id = -1;

  // Readings, where the bundle has them.
  std::vector<float> coefficients;  // ARKit's, then the extras; 0..1, 0 for what no output stands for
  std::vector<uint8_t> valid;       // of each; 0: no output, or hidden
  std::vector<float> visibility;    // of each region
  bool has_gaze = false, has_head = false;
  double gaze[2][3] = {};  // left and right eye, unit vectors in the frame's camera axes
  float eyes[2][2] = {};   // where they begin, frame pixels
  double rotation[4] = {0, 0, 0, 1}, translation[3] = {}, residual = 0;  // quaternion x, y, z, w; metres
  std::vector<std::vector<float>> expression;                            // of each of Expression::outputs

  // What the network said of the head, before the landmarks were filtered: its rotation in the frame's axes.
  double turned[9] = {};
};

}  // namespace mien::tracker
