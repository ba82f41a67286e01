// Preparation: samples of sensors on the skin become the inputs of a network, in steps of equal length.
//
// Per step: cells of all sensors (resampler.h); until a calibration is known, the search for a still moment
// (calibration.h); then each sensor's motion relative to the head. Sensor 0 is the head's and rigid.
#pragma once

#include <cstdint>
#include <vector>

#include "imu/calibration.h"
#include "imu/resampler.h"
#include "imu/vector.h"

namespace mien::imu {

constexpr int kMostSensors = 32;
constexpr int kPerSensor = 12;  // rotation vector, angular velocity, acceleration, velocity
constexpr int kOfHead = 6;      // angular velocity, specific force

// What the samples as a whole look like.
enum Units : uint32_t { kUnitsFine = 0, kAccInG = 1, kGyroInDegrees = 2, kAccUnknown = 4 };

class Preparation {
 public:
  Preparation(std::vector<Seat> seats, double rate);

  int sensors() const { return static_cast<int>(seats_.size()); }
  // Per sensor but the head's kPerSensor values, then a 1 for each of these that is there, then kOfHead of the head.
  size_t features() const { return static_cast<size_t>(sensors() - 1) * (kPerSensor + 1) + kOfHead; }

  // Forgets time and motion, and the calibration unless it was given by `calibrate`.
  void reset();
  void calibrate(const Calibration &calibration);  // given from outside
  const Calibration *calibration() const { return calibrated_ ? &calibration_ : nullptr; }

  void push(int64_t t_ns, const float *acc, const float *gyro) { resampler_.push(t_ns, acc, gyro); }
  // The next step; true with features where a calibration is known. Call it until `more` is false.
  bool next(int64_t *t_ns, float *features, bool *more);

  uint32_t faults(int sensor) const;
  uint32_t units() const { return units_; }

 private:
  struct Motion {     // of one sensor relative to the head; what is told in "n" is in the sensor's axes at rest
    Turn turn;        // n -> head
    Turn seat;        // what was learnt of the mounting on the way
    float known = 0;  // 0..1: how much the head's turning shows of late
    Vec bias;         // n, rad/s, found on the way
    Vec mean;         // head, m/s^2: what of the difference of forces is always there
    Vec velocity;     // head, m/s, fading
    Vec rate_mean;
    float rate_spread = 0, still_s = 0;
  };
  void step(const Reading *cell, const uint8_t *present, float *out);
  void follow(size_t s, const Reading &cell, Vec head_rate, Vec head_force, float *out);
  void check_units(const Reading &head, bool present);

  std::vector<Seat> seats_;
  float dt_;
  Resampler resampler_;
  StillSearch search_;
  Calibration calibration_;
  bool calibrated_ = false, given_ = false;
  std::vector<Motion> motion_;
  std::vector<Reading> cell_;
  std::vector<uint8_t> present_;
  Vec head_rate_, head_turning_;  // of the step before; angular acceleration
  bool moving_ = false;           // head_rate_ is of the step before
  uint32_t units_ = kUnitsFine;
  float force_mean_ = 0;
  Vec tilt_, gravity_mean_;
  float checked_s_ = 0;
};

}  // namespace mien::imu
