// The C interface of the IMU preparation.
#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "check.h"
#include "imu/preparation.h"
#include "mien/mien.h"

namespace {

mien::imu::Vec vec(const float *v) {
  return {v[0], v[1], v[2]};
}

mien::imu::Turn turn(const float *q) {
  return mien::imu::unit(mien::imu::Turn{q[0], q[1], q[2], q[3]});
}

void put(float *out, mien::imu::Vec v) {
  out[0] = v.x;
  out[1] = v.y;
  out[2] = v.z;
}

bool increasing(const int64_t *t_ns, size_t rows, bool started, int64_t last) {
  for (size_t i = 0; i < rows; ++i) {
    if ((i > 0 || started) && t_ns[i] <= (i > 0 ? t_ns[i - 1] : last)) return false;
  }
  return true;
}

}  // namespace

struct mien_imu {
  mien_imu(std::vector<mien::imu::Seat> where, double steps_per_s)
      : seats(where), rate(steps_per_s), preparation(std::move(where), steps_per_s) {}
  std::vector<mien::imu::Seat> seats;
  double rate;
  mien::imu::Preparation preparation;
  bool started = false;
  int64_t last_ns = 0;
};

mien_status mien_imu_create(const float *places, const float *rotations, int32_t sensors, float rate, mien_imu **imu) {
  if (places == nullptr || rotations == nullptr || imu == nullptr) return MIEN_E_ARGUMENT;
  if (sensors < 2 || sensors > MIEN_IMU_MAX_SENSORS || !(rate >= 20 && rate <= 400)) return MIEN_E_ARGUMENT;
  const size_t count = static_cast<size_t>(sensors);
  if (!mien::all_finite(places, 3 * count) || !mien::all_finite(rotations, 4 * count)) return MIEN_E_NOT_FINITE;
  try {
    std::vector<mien::imu::Seat> seats;
    for (size_t s = 0; s < count; ++s) seats.push_back({vec(places + 3 * s), turn(rotations + 4 * s)});
    *imu = new mien_imu(std::move(seats), static_cast<double>(rate));
  } catch (const std::bad_alloc &) {
    return MIEN_E_MEMORY;
  }
  return MIEN_OK;
}

void mien_imu_destroy(mien_imu *imu) {
  delete imu;
}

mien_status mien_imu_reset(mien_imu *imu) {
  if (imu == nullptr) return MIEN_E_ARGUMENT;
  imu->preparation.reset();
  imu->started = false;
  return MIEN_OK;
}

mien_status mien_imu_feature_count(const mien_imu *imu, size_t *count) {
  if (imu == nullptr || count == nullptr) return MIEN_E_ARGUMENT;
  *count = imu->preparation.features();
  return MIEN_OK;
}

mien_status mien_imu_process(mien_imu *imu, const int64_t *t_ns, const float *acc, const float *gyro, size_t rows,
                             int64_t *step_ns, float *features, size_t capacity, size_t *steps) {
  if (imu == nullptr || t_ns == nullptr || acc == nullptr || gyro == nullptr || steps == nullptr) {
    return MIEN_E_ARGUMENT;
  }
  if (capacity != 0 && (step_ns == nullptr || features == nullptr)) return MIEN_E_ARGUMENT;
  if (rows == 0) {
    *steps = 0;
    return MIEN_OK;
  }
  if (!increasing(t_ns, rows, imu->started, imu->last_ns)) return MIEN_E_TIME;
  const int64_t from = imu->started ? imu->last_ns : t_ns[0];
  // Rows that are more than a second apart give one step at most.
  const double seconds = std::min(static_cast<double>(t_ns[rows - 1] - from) * 1e-9, 1.1 * static_cast<double>(rows));
  const size_t most = static_cast<size_t>(seconds * imu->rate) + 3;
  if (capacity < most) {
    *steps = most;
    return MIEN_E_CAPACITY;
  }
  const size_t row = 3 * static_cast<size_t>(imu->preparation.sensors()), size = imu->preparation.features();
  size_t made = 0;
  for (size_t i = 0; i < rows; ++i) {
    imu->preparation.push(t_ns[i], acc + i * row, gyro + i * row);
    bool more = true;
    while (more) {
      if (imu->preparation.next(step_ns + made, features + made * size, &more)) ++made;
    }
  }
  imu->started = true;
  imu->last_ns = t_ns[rows - 1];
  *steps = made;
  return MIEN_OK;
}

mien_status mien_imu_calibration(const mien_imu *imu, mien_imu_mounts *mounts) {
  if (imu == nullptr || mounts == nullptr) return MIEN_E_ARGUMENT;
  if (mounts->struct_size != sizeof *mounts) return MIEN_E_STRUCT;
  const mien::imu::Calibration *known = imu->preparation.calibration();
  if (known == nullptr) return MIEN_E_DEGENERATE;
  mien_imu_mounts out{};
  out.struct_size = sizeof out;
  out.sensors = imu->preparation.sensors();
  for (size_t s = 0; s < known->mounts.size(); ++s) {
    const mien::imu::Mount &mount = known->mounts[s];
    out.known[s] = mount.known ? 1 : 0;
    put(out.bias[s], mount.bias);
    const mien::imu::Turn q = mount.turn;
    const float sign = q.w < 0 ? -1.0f : 1.0f;
    const float values[4] = {sign * q.x, sign * q.y, sign * q.z, sign * q.w};
    std::copy(values, values + 4, out.rotation[s]);
    put(out.place[s], mount.place);
    out.tilt[s] = mount.tilt;
    out.turned[s] = mount.turned;
    out.spread_acc[s] = mount.spread_acc;
    out.spread_gyro[s] = mount.spread_gyro;
  }
  *mounts = out;
  return MIEN_OK;
}

mien_status mien_imu_calibrate(mien_imu *imu, const mien_imu_mounts *mounts) {
  if (imu == nullptr || mounts == nullptr) return MIEN_E_ARGUMENT;
  if (mounts->struct_size != sizeof *mounts) return MIEN_E_STRUCT;
  if (mounts->sensors != imu->preparation.sensors()) return MIEN_E_ARGUMENT;
  try {
    mien::imu::Calibration calibration;
    for (size_t s = 0; s < static_cast<size_t>(mounts->sensors); ++s) {
      if (!mien::all_finite(mounts->bias[s], 3) || !mien::all_finite(mounts->rotation[s], 4) ||
          !mien::all_finite(mounts->place[s], 3)) {
        return MIEN_E_NOT_FINITE;
      }
      mien::imu::Mount mount;
      mount.known = mounts->known[s] != 0;
      mount.bias = vec(mounts->bias[s]);
      mount.turn = turn(mounts->rotation[s]);
      mount.place = vec(mounts->place[s]);
      mount.tilt = mounts->tilt[s];
      mount.turned = mounts->turned[s];
      mount.spread_acc = mounts->spread_acc[s];
      mount.spread_gyro = mounts->spread_gyro[s];
      calibration.mounts.push_back(mount);
    }
    imu->preparation.calibrate(calibration);
  } catch (const std::bad_alloc &) {
    return MIEN_E_MEMORY;
  }
  return MIEN_OK;
}

mien_status mien_imu_refine(mien_imu *imu, const int64_t *t_ns, const float *acc, const float *gyro, size_t rows,
                            int32_t *corrected) {
  if (imu == nullptr || t_ns == nullptr || acc == nullptr || gyro == nullptr || corrected == nullptr) {
    return MIEN_E_ARGUMENT;
  }
  if (!increasing(t_ns, rows, false, 0)) return MIEN_E_TIME;
  const mien::imu::Calibration *known = imu->preparation.calibration();
  if (known == nullptr) return MIEN_E_DEGENERATE;
  try {
    const size_t count = imu->seats.size();
    mien::imu::MotionFit fit(*known);
    mien::imu::Resampler resampler(static_cast<int>(count), 1 / imu->rate);
    std::vector<mien::imu::Reading> cell(count);
    std::vector<uint8_t> present(count);
    for (size_t i = 0; i < rows; ++i) {
      int64_t when = 0;
      resampler.push(t_ns[i], acc + 3 * count * i, gyro + 3 * count * i);
      while (resampler.next(&when, cell.data(), present.data())) fit.add(cell.data(), present.data());
    }
    mien::imu::Calibration better;
    *corrected = fit.result(&better);
    imu->preparation.calibrate(better);
  } catch (const std::bad_alloc &) {
    return MIEN_E_MEMORY;
  }
  return MIEN_OK;
}

mien_status mien_imu_check(const mien_imu *imu, mien_imu_health *health) {
  if (imu == nullptr || health == nullptr) return MIEN_E_ARGUMENT;
  if (health->struct_size != sizeof *health) return MIEN_E_STRUCT;
  mien_imu_health out{};
  out.struct_size = sizeof out;
  out.units = imu->preparation.units();
  for (int s = 0; s < imu->preparation.sensors(); ++s) out.fault[s] = imu->preparation.faults(s);
  *health = out;
  return MIEN_OK;
}
