// Sensors on the skin from C: what the preparation gives and refuses, and the whole way with an engine of the host's
// own.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "checker.h"
#include "mien/mien.h"

namespace {

constexpr float kGravity = 9.80665f;
constexpr int kSensors = 3;

struct Rows {
  std::vector<int64_t> t_ns;
  std::vector<float> acc, gyro;
};

// Sensors that rest, with the noise of a part.
Rows still(int rows, int sensors, float acc_scale = 1, int64_t first = 0) {
  check::Random random(7);
  Rows out;
  for (int i = 0; i < rows; ++i) {
    out.t_ns.push_back(first + i * INT64_C(10000000));
    for (int s = 0; s < sensors; ++s) {
      for (int k = 0; k < 3; ++k) {
        const double noise = random.real(-0.02, 0.02);
        out.acc.push_back(static_cast<float>((k == 1 ? kGravity : 0.0f) + noise) * acc_scale);
        out.gyro.push_back(static_cast<float>(0.01 * k + random.real(-0.002, 0.002)));
      }
    }
  }
  return out;
}

mien_imu *made() {
  const float places[3 * kSensors] = {0, 0.1f, 0.09f, 0, -0.07f, 0.1f, 0.03f, -0.04f, 0.09f};
  const float rotations[4 * kSensors] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
  mien_imu *imu = nullptr;
  CHECK(mien_imu_create(places, rotations, kSensors, 100, &imu) == MIEN_OK);
  return imu;
}

void test_preparation() {
  mien_imu *imu = made();
  size_t size = 0, steps = 0;
  CHECK(mien_imu_feature_count(imu, &size) == MIEN_OK && size == 2 * 13 + 6);
  const Rows rows = still(300, kSensors);
  std::vector<int64_t> when(400);
  std::vector<float> features(400 * size);
  mien_imu_mounts mounts{};
  mounts.struct_size = sizeof mounts;
  CHECK(mien_imu_calibration(imu, &mounts) == MIEN_E_DEGENERATE);
  CHECK(mien_imu_process(imu, rows.t_ns.data(), rows.acc.data(), rows.gyro.data(), 300, when.data(), features.data(), 5,
                         &steps) == MIEN_E_CAPACITY);
  CHECK(steps > 299);
  CHECK(mien_imu_process(imu, rows.t_ns.data(), rows.acc.data(), rows.gyro.data(), 300, when.data(), features.data(),
                         400, &steps) == MIEN_OK);
  CHECK(steps > 90 && steps < 101 && when[0] > 2000000000);
  for (size_t i = 0; i < steps * size; ++i) CHECK(std::isfinite(features[i]) && std::abs(features[i]) <= 8);
  CHECK(std::abs(features[(steps - 1) * size]) < 0.2f && features[(steps - 1) * size + 24] == 1.0f);
  CHECK(mien_imu_calibration(imu, &mounts) == MIEN_OK && mounts.sensors == kSensors && mounts.known[2] == 1);
  CHECK(check::near(mounts.bias[1][2], 0.02, 1e-3));
  CHECK(mien_imu_process(imu, rows.t_ns.data(), rows.acc.data(), rows.gyro.data(), 1, when.data(), features.data(), 400,
                         &steps) == MIEN_E_TIME);
  int32_t corrected = -1;
  CHECK(mien_imu_refine(imu, rows.t_ns.data(), rows.acc.data(), rows.gyro.data(), 300, &corrected) == MIEN_OK);
  CHECK(corrected == 0);
  CHECK(mien_imu_reset(imu) == MIEN_OK && mien_imu_calibrate(imu, &mounts) == MIEN_OK);
  CHECK(mien_imu_process(imu, rows.t_ns.data(), rows.acc.data(), rows.gyro.data(), 10, when.data(), features.data(),
                         400, &steps) == MIEN_OK);
  CHECK(steps == 9);
  mounts.bias[0][0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(mien_imu_calibrate(imu, &mounts) == MIEN_E_NOT_FINITE);
  mounts.struct_size = 1;
  CHECK(mien_imu_calibrate(imu, &mounts) == MIEN_E_STRUCT && mien_imu_calibration(imu, &mounts) == MIEN_E_STRUCT);
  mien_imu_destroy(imu);
  mien_imu_destroy(nullptr);
}

void test_refusals() {
  const float places[6] = {}, rotations[8] = {0, 0, 0, 1, 0, 0, 0, 1};
  mien_imu *imu = nullptr;
  CHECK(mien_imu_create(nullptr, rotations, 2, 100, &imu) == MIEN_E_ARGUMENT);
  CHECK(mien_imu_create(places, rotations, 1, 100, &imu) == MIEN_E_ARGUMENT);
  CHECK(mien_imu_create(places, rotations, 33, 100, &imu) == MIEN_E_ARGUMENT);
  CHECK(mien_imu_create(places, rotations, 2, 500, &imu) == MIEN_E_ARGUMENT);
  const float bad[8] = {0, 0, 0, std::numeric_limits<float>::infinity(), 0, 0, 0, 1};
  CHECK(mien_imu_create(places, bad, 2, 100, &imu) == MIEN_E_NOT_FINITE);
  CHECK(mien_imu_reset(nullptr) == MIEN_E_ARGUMENT && mien_imu_check(nullptr, nullptr) == MIEN_E_ARGUMENT);
  mien_imu *good = made();
  mien_imu_health health{};
  CHECK(mien_imu_check(good, &health) == MIEN_E_STRUCT);
  health.struct_size = sizeof health;
  CHECK(mien_imu_check(good, &health) == MIEN_OK && health.units == 0);
  size_t steps = 9;
  CHECK(mien_imu_process(good, nullptr, nullptr, nullptr, 1, nullptr, nullptr, 0, &steps) == MIEN_E_ARGUMENT);
  mien_imu_destroy(good);
}

// Bytes that are no samples at all must not break anything.
void test_wild_values() {
  check::Random random(3);
  mien_imu *imu = made();
  std::vector<int64_t> when(4000);
  std::vector<float> features(4000 * 32);
  int64_t t_ns = 0;
  for (int round = 0; round < 20000; ++round) {
    t_ns += random.chance(0.01) ? INT64_C(30000000000) : random.integer(1, 30000000);
    float acc[3 * kSensors], gyro[3 * kSensors];
    for (int i = 0; i < 3 * kSensors; ++i) {
      const uint64_t bits = random.next();
      const uint32_t low = static_cast<uint32_t>(bits), high = static_cast<uint32_t>(bits >> 32);
      std::memcpy(acc + i, &low, sizeof low);
      std::memcpy(gyro + i, &high, sizeof high);
      if (random.chance(0.9)) acc[i] = static_cast<float>(random.real(-80, 80));
      if (random.chance(0.9)) gyro[i] = static_cast<float>(random.real(-18, 18));
    }
    size_t steps = 0;
    CHECK(mien_imu_process(imu, &t_ns, acc, gyro, 1, when.data(), features.data(), 4000, &steps) == MIEN_OK);
  }
  mien_imu_destroy(imu);
}

// ---- the whole way -----------------------------------------------------------------------------------------

mien_status load(void *user, const mien_engine_model *model, void **network, char *, size_t) {
  CHECK(model->input_count == 2 && model->output_count == 3 && model->inputs[0].rank == 2);
  *network = user;
  return MIEN_OK;
}

// Says jawOpen as often as it was asked, through the state.
mien_status run(void *, const mien_engine_tensor *inputs, size_t, mien_engine_tensor *outputs, size_t count, char *,
                size_t) {
  float before = 0;
  for (size_t i = 0; i < 2; ++i) {
    if (std::string(inputs[i].name) == "state") before = static_cast<const float *>(inputs[i].data)[0];
  }
  for (size_t i = 0; i < count; ++i) {
    float *values = static_cast<float *>(outputs[i].data);
    const std::string name = outputs[i].name;
    std::fill_n(values, outputs[i].capacity / sizeof(float), name == "confidence" ? 0.9f : before / 100);
    if (name == "next_state") values[0] = before + 1;
    outputs[i].size = outputs[i].capacity;
  }
  return MIEN_OK;
}

void unload(void *) {}

void test_pipeline() {
  int user = 0;
  mien_engine engine{};
  engine.struct_size = sizeof engine;
  engine.name = "onnxruntime";
  engine.user = &user;
  engine.load = load;
  engine.run = run;
  engine.unload = unload;
  mien_pipeline_options options{};
  options.struct_size = sizeof options;
  options.flags = MIEN_PIPELINE_NO_SMOOTHING;
  mien_pipeline *pipeline = nullptr;
  CHECK(mien_pipeline_open(MIEN_MODELS "/imu.mien", &options, &engine, &pipeline) == MIEN_OK);
  if (pipeline == nullptr) {
    std::fprintf(stderr, "%s\n", mien_pipeline_error(nullptr));
    return;
  }
  const char *const *names = nullptr;
  size_t count = 0;
  CHECK(mien_pipeline_sensors(pipeline, &names, &count) == MIEN_OK && count == 19 && std::string(names[0]) == "head");
  const Rows rows = still(260, 19);
  mien_face_state state{};
  state.struct_size = sizeof state;
  CHECK(mien_pipeline_samples(pipeline, rows.t_ns.data(), rows.acc.data(), rows.gyro.data(), 150, &state) == MIEN_OK);
  CHECK(state.found == 0 && state.measured == 0 && std::isnan(state.coefficient[17]));
  const size_t at = 150;
  CHECK(mien_pipeline_samples(pipeline, &rows.t_ns[at], &rows.acc[57 * at], &rows.gyro[57 * at], 110, &state) ==
        MIEN_OK);
  CHECK(state.found == 1 && state.measured == (MIEN_HAS_COEFFICIENTS | MIEN_HAS_VISIBILITY));
  CHECK(state.valid[17] == 1 && state.coefficient[17] > 0.5f && state.coefficient[17] < 0.6f);
  CHECK(state.valid[1] == 0 && std::isnan(state.coefficient[1]));  // eyeLookDownLeft
  CHECK(check::near(state.presence, 0.9, 1e-6) && state.region_count == 6);
  CHECK(mien_pipeline_imu(pipeline) != nullptr);
  CHECK(mien_pipeline_samples(pipeline, rows.t_ns.data(), rows.acc.data(), rows.gyro.data(), 1, &state) == MIEN_E_TIME);
  const Rows later = still(1, 19, 1, INT64_C(20000000000));
  CHECK(mien_pipeline_samples(pipeline, later.t_ns.data(), later.acc.data(), later.gyro.data(), 1, &state) ==
        MIEN_E_TIME);
  CHECK(std::string(mien_pipeline_error(pipeline)).find("another clock") != std::string::npos);
  CHECK(mien_pipeline_reset(pipeline) == MIEN_OK);
  const Rows in_g = still(120, 19, 1 / kGravity);
  CHECK(mien_pipeline_samples(pipeline, in_g.t_ns.data(), in_g.acc.data(), in_g.gyro.data(), 120, &state) ==
        MIEN_E_UNITS);
  CHECK(std::string(mien_pipeline_error(pipeline)).find("are in g") != std::string::npos);
  const uint8_t pixel = 0;
  mien_image frame{};
  frame.struct_size = sizeof frame;
  frame.format = MIEN_FORMAT_GRAY8;
  frame.width = frame.height = 1;
  frame.plane[0] = &pixel;
  frame.stride[0] = 1;
  CHECK(mien_pipeline_process(pipeline, &frame, 1, &state) == MIEN_E_ARGUMENT);
  mien_pipeline_close(pipeline);
}

}  // namespace

int main() {
  test_preparation();
  test_refusals();
  test_wild_values();
  test_pipeline();
  return check::finish();
}
