// Coefficients from motion sensors on the skin, as the manifest's `imu` section describes it. As sdk/mien/tasks/imu.py.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/network.h"
#include "pipeline/smoothing.h"

namespace mien::pipeline {

// What all streams of a bundle share.
struct ImuModel {
  // Throws Refusal: what is wrong with the bundle or does not load.
  ImuModel(const bundle::Bundle &bundle, const mien_engine &engine, int32_t threads);

  tracker::Interface interface;
  std::unique_ptr<Network> network;
  std::vector<std::string> sensors, regions;
  std::vector<float> places, rotations;
  float rate = 0;
  std::vector<size_t> slots, region_of;  // of each coefficient of the network: in ARKit's order, its region
  float min_confidence = 0;
  std::optional<Smoothing> smoothing;                       // without memory
  size_t features_in = 0, state_in = 0;                     // inputs
  size_t coefficients = 0, confidence = 0, next_state = 0;  // outputs

 private:
  void read_sensors(const bundle::Section &section);
  void read_regions(const bundle::Section &section);
};

// One stream of samples.
class ImuStream {
 public:
  ImuStream(std::shared_ptr<const ImuModel> model, bool smoothing);

  void forget();
  // Takes rows of samples; fills all of *state but struct_size and what the caller set for landmarks. Throws Refusal:
  // MIEN_E_ENGINE, MIEN_E_TIME, MIEN_E_UNITS.
  void process(const int64_t *t_ns, const float *acc, const float *gyro, size_t rows, mien_face_state *state);
  mien_imu *preparation() const { return imu_.get(); }

 private:
  void describe(int64_t t_ns, mien_face_state *state);
  void check_units() const;
  void check_clock(const int64_t *t_ns, size_t rows);
  void step(const float *features);

  struct Destroy {
    void operator()(mien_imu *imu) const { mien_imu_destroy(imu); }
  };
  std::shared_ptr<const ImuModel> model_;
  tracker::Inputs inputs_;
  std::unique_ptr<mien_imu, Destroy> imu_;
  size_t features_ = 0;
  std::optional<Smoothing> smoothing_;
  bool known_ = false, started_ = false;
  int64_t last_ns_ = 0, state_ns_ = 0;
  size_t odd_ = 0;  // spacings in a row that no sensor has
  std::vector<float> said_, sure_;
  std::vector<int64_t> step_ns_, spacings_;
  std::vector<float> rows_;
};

}  // namespace mien::pipeline
