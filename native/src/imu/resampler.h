// Resampler: rows of all sensors at any rate with jitter become means over cells of equal length.
//
// Between two valid samples a signal is taken to be a straight line, and a cell is the integral under it: so 400 Hz
// lose their noise, 50 Hz are interpolated, and a gyroscope's angle is kept exactly. A cell does not wait for a row
// behind its end: the last row that is expected in it completes it, what is left of it (a whole cell at most) is held
// at that row's values, and the next cell takes up the difference to what came. Waiting took 10 ms at 100 Hz.
#pragma once

#include <cstdint>
#include <vector>

#include "imu/vector.h"

namespace mien::imu {

struct Reading {
  Vec acc, gyro;
};

// What was seen of a sensor's own health.
enum Fault : uint32_t { kMissing = 1, kStuck = 2, kSaturated = 4 };

class Resampler {
 public:
  Resampler(int sensors, double step_s);

  void reset();
  // Takes the next row: acc and gyro, 3 values per sensor, NaN where it gave none. Then `next` until it is false.
  void push(int64_t t_ns, const float *acc, const float *gyro);
  // The next complete cell: its end, up to a cell behind the newest row, a reading per sensor, and whether the sensor
  // covered half of it.
  bool next(int64_t *t_ns, Reading *cell, uint8_t *present);

  uint32_t faults(int sensor) const { return faults_[static_cast<size_t>(sensor)]; }

 private:
  struct Line {  // one sensor's last valid sample, and what the cell has of it so far
    double time = -1e9;
    Reading last, now;
    bool fresh = false;
    double same_since = 0;
    int pinned = 0;
    Reading sum;         // of the cell; less what the one before has held
    double covered = 0;  // seconds; below 0 by what it held
  };
  void watch(size_t sensor, const Reading &reading, double time);
  void integrate(Line &line, double from, double to);
  Reading held(const Line &line, double width) const;

  double step_;
  std::vector<Line> lines_;
  std::vector<uint32_t> faults_;
  bool started_ = false;
  int64_t origin_ = 0;
  double now_ = 0, done_ = 0, cell_ = 0;  // seconds since origin: newest row, integrated up to, begin of the cell
  double spacing_ = 0;                    // seconds from row to row, 0: not known yet
};

}  // namespace mien::imu
