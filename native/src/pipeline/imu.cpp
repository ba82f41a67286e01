// Samples -> steps (imu/preparation.h) -> the network once per step, its state kept as a tensor -> coefficients.
#include "pipeline/imu.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pipeline/readings.h"
#include "refusal.h"

namespace mien::pipeline {
namespace {

using bundle::Section;

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kLongestJump = 10000000000;               // ns forward; more is another clock
constexpr int64_t kFastest = 1000000, kSlowest = 40000000;  // ns between samples: 1000 and 25 Hz; 50..400 are meant
constexpr size_t kJudged = 16;                              // spacings from which a rate is told
constexpr size_t kRoom = 64;                                // steps that a call may make before buffers grow

void check(mien_status status, const char *what) {
  if (status != MIEN_OK) throw Refusal(status, std::string(what) + ": " + mien_status_text(status));
}

std::vector<float> floats(const Section &section, const char *name, size_t count) {
  const std::vector<double> values = section.numbers(name, 1.0);
  if (values.size() != count) section.refuse(name, "expected " + std::to_string(count) + " numbers");
  std::vector<float> out;
  for (double value : values) out.push_back(static_cast<float>(value));
  return out;
}

}  // namespace

ImuTask::ImuTask(const bundle::Bundle &bundle, const mien_engine &engine, int32_t threads, bool smoothing) {
  const Section section = bundle.root().section("imu");
  network_ = std::make_unique<Network>(bundle, section.text("network"), engine, threads);
  std::vector<float> places, rotations;
  for (const Section &sensor : section.sections("sensors")) {
    sensors_.push_back(sensor.text("name"));
    for (float value : floats(sensor, "place", 3)) places.push_back(value);
    for (float value : floats(sensor, "rotation", 4)) rotations.push_back(value);
  }
  if (sensors_.size() < 2 || sensors_.size() > MIEN_IMU_MAX_SENSORS) section.refuse("sensors", "expected 2 to 32");
  const double rate = section.number("rate", 20, 400);
  mien_imu *made = nullptr;
  check(mien_imu_create(places.data(), rotations.data(), static_cast<int32_t>(sensors_.size()),
                        static_cast<float>(rate), &made),
        "sensors");
  imu_.reset(made);
  check(mien_imu_feature_count(made, &features_), "sensors");

  const Section layouts = section.section("layouts");
  for (const std::string &name : layouts.names()) layouts.texts(name);
  names_ = arkit_names();
  const std::vector<std::string> given = section.texts("coefficients");
  for (const std::string &name : given) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) section.refuse("coefficients", "ARKit has no " + name);
    slots_.push_back(static_cast<size_t>(found - names_.begin()));
  }
  const Section regions = section.section("regions");
  regions_ = regions.names();
  if (regions_.size() > MIEN_MAX_REGIONS) section.refuse("regions", "are more than this library has room for");
  region_of_.assign(given.size(), regions_.size());
  for (size_t r = 0; r < regions_.size(); ++r) {
    for (const std::string &name : regions.texts(regions_[r])) {
      const auto found = std::find(given.begin(), given.end(), name);
      if (found == given.end()) regions.refuse(regions_[r], "is no coefficient of the network: " + name);
      region_of_[static_cast<size_t>(found - given.begin())] = r;
    }
  }
  if (std::find(region_of_.begin(), region_of_.end(), regions_.size()) != region_of_.end()) {
    section.refuse("regions", "leave a coefficient without one");
  }
  min_confidence_ = static_cast<float>(section.number("min_confidence", 0, 1, 0.0));
  if (section.has("coefficient_filter")) {
    Smoothing filter(section.section("coefficient_filter"));
    if (smoothing) smoothing_ = std::move(filter);
  }
  if (network_->inputs() != 2) section.refuse("network", "needs two inputs, features and state");
  coefficients_ = network_->expect("coefficients", given.size());
  confidence_ = network_->expect("confidence", regions_.size());
  state_size_ = network_->size("next_state");
  next_state_ = network_->expect("next_state", state_size_);
  features_in_ = network_->values("features", features_);
  state_in_ = network_->values("state", state_size_);
  forget();
  bundle.root().done();
}

void ImuTask::forget() {
  mien_imu_reset(imu_.get());
  std::fill_n(state_in_, state_size_, 0.0f);
  if (smoothing_) smoothing_->forget();
  known_ = started_ = false;
  odd_ = 0;
  state_ns_ = std::numeric_limits<int64_t>::min();
  said_.assign(slots_.size(), 0.0f);
  sure_.assign(regions_.size(), 0.0f);
}

void ImuTask::check_units() const {
  mien_imu_health health{};
  health.struct_size = sizeof health;
  check(mien_imu_check(imu_.get(), &health), "sensors");
  if ((health.units & MIEN_IMU_ACC_IN_G) != 0) {
    throw Refusal(MIEN_E_UNITS, "the accelerometers are in g; expected is m/s^2: multiply by 9.80665");
  }
  if ((health.units & MIEN_IMU_GYRO_IN_DEGREES) != 0) {
    throw Refusal(MIEN_E_UNITS, "the gyroscopes are in degrees per second; expected is rad/s: multiply by pi / 180");
  }
  if (health.units != 0) throw Refusal(MIEN_E_UNITS, "the head's accelerometer reads no gravity of 9.81 m/s^2");
}

void ImuTask::check_clock(const int64_t *t_ns, size_t rows) {
  // Times may be any; their differences are told modulo 2^64, which is the truth unless they go back.
  const auto between = [](int64_t from, int64_t to) {
    return static_cast<int64_t>(static_cast<uint64_t>(to) - static_cast<uint64_t>(from));
  };
  if (started_ && between(last_ns_, t_ns[0]) > kLongestJump) {
    throw Refusal(MIEN_E_TIME,
                  "the samples jump forward by more than 10 s: another clock? mien_pipeline_reset begins a "
                  "new recording");
  }
  spacings_.clear();
  if (started_) spacings_.push_back(between(last_ns_, t_ns[0]));
  for (size_t i = 1; i < rows; ++i) spacings_.push_back(between(t_ns[i - 1], t_ns[i]));
  if (spacings_.empty()) return;
  const auto middle = spacings_.begin() + static_cast<std::ptrdiff_t>(spacings_.size() / 2);
  std::nth_element(spacings_.begin(), middle, spacings_.end());
  const int64_t typical = *middle;
  odd_ = kFastest <= typical && typical <= kSlowest ? 0 : odd_ + spacings_.size();
  if (odd_ < kJudged) return;
  throw Refusal(MIEN_E_TIME, "the samples are " + std::to_string(typical) + " ns apart; " +
                                 (typical < kFastest ? "are the times in microseconds?" : "sensors need 50 to 400 Hz"));
}

void ImuTask::process(const int64_t *t_ns, const float *acc, const float *gyro, size_t rows, mien_face_state *state) {
  check_clock(t_ns, rows);
  if (step_ns_.empty()) step_ns_.resize(kRoom);
  rows_.resize(step_ns_.size() * features_);
  size_t steps = 0;
  mien_status status =
      mien_imu_process(imu_.get(), t_ns, acc, gyro, rows, step_ns_.data(), rows_.data(), step_ns_.size(), &steps);
  if (status == MIEN_E_CAPACITY) {
    step_ns_.resize(steps);
    rows_.resize(steps * features_);
    status = mien_imu_process(imu_.get(), t_ns, acc, gyro, rows, step_ns_.data(), rows_.data(), steps, &steps);
  }
  check(status, "the samples");
  started_ = true;
  last_ns_ = t_ns[rows - 1];
  check_units();
  for (size_t i = 0; i < steps; ++i) {
    std::copy_n(&rows_[i * features_], features_, features_in_);
    network_->run();
    std::copy_n(network_->output(next_state_), state_size_, state_in_);
  }
  if (steps > 0) {
    known_ = true;
    std::copy_n(network_->output(coefficients_), said_.size(), said_.begin());
    std::copy_n(network_->output(confidence_), sure_.size(), sure_.begin());
  }
  // A step may end behind the row that completed it; the same state again is later all the same.
  state_ns_ = steps > 0 ? step_ns_[steps - 1] : std::max(t_ns[rows - 1], state_ns_ + 1);
  describe(state_ns_, state);
}

void ImuTask::describe(int64_t t_ns, mien_face_state *state) {
  mien_face_state out{};
  out.struct_size = sizeof out;
  out.landmarks = state->landmarks;
  out.landmark_capacity = state->landmark_capacity;
  out.t_ns = t_ns;
  out.coefficient_count = static_cast<uint32_t>(names_.size());
  out.region_count = static_cast<uint32_t>(regions_.size());
  std::fill_n(out.coefficient, MIEN_MAX_COEFFICIENTS, kNone);
  std::fill_n(out.raw, MIEN_MAX_COEFFICIENTS, kNone);
  std::fill_n(out.visibility, MIEN_MAX_REGIONS, kNone);
  std::fill_n(out.box, 4, kNone);
  std::fill_n(out.rotation, 4, kNone);
  std::fill_n(out.translation, 3, kNone);
  out.residual = kNone;
  std::fill_n(&out.gaze[0][0], 6, kNone);
  std::fill_n(&out.eyes[0][0], 4, kNone);
  out.id = -1;
  if (known_) {
    out.found = 1;
    out.id = 0;
    out.measured = MIEN_HAS_COEFFICIENTS | MIEN_HAS_VISIBILITY;
    float sum = 0;
    for (size_t r = 0; r < sure_.size(); ++r) {
      out.visibility[r] = std::min(std::max(sure_[r], 0.0f), 1.0f);
      sum += out.visibility[r];
    }
    out.presence = sum / static_cast<float>(sure_.size());
    for (size_t k = 0; k < slots_.size(); ++k) {
      out.raw[slots_[k]] = std::min(std::max(said_[k], 0.0f), 1.0f);
      out.valid[slots_[k]] = out.visibility[region_of_[k]] >= min_confidence_ ? 1 : 0;
    }
    float values[MIEN_MAX_COEFFICIENTS] = {};
    for (size_t slot : slots_) values[slot] = out.raw[slot];
    if (smoothing_) smoothing_->apply(0, t_ns, values, out.valid);
    for (size_t i = 0; i < names_.size(); ++i) {
      if (out.valid[i] != 0) out.coefficient[i] = values[i];
    }
  }
  *state = out;
}

}  // namespace mien::pipeline
