// mien_hold: bridges short losses of a value by its last valid one.
#include <cmath>
#include <new>
#include <vector>

#include "check.h"
#include "mien/mien.h"

struct mien_hold {
  std::vector<float> value;
  std::vector<int64_t> seen_ns;
  std::vector<uint8_t> seen;
  int64_t hold_ns, last_ns;
  bool started;
};

mien_status mien_hold_create(size_t count, int64_t hold_ns, mien_hold **filter) {
  if (filter == nullptr || count == 0 || !mien::count_sane(count) || hold_ns < 0) return MIEN_E_ARGUMENT;
  mien_hold *made = nullptr;
  try {
    made = new mien_hold{};
    made->value.assign(count, 0.0f);
    made->seen_ns.assign(count, 0);
    made->seen.assign(count, 0);
  } catch (const std::exception &) {
    delete made;
    return MIEN_E_MEMORY;
  }
  made->hold_ns = hold_ns;
  *filter = made;
  return MIEN_OK;
}

void mien_hold_destroy(mien_hold *filter) {
  delete filter;
}

mien_status mien_hold_reset(mien_hold *filter) {
  if (filter == nullptr) return MIEN_E_ARGUMENT;
  filter->seen.assign(filter->seen.size(), 0);
  filter->started = false;
  return MIEN_OK;
}

mien_status mien_hold_apply(mien_hold *filter, int64_t t_ns, const float *in, const uint8_t *valid, float *out,
                            uint8_t *out_valid) {
  if (filter == nullptr || in == nullptr || valid == nullptr || out == nullptr || out_valid == nullptr) {
    return MIEN_E_ARGUMENT;
  }
  const size_t count = filter->value.size();
  for (size_t i = 0; i < count; ++i) {
    if (valid[i] != 0 && !std::isfinite(in[i])) return MIEN_E_NOT_FINITE;
  }
  if (filter->started && t_ns <= filter->last_ns) return MIEN_E_TIME;
  for (size_t i = 0; i < count; ++i) {
    if (valid[i] != 0) {
      filter->value[i] = in[i];
      filter->seen_ns[i] = t_ns;
      filter->seen[i] = 1;
    }
    const uint64_t age = static_cast<uint64_t>(t_ns) - static_cast<uint64_t>(filter->seen_ns[i]);
    const bool usable = filter->seen[i] != 0 && age <= static_cast<uint64_t>(filter->hold_ns);
    out[i] = usable ? filter->value[i] : in[i];
    out_valid[i] = usable ? 1 : 0;
  }
  filter->last_ns = t_ns;
  filter->started = true;
  return MIEN_OK;
}
