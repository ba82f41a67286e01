// LandmarkStage: the landmark network on one region of the frame, and what it found there.
#pragma once

#include <vector>

#include "pipeline/network.h"

namespace mien::pipeline {

// A face in the current frame.
struct Found {
  std::vector<float> landmarks;  // x, y, z in frame pixels; z is 0 without depth
  Box box{};                     // their hull, before any filter
  double presence = 0;
  Region seen_in;  // the crop that the network saw
};

class LandmarkStage {
 public:
  // Throws Refusal, as Network.
  LandmarkStage(const bundle::Bundle &bundle, const bundle::Section &section, const mien_engine &engine,
                int32_t threads);

  Network &network() { return network_; }
  const Network &network() const { return network_; }
  size_t count() const { return count_; }

  // Whether a face is in the region; then *found is filled, and the network's outputs are this face's. Throws Refusal.
  bool find(const Region &region, const mien_image &frame, Found *found);

 private:
  Network network_;
  size_t count_, dims_;
  double min_presence_;
  bool image_depth_;  // the depth's unit is that of the whole picture, not of the crop
  size_t points_;
  bool has_presence_;
  size_t presence_ = 0;
  std::vector<float> mapped_;
};

}  // namespace mien::pipeline
