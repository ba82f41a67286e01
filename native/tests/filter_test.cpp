// One-Euro, hold and constraints: instruction sets agree, time must advance, invalid values change no state.
#include <cstring>
#include <limits>

#include "checker.h"

namespace {

using check::Random;

constexpr size_t kCount = 1434;

struct Euro {
  mien_one_euro *filter = nullptr;
  Euro(size_t count, float cutoff, float beta) {
    const std::vector<float> cutoffs(count, cutoff), betas(count, beta);
    CHECK(mien_one_euro_create(count, cutoffs.data(), betas.data(), 1.0f, &filter) == MIEN_OK);
  }
  ~Euro() { mien_one_euro_destroy(filter); }
  Euro(const Euro &) = delete;
  Euro &operator=(const Euro &) = delete;
};

void one_euro_sets_agree(int32_t catch_up) {
  std::vector<std::vector<float>> results;
  for (const mien_simd level : check::levels()) {
    CHECK(mien_simd_select(level) == MIEN_OK);
    const Euro euro(kCount, 0.05f, 80.0f);
    CHECK(mien_one_euro_catch_up(euro.filter, catch_up) == MIEN_OK);
    Random random(21);
    std::vector<float> value(kCount), out(kCount), all;
    std::vector<uint8_t> valid(kCount);
    int64_t t = -5;
    for (int frame = 0; frame < 40; ++frame) {
      t += random.integer(1, 60000000);
      for (size_t i = 0; i < kCount; ++i) {
        valid[i] = random.chance(0.9) ? static_cast<uint8_t>(random.integer(1, 255)) : 0;
        value[i] = static_cast<float>(random.chance(0.01) ? random.real(-3e38, 3e38) : random.real(-100, 100));
        if (valid[i] == 0 && random.chance(0.5)) value[i] = std::numeric_limits<float>::quiet_NaN();
      }
      CHECK(mien_one_euro_apply(euro.filter, t, 0.01f, value.data(), valid.data(), out.data()) == MIEN_OK);
      for (size_t i = 0; i < kCount; ++i) CHECK(valid[i] == 0 || std::isfinite(out[i]));
      all.insert(all.end(), out.begin(), out.end());
    }
    results.push_back(all);
    CHECK(std::memcmp(results[0].data(), all.data(), all.size() * sizeof(float)) == 0);
  }
}

void one_euro_follows_the_paper() {
  const Euro euro(1, 1.0f, 0.5f);
  double raw = 0, smooth = 0, speed = 0;
  for (int frame = 0; frame < 50; ++frame) {
    const double x = std::sin(frame * 0.3) * 10, dt = 0.04, pi = 3.14159265358979323846;
    const auto alpha = [&](double cutoff) { return 1 / (1 + 1 / (2 * pi * cutoff) / dt); };
    if (frame == 0) {
      smooth = x;
    } else {
      speed += alpha(1.0) * ((x - raw) / dt - speed);
      smooth += alpha(1.0 + 0.5 * std::fabs(speed)) * (x - smooth);
    }
    raw = x;
    const float in = static_cast<float>(x);
    float out = 0;
    CHECK(mien_one_euro_apply(euro.filter, frame * int64_t{40000000}, 1, &in, nullptr, &out) == MIEN_OK);
    CHECK(check::near(out, smooth, 1e-4));
  }
}

void a_settling_value_is_the_mean_of_its_samples() {
  const Euro euro(1, 0.01f, 0.0f);
  CHECK(mien_one_euro_settle(euro.filter, 1) == MIEN_OK);
  CHECK(mien_one_euro_settle(nullptr, 1) == MIEN_E_ARGUMENT);
  float sum = 0, out = 0;
  for (int frame = 0; frame < 300; ++frame) {  // beyond the 255 samples that are counted
    const float in = static_cast<float>((frame * 7) % 11);
    sum += in;
    CHECK(mien_one_euro_apply(euro.filter, frame * int64_t{10000000}, 1, &in, nullptr, &out) == MIEN_OK);
    if (frame < 200) CHECK(check::near(out, sum / static_cast<float>(frame + 1), 1e-3));
  }
  CHECK(check::near(out, 5.0, 0.5));
}

void a_value_that_catches_up_arrives() {
  const Euro paper(1, 0.01f, 0.2f), euro(1, 0.01f, 0.2f);
  CHECK(mien_one_euro_catch_up(euro.filter, 1) == MIEN_OK);
  CHECK(mien_one_euro_catch_up(nullptr, 1) == MIEN_E_ARGUMENT);
  float stays = 0, arrives = 0;
  for (int frame = 0; frame < 30; ++frame) {
    const float in = frame < 10 ? 0.0f : 0.5f;
    const int64_t t = frame * int64_t{16666667};
    CHECK(mien_one_euro_apply(paper.filter, t, 1, &in, nullptr, &stays) == MIEN_OK);
    CHECK(mien_one_euro_apply(euro.filter, t, 1, &in, nullptr, &arrives) == MIEN_OK);
  }
  CHECK(arrives > 0.45f && arrives <= 0.5f);
  CHECK(stays < 0.4f);
}

void an_invalid_value_waits_with_its_true_time() {
  const Euro a(1, 1.0f, 0.0f), b(1, 1.0f, 0.0f);
  const float x = 1, y = 2, other = 99;
  const uint8_t no = 0;
  float out_a = 0, out_b = 0;
  CHECK(mien_one_euro_apply(a.filter, 0, 1, &x, nullptr, &out_a) == MIEN_OK);
  CHECK(mien_one_euro_apply(a.filter, 20000000, 1, &other, &no, &out_a) == MIEN_OK && out_a == 99);
  CHECK(mien_one_euro_apply(a.filter, 40000000, 1, &y, nullptr, &out_a) == MIEN_OK);
  CHECK(mien_one_euro_apply(b.filter, 0, 1, &x, nullptr, &out_b) == MIEN_OK);
  CHECK(mien_one_euro_apply(b.filter, 40000000, 1, &y, nullptr, &out_b) == MIEN_OK);
  CHECK(check::near(out_a, out_b, 1e-6) && out_a < 2 && out_a > 1);
}

void errors_leave_the_state_alone() {
  const Euro euro(1, 1.0f, 0.0f);
  const float x = 1, nan = std::numeric_limits<float>::quiet_NaN();
  float out = 5;
  CHECK(mien_one_euro_apply(euro.filter, 100, 1, &x, nullptr, &out) == MIEN_OK);
  out = 5;
  CHECK(mien_one_euro_apply(euro.filter, 100, 1, &x, nullptr, &out) == MIEN_E_TIME && out == 5);
  CHECK(mien_one_euro_apply(euro.filter, 99, 1, &x, nullptr, &out) == MIEN_E_TIME);
  CHECK(mien_one_euro_apply(euro.filter, 200, 1, &nan, nullptr, &out) == MIEN_E_NOT_FINITE && out == 5);
  CHECK(mien_one_euro_apply(euro.filter, 150, 1, &x, nullptr, &out) == MIEN_OK);
  CHECK(mien_one_euro_reset(euro.filter) == MIEN_OK);
  CHECK(mien_one_euro_apply(euro.filter, std::numeric_limits<int64_t>::min(), 1, &x, nullptr, &out) == MIEN_OK);
  CHECK(mien_one_euro_apply(euro.filter, std::numeric_limits<int64_t>::max(), 1, &x, nullptr, &out) == MIEN_OK);
  mien_one_euro *none = nullptr;
  const float bad = -1;
  CHECK(mien_one_euro_create(1, &bad, &x, 1, &none) == MIEN_E_ARGUMENT && none == nullptr);
  mien_one_euro_destroy(nullptr);
}

void hold_bridges_and_lets_go() {
  mien_hold *hold = nullptr;
  CHECK(mien_hold_create(2, 100, &hold) == MIEN_OK);
  const float in[2] = {3, 4}, next[2] = {8, 9};
  const uint8_t first[2] = {1, 0}, none[2] = {0, 0};
  float out[2];
  uint8_t valid[2];
  CHECK(mien_hold_apply(hold, 0, in, first, out, valid) == MIEN_OK);
  CHECK(out[0] == 3 && valid[0] == 1 && out[1] == 4 && valid[1] == 0);
  CHECK(mien_hold_apply(hold, 100, next, none, out, valid) == MIEN_OK);
  CHECK(out[0] == 3 && valid[0] == 1);
  CHECK(mien_hold_apply(hold, 101, next, none, out, valid) == MIEN_OK);
  CHECK(out[0] == 8 && valid[0] == 0);
  CHECK(mien_hold_apply(hold, 101, next, none, out, valid) == MIEN_E_TIME);
  CHECK(mien_hold_reset(hold) == MIEN_OK);
  CHECK(mien_hold_apply(hold, 50, next, none, out, valid) == MIEN_OK && valid[0] == 0);
  mien_hold_destroy(hold);
  mien_hold_destroy(nullptr);
}

void constraints_apply_in_order() {
  float values[4] = {2.0f, 0.5f, -1.0f, 0.8f};
  const uint8_t valid[4] = {1, 1, 0, 1};
  const int32_t lower[3] = {0, 3, 3}, upper[3] = {1, 0, 2};
  CHECK(mien_constrain(values, valid, 4, 0, 1, lower, upper, 3) == MIEN_OK);
  CHECK(values[0] == 0.5f && values[3] == 0.5f && values[2] == -1.0f);
  const int32_t outside[1] = {4};
  CHECK(mien_constrain(values, valid, 4, 0, 1, outside, upper, 1) == MIEN_E_ARGUMENT);
  CHECK(mien_constrain(values, valid, 4, 1, 0, lower, upper, 1) == MIEN_E_ARGUMENT);
}

}  // namespace

int main() {
  one_euro_sets_agree(0);
  one_euro_sets_agree(1);
  a_value_that_catches_up_arrives();
  one_euro_follows_the_paper();
  a_settling_value_is_the_mean_of_its_samples();
  an_invalid_value_waits_with_its_true_time();
  errors_leave_the_state_alone();
  hold_bridges_and_lets_go();
  constraints_apply_in_order();
  return check::finish();
}
