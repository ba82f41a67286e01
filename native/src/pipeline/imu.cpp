// Samples -> steps (imu/preparation.h) -> the network once per step, its state kept as a tensor -> coefficients.
#include "pipeline/imu.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "pipeline/face.h"
#include "refusal.h"

namespace mien::pipeline {
namespace {

using bundle::Section;

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

ImuModel::ImuModel(const bundle::Bundle &bundle, const mien_engine &engine, int32_t threads)
    : interface(bundle, bundle.root().section("imu").text("network")) {
  const Section section = bundle.root().section("imu");
  read_sensors(section);
  rate = static_cast<float>(section.number("rate", 20, 400));
  read_regions(section);
  min_confidence = static_cast<float>(section.number("min_confidence", 0, 1, 0.0));
  if (section.has("coefficient_filter")) smoothing.emplace(section.section("coefficient_filter"));
  coefficients = interface.expect("coefficients", slots.size());
  confidence = interface.expect("confidence", regions.size());
  const std::vector<bundle::Port> &inputs = interface.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) (inputs[i].name == "state" ? state_in : features_in) = i;
  if (inputs.size() != 2 || inputs[state_in].name != "state" || inputs[features_in].name != "features" ||
      inputs[0].takes_pixels || inputs[1].takes_pixels) {
    section.refuse("network", "needs two inputs, features and state");
  }
  next_state = interface.expect("next_state", inputs[state_in].count);
  bundle.root().done();
  network = std::make_unique<Network>(bundle, interface, engine, threads);
}

void ImuModel::read_sensors(const Section &section) {
  for (const Section &sensor : section.sections("sensors")) {
    sensors.push_back(sensor.text("name"));
    for (float value : floats(sensor, "place", 3)) places.push_back(value);
    for (float value : floats(sensor, "rotation", 4)) rotations.push_back(value);
  }
  if (sensors.size() < 2 || sensors.size() > MIEN_IMU_MAX_SENSORS) section.refuse("sensors", "expected 2 to 32");
  const Section layouts = section.section("layouts");
  for (const std::string &name : layouts.names()) layouts.texts(name);
}

void ImuModel::read_regions(const Section &section) {
  const std::vector<std::string> &names = tracker::arkit_names();
  const std::vector<std::string> given = section.texts("coefficients");
  for (const std::string &name : given) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) section.refuse("coefficients", "ARKit has no " + name);
    slots.push_back(static_cast<size_t>(found - names.begin()));
  }
  const Section listed = section.section("regions");
  regions = listed.names();
  if (regions.size() > MIEN_MAX_REGIONS) section.refuse("regions", "are more than this library has room for");
  region_of.assign(given.size(), regions.size());
  for (size_t r = 0; r < regions.size(); ++r) {
    for (const std::string &name : listed.texts(regions[r])) {
      const auto found = std::find(given.begin(), given.end(), name);
      if (found == given.end()) listed.refuse(regions[r], "is not a coefficient of the network: " + name);
      region_of[static_cast<size_t>(found - given.begin())] = r;
    }
  }
  if (std::find(region_of.begin(), region_of.end(), regions.size()) != region_of.end()) {
    section.refuse("regions", "leave a coefficient without one");
  }
}

ImuStream::ImuStream(std::shared_ptr<const ImuModel> model, bool smoothing)
    : model_(std::move(model)), inputs_(model_->interface) {
  mien_imu *made = nullptr;
  check(mien_imu_create(model_->places.data(), model_->rotations.data(), static_cast<int32_t>(model_->sensors.size()),
                        model_->rate, &made),
        "sensors");
  imu_.reset(made);
  check(mien_imu_feature_count(made, &features_), "sensors");
  if (model_->interface.inputs()[model_->features_in].count != features_) {
    throw Refusal(MIEN_E_MANIFEST, "the network's input features needs (1, " + std::to_string(features_) + ")");
  }
  if (smoothing && model_->smoothing) smoothing_.emplace(model_->smoothing->fresh());
  forget();
}

void ImuStream::forget() {
  mien_imu_reset(imu_.get());
  std::fill_n(inputs_.data(model_->state_in), inputs_.size(model_->state_in), uint8_t{0});
  if (smoothing_) smoothing_->forget();
  known_ = started_ = false;
  odd_ = 0;
  state_ns_ = std::numeric_limits<int64_t>::min();
  said_.assign(model_->slots.size(), 0.0f);
  sure_.assign(model_->regions.size(), 0.0f);
}

// Runs the network once, and keeps its state and what it says.
void ImuStream::step(const float *features) {
  std::memcpy(inputs_.data(model_->features_in), features, features_ * sizeof(float));
  Network &network = *model_->network;
  const std::lock_guard<std::mutex> turn(network.turn);
  const tracker::Outputs &said = network.run(&inputs_);
  std::memcpy(inputs_.data(model_->state_in), said[model_->next_state], inputs_.size(model_->state_in));
  std::copy_n(said[model_->coefficients], said_.size(), said_.begin());
  std::copy_n(said[model_->confidence], sure_.size(), sure_.begin());
}

void ImuStream::check_units() const {
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

void ImuStream::check_clock(const int64_t *t_ns, size_t rows) {
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

void ImuStream::process(const int64_t *t_ns, const float *acc, const float *gyro, size_t rows, mien_face_state *state) {
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
  for (size_t i = 0; i < steps; ++i) step(&rows_[i * features_]);
  known_ = known_ || steps > 0;
  // A step may end behind the row that completed it; the same state again is later all the same.
  state_ns_ = steps > 0 ? step_ns_[steps - 1] : std::max(t_ns[rows - 1], state_ns_ + 1);
  describe(state_ns_, state);
}

void ImuStream::describe(int64_t t_ns, mien_face_state *state) {
  const std::vector<size_t> &slots = model_->slots;
  mien_face_state out = *state;
  clear(t_ns, &out);
  out.coefficient_count = MIEN_ARKIT_COUNT;
  out.region_count = static_cast<uint32_t>(model_->regions.size());
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
    for (size_t k = 0; k < slots.size(); ++k) {
      out.raw[slots[k]] = std::min(std::max(said_[k], 0.0f), 1.0f);
      out.valid[slots[k]] = out.visibility[model_->region_of[k]] >= model_->min_confidence ? 1 : 0;
    }
    float values[MIEN_MAX_COEFFICIENTS] = {};
    for (size_t slot : slots) values[slot] = out.raw[slot];
    if (smoothing_) smoothing_->apply(0, t_ns, values, out.valid);
    for (size_t i = 0; i < MIEN_ARKIT_COUNT; ++i) {
      if (out.valid[i] != 0) out.coefficient[i] = values[i];
    }
  }
  *state = out;
}

}  // namespace mien::pipeline
