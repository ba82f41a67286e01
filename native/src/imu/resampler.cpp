// Means over cells of equal length, and the faults that a sensor's own samples show.
#include "imu/resampler.h"

namespace mien::imu {
namespace {

constexpr double kGap = 0.06;     // seconds that a line may bridge: two lost samples at 50 Hz
constexpr double kRestart = 1.0;  // seconds without any row, after which cells begin anew
constexpr double kTie = 1e-7;     // seconds: a row at the very end of a cell completes it
constexpr double kPhase = 0.3;    // of a cell: rows of the cells' own rate come so long before an end; jitter stays in
constexpr double kSpacingShare = 0.1;
constexpr double kStuckTime = 0.3;  // seconds of bit-equal samples; noise changes the last bits of a living part
constexpr int kPinned = 3;          // equal extreme values in a row: the part's range ends there
constexpr float kHighAcc = 15.0f;   // m/s^2
constexpr float kHighGyro = 4.0f;   // rad/s

bool valid(const Reading &r) {
  const float sum = r.acc.x + r.acc.y + r.acc.z + r.gyro.x + r.gyro.y + r.gyro.z;
  return std::isfinite(sum);
}

bool equal(Vec a, Vec b) {
  return a.x == b.x && a.y == b.y && a.z == b.z;
}

bool pinned(Vec now, Vec before, float high) {
  return (now.x == before.x && std::abs(now.x) > high) || (now.y == before.y && std::abs(now.y) > high) ||
         (now.z == before.z && std::abs(now.z) > high);
}

}  // namespace

Resampler::Resampler(int sensors, double step_s)
    : step_(step_s), lines_(static_cast<size_t>(sensors)), faults_(static_cast<size_t>(sensors)) {}

void Resampler::reset() {
  started_ = false;
  for (Line &line : lines_) line = Line{};
  for (uint32_t &fault : faults_) fault = 0;
}

void Resampler::watch(size_t sensor, const Reading &reading, double time) {
  Line &line = lines_[sensor];
  const bool same = equal(reading.acc, line.last.acc) && equal(reading.gyro, line.last.gyro);
  if (!same) line.same_since = time;
  const bool high = pinned(reading.acc, line.last.acc, kHighAcc) || pinned(reading.gyro, line.last.gyro, kHighGyro);
  line.pinned = high ? line.pinned + 1 : 0;
  uint32_t fault = 0;
  if (same && time - line.same_since > kStuckTime) fault |= Fault::kStuck;
  if (line.pinned + 1 >= kPinned) fault |= Fault::kSaturated;
  faults_[sensor] = fault;
}

void Resampler::push(int64_t t_ns, const float *acc, const float *gyro) {
  const bool first = !started_;
  if (first) {
    started_ = true;
    origin_ = t_ns;
    now_ = spacing_ = 0;
    cell_ = done_ = kPhase * step_;
  }
  const double time = static_cast<double>(t_ns - origin_) * 1e-9;
  const double gap = time - now_;
  if (!first) spacing_ += spacing_ > 0 ? kSpacingShare * (std::min(gap, 2 * spacing_) - spacing_) : gap;
  if (gap > kRestart) {
    cell_ = done_ = time + kPhase * step_;
    for (Line &line : lines_) {
      line.sum = Reading{};
      line.covered = 0;
    }
  }
  now_ = time;
  for (size_t s = 0; s < lines_.size(); ++s) {
    const float *a = acc + 3 * s, *g = gyro + 3 * s;
    Line &line = lines_[s];
    line.fresh = false;
    const Reading reading{{a[0], a[1], a[2]}, {g[0], g[1], g[2]}};
    if (!valid(reading)) {
      if (time - line.time > kGap) faults_[s] |= Fault::kMissing;
      continue;
    }
    watch(s, reading, time);
    line.now = reading;
    line.fresh = faults_[s] == 0;
    if (!line.fresh || time - line.time > kGap) {  // nothing leads here: the line begins anew
      line.last = reading;
      line.time = line.fresh ? time : -1e9;
      line.fresh = false;
      if (line.covered < 0) {
        line.sum = Reading{};
        line.covered = 0;
      }
    }
  }
}

void Resampler::integrate(Line &line, double from, double to) {
  from = std::max(from, line.time);
  if (!(to > from)) return;
  const double span = now_ - line.time;
  const float width = static_cast<float>(to - from);
  const float along = static_cast<float>(((from + to) / 2 - line.time) / span);
  line.sum.acc = line.sum.acc + width * (line.last.acc + along * (line.now.acc - line.last.acc));
  line.sum.gyro = line.sum.gyro + width * (line.last.gyro + along * (line.now.gyro - line.last.gyro));
  line.covered += width;
}

Reading Resampler::held(const Line &line, double width) const {
  const Reading &newest = line.fresh ? line.now : line.last;
  const float w = static_cast<float>(width);
  return {w * newest.acc, w * newest.gyro};
}

bool Resampler::next(int64_t *t_ns, Reading *cell, uint8_t *present) {
  if (!started_) return false;
  const double end = cell_ + step_;
  const bool complete = end <= now_ + std::min(spacing_, step_) + kTie;
  const double to = std::min(end, now_);
  for (Line &line : lines_) {
    if (line.fresh) integrate(line, done_, to);
  }
  done_ = std::max(done_, to);
  if (!complete) {
    for (Line &line : lines_) {
      if (!line.fresh) continue;
      line.last = line.now;
      line.time = now_;
      line.fresh = false;
    }
    return false;
  }
  const double ahead = end - now_;
  for (size_t s = 0; s < lines_.size(); ++s) {
    Line &line = lines_[s];
    Reading rest{};
    double width = 0;
    if (ahead > 0 && (line.fresh || line.time == now_)) {
      width = ahead;
      rest = held(line, width);
    }
    const double covered = line.covered + width;
    present[s] = covered >= 0.5 * step_ ? 1 : 0;
    const float k = present[s] != 0 ? static_cast<float>(1 / covered) : 0.0f;
    cell[s] = {k * (line.sum.acc + rest.acc), k * (line.sum.gyro + rest.gyro)};
    line.sum = {-1 * rest.acc, -1 * rest.gyro};
    line.covered = -width;
  }
  cell_ = end;
  *t_ns = origin_ + static_cast<int64_t>(std::llround(end * 1e9));
  return true;
}

}  // namespace mien::imu
