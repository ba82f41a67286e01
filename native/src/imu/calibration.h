// Calibration: what has to be known of each sensor as it was glued on: bias, mounting, place.
//
// Two seconds of stillness give the gyroscopes' biases and, from gravity, how each sensor is tilted against its nominal
// seat, upside down included. Twenty seconds of moving the head and the face give the mounting about gravity too.
#pragma once

#include <cstdint>
#include <vector>

#include "imu/resampler.h"
#include "imu/vector.h"

namespace mien::imu {

// Where a sensor is meant to sit: its place in metres and its axes -> head axes.
struct Seat {
  Vec place;
  Turn turn;
};

// As it sits.
struct Mount {
  bool known = false;
  Vec bias;              // rad/s, in its own axes
  Turn turn;             // its axes at rest -> head axes
  Vec place;             // metres, head axes
  float tilt = 0;        // radians between its gravity and what its seat promises
  int32_t turned = 0;    // degrees about its z axis (180: upside down), or 1: glued on its face
  float spread_acc = 0;  // m/s^2, rad/s: how still it was
  float spread_gyro = 0;
};

struct Calibration {
  std::vector<Mount> mounts;
};

// Looks for two seconds without motion.
class StillSearch {
 public:
  StillSearch(size_t sensors, double rate);
  void reset();
  // True when the cells so far end with a still moment that is long enough.
  bool add(const Reading *cell, const uint8_t *present);
  Calibration result(const std::vector<Seat> &seats) const;

 private:
  struct Sum {
    int count = 0;
    bool moved = false;
    Vec acc, gyro;  // means
    double acc_spread = 0, gyro_spread = 0;
  };
  double rate_;
  int cells_ = 0;
  std::vector<Sum> sums_;
};

// Collects cells of a range of motion and corrects a calibration by them.
class MotionFit {
 public:
  explicit MotionFit(const Calibration &from) : from_(from), sums_(from.mounts.size()) {}
  void add(const Reading *cell, const uint8_t *present);
  // The calibration with mountings as far as the motion shows them; how many sensors it could correct.
  int result(Calibration *out) const;

 private:
  struct Sum {
    double turn[3][3] = {};  // head rate x sensor rate
    double power = 0;        // of the head's rate
  };
  const Calibration from_;
  std::vector<Sum> sums_;
};

}  // namespace mien::imu
