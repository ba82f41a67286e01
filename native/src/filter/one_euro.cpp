// mien_one_euro: the adaptive low-pass of Casiez et al. (2012) over an array of values. The arithmetic of a step is in
// src/simd/arrays.h; here live the state and its checks.
#include <cmath>
#include <new>
#include <vector>

#include "check.h"
#include "mien/mien.h"
#include "simd/dispatch.h"

struct mien_one_euro {
  std::vector<float> min_cutoff, beta;
  std::vector<float> raw, smooth, speed;
  std::vector<float> gap;  // seconds from a value's last valid sample to the last call: its own time step stays true
  std::vector<uint8_t> seen, always_valid;  // seen: samples so far, up to 255
  float derivative_cutoff;
  float settle;
  bool catch_up;
  int64_t last_ns;
  bool started;
};

namespace {

bool valid_are_finite(const float *values, const uint8_t *valid, size_t count) {
  if (valid == nullptr) return mien::all_finite(values, count);
  for (size_t i = 0; i < count; ++i) {
    if (valid[i] != 0 && !std::isfinite(values[i])) return false;
  }
  return true;
}

void forget(mien_one_euro *filter) {
  filter->raw.assign(filter->raw.size(), 0.0f);
  filter->smooth.assign(filter->smooth.size(), 0.0f);
  filter->speed.assign(filter->speed.size(), 0.0f);
  filter->gap.assign(filter->gap.size(), 0.0f);
  filter->seen.assign(filter->seen.size(), 0);
  filter->started = false;
}

}  // namespace

mien_status mien_one_euro_create(size_t count, const float *min_cutoff, const float *beta, float derivative_cutoff,
                                 mien_one_euro **filter) {
  if (filter == nullptr || min_cutoff == nullptr || beta == nullptr || count == 0 || !mien::count_sane(count)) {
    return MIEN_E_ARGUMENT;
  }
  if (!mien::all_finite(min_cutoff, count) || !mien::all_finite(beta, count) || !std::isfinite(derivative_cutoff)) {
    return MIEN_E_NOT_FINITE;
  }
  if (!(derivative_cutoff > 0)) return MIEN_E_ARGUMENT;
  for (size_t i = 0; i < count; ++i) {
    if (!(min_cutoff[i] > 0) || !(beta[i] >= 0)) return MIEN_E_ARGUMENT;
  }
  mien_one_euro *made = nullptr;
  try {
    made = new mien_one_euro{};
    made->min_cutoff.assign(min_cutoff, min_cutoff + count);
    made->beta.assign(beta, beta + count);
    for (std::vector<float> *state : {&made->raw, &made->smooth, &made->speed, &made->gap}) state->assign(count, 0.0f);
    made->seen.assign(count, 0);
    made->always_valid.assign(count, 1);
  } catch (const std::exception &) {
    delete made;
    return MIEN_E_MEMORY;
  }
  made->derivative_cutoff = derivative_cutoff;
  *filter = made;
  return MIEN_OK;
}

void mien_one_euro_destroy(mien_one_euro *filter) {
  delete filter;
}

mien_status mien_one_euro_reset(mien_one_euro *filter) {
  if (filter == nullptr) return MIEN_E_ARGUMENT;
  forget(filter);
  return MIEN_OK;
}

mien_status mien_one_euro_settle(mien_one_euro *filter, int32_t on) {
  if (filter == nullptr) return MIEN_E_ARGUMENT;
  filter->settle = on != 0 ? 1.0f : 0.0f;
  return MIEN_OK;
}

mien_status mien_one_euro_catch_up(mien_one_euro *filter, int32_t on) {
  if (filter == nullptr) return MIEN_E_ARGUMENT;
  filter->catch_up = on != 0;
  return MIEN_OK;
}

mien_status mien_one_euro_apply(mien_one_euro *filter, int64_t t_ns, float value_scale, const float *in,
                                const uint8_t *valid, float *out) {
  if (filter == nullptr || in == nullptr || out == nullptr) return MIEN_E_ARGUMENT;
  const size_t count = filter->raw.size();
  if (!std::isfinite(value_scale) || !valid_are_finite(in, valid, count)) return MIEN_E_NOT_FINITE;
  if (!(value_scale >= 0)) return MIEN_E_ARGUMENT;
  if (filter->started && t_ns <= filter->last_ns) return MIEN_E_TIME;
  // Unsigned, so that the difference of any two times is defined.
  const uint64_t elapsed = static_cast<uint64_t>(t_ns) - static_cast<uint64_t>(filter->last_ns);
  mien::simd::OneEuroStep step{};
  step.count = count;
  step.dt = filter->started ? static_cast<float>(static_cast<double>(elapsed) * 1e-9) : 0.0f;
  step.value_scale = value_scale;
  step.derivative_cutoff = filter->derivative_cutoff;
  step.settle = filter->settle;
  step.catch_up = filter->catch_up;
  step.min_cutoff = filter->min_cutoff.data();
  step.beta = filter->beta.data();
  step.raw = filter->raw.data();
  step.smooth = filter->smooth.data();
  step.speed = filter->speed.data();
  step.gap = filter->gap.data();
  step.seen = filter->seen.data();
  step.in = in;
  step.valid = valid != nullptr ? valid : filter->always_valid.data();
  step.out = out;
  mien::simd::active().one_euro(step);
  filter->last_ns = t_ns;
  filter->started = true;
  return MIEN_OK;
}
