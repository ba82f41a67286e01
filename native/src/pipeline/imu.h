// ImuTask: coefficients from motion sensors on the skin, as the manifest's `imu` section describes it. As
// sdk/mien/tasks/imu.py.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bundle/manifest.h"
#include "mien/mien.h"
#include "pipeline/network.h"
#include "pipeline/tracking.h"

namespace mien::pipeline {

class ImuTask {
 public:
  // Throws Refusal: what is wrong with the bundle or does not load.
  ImuTask(const bundle::Bundle &bundle, const mien_engine &engine, int32_t threads, bool smoothing);

  const std::vector<std::string> &coefficients() const { return names_; }
  const std::vector<std::string> &regions() const { return regions_; }
  const std::vector<std::string> &sensors() const { return sensors_; }

  void forget();
  // Takes rows of samples; fills all of *state but struct_size and what the caller set for landmarks. Throws Refusal:
  // MIEN_E_ENGINE, MIEN_E_TIME, MIEN_E_UNITS.
  void process(const int64_t *t_ns, const float *acc, const float *gyro, size_t rows, mien_face_state *state);
  mien_imu *preparation() const { return imu_.get(); }

 private:
  void describe(int64_t t_ns, mien_face_state *state);
  void check_units() const;
  void check_clock(const int64_t *t_ns, size_t rows);

  struct Destroy {
    void operator()(mien_imu *imu) const { mien_imu_destroy(imu); }
  };
  std::unique_ptr<Network> network_;
  std::unique_ptr<mien_imu, Destroy> imu_;
  std::vector<std::string> names_, regions_, sensors_;
  std::vector<size_t> slots_, region_of_;  // of each coefficient of the network: in ARKit's order, its region
  float min_confidence_;
  size_t features_ = 0, state_size_ = 0;
  size_t coefficients_ = 0, confidence_ = 0, next_state_ = 0;  // outputs
  float *features_in_ = nullptr, *state_in_ = nullptr;
  std::optional<Smoothing> smoothing_;

  // What belongs to the stream.
  bool known_ = false, started_ = false;
  int64_t last_ns_ = 0, state_ns_ = 0;
  size_t odd_ = 0;  // spacings in a row that no sensor has
  std::vector<float> said_, sure_;
  std::vector<int64_t> step_ns_, spacings_;
  std::vector<float> rows_;
};

}  // namespace mien::pipeline
