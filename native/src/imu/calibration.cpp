// The still moment and the range of motion.
#include "imu/calibration.h"

namespace mien::imu {
namespace {

constexpr double kStill = 2.0;     // seconds
constexpr float kJumpGyro = 0.2f;  // rad/s and m/s^2 beside the mean so far: somebody moved, it begins anew
constexpr float kJumpAcc = 1.2f;
constexpr size_t kRestlessShare = 6;  // one of so many sensors may move
constexpr int kSettle = 10;           // cells before a mean is one
constexpr float kTurned = 0.95f;      // radians of tilt that no careless gluing explains
constexpr float kPi = 3.14159265f;

// Head rates (rad/s) from which a mounting shows; below, expression and noise are as large.
constexpr float kLeastRate = 0.5f, kRateDiffers = 0.35f;
constexpr double kLeastPower = 40;    // (rad/s)^2 summed over cells: about two seconds of nodding
constexpr double kPriorShare = 0.03;  // of the power: how much the mounting from gravity counts

struct Way {
  Turn turn;
  int32_t name;
};

// How a sensor is glued on wrongly, the likely ways first.
const Way kWays[] = {
    {{0, 0, 0, 1}, 0},
    {{0, 0, 1, 0}, 180},
    {{0, 0, 0.70710678f, 0.70710678f}, 90},
    {{0, 0, -0.70710678f, 0.70710678f}, -90},
    {{1, 0, 0, 0}, 1},
    {{0, 1, 0, 0}, 1},
};

float median(std::vector<float> values) {
  const size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
  return values[middle];
}

float angle(Vec a, Vec b) {
  return std::atan2(norm(cross(a, b)), dot(a, b));
}

}  // namespace

StillSearch::StillSearch(size_t sensors, double rate) : rate_(rate), sums_(sensors) {}

void StillSearch::reset() {
  cells_ = 0;
  for (Sum &sum : sums_) sum = Sum{};
}

bool StillSearch::add(const Reading *cell, const uint8_t *present) {
  // One restless sensor, loose on its glue, must not keep the wearer from being calibrated; a face that moves does.
  size_t seen = 0, restless = 0;
  for (size_t s = 0; s < sums_.size(); ++s) {
    if (present[s] == 0) continue;
    Sum &sum = sums_[s];
    const Vec off_acc = cell[s].acc - sum.acc, off_gyro = cell[s].gyro - sum.gyro;
    if (sum.count >= kSettle && (norm(off_acc) > kJumpAcc || norm(off_gyro) > kJumpGyro)) sum.moved = true;
    ++seen;
    restless += sum.moved ? 1 : 0;
    ++sum.count;
    const float k = 1 / static_cast<float>(sum.count);
    sum.acc = sum.acc + k * off_acc;
    sum.gyro = sum.gyro + k * off_gyro;
    sum.acc_spread += static_cast<double>(dot(off_acc, cell[s].acc - sum.acc));
    sum.gyro_spread += static_cast<double>(dot(off_gyro, cell[s].gyro - sum.gyro));
  }
  ++cells_;
  if (sums_[0].moved || sums_[0].count == 0 || restless > std::max<size_t>(1, seen / kRestlessShare)) {
    reset();
    return false;
  }
  return cells_ >= kStill * rate_;
}

Calibration StillSearch::result(const std::vector<Seat> &seats) const {
  Calibration out;
  out.mounts.resize(seats.size());
  // Gravity in head axes by each sensor's seat; the middle of them is right even if a few are glued on wrongly.
  std::vector<float> part[3];
  for (size_t s = 0; s < seats.size(); ++s) {
    Mount &mount = out.mounts[s];
    mount.known = 2 * sums_[s].count >= cells_;
    mount.place = seats[s].place;
    mount.turn = seats[s].turn;
    if (!mount.known) continue;
    const double count = sums_[s].count;
    mount.bias = sums_[s].gyro;
    mount.spread_acc = static_cast<float>(std::sqrt(sums_[s].acc_spread / count));
    mount.spread_gyro = static_cast<float>(std::sqrt(sums_[s].gyro_spread / count));
    const Vec up = rotate(seats[s].turn, unit(sums_[s].acc));
    part[0].push_back(up.x);
    part[1].push_back(up.y);
    part[2].push_back(up.z);
  }
  if (part[0].empty()) return out;
  const Vec middle = unit(Vec{median(part[0]), median(part[1]), median(part[2])});
  Vec sum;
  for (size_t s = 0; s < seats.size(); ++s) {
    Mount &mount = out.mounts[s];
    if (!mount.known) continue;
    const Vec own = unit(sums_[s].acc);
    mount.tilt = angle(rotate(seats[s].turn, own), middle);
    float best = mount.tilt;
    if (mount.tilt > kTurned) {
      for (const Way &way : kWays) {
        const Turn turn = seats[s].turn * way.turn;
        const float left = angle(rotate(turn, own), middle);
        if (left + 0.25f < best) {
          best = left;
          mount.turn = turn;
          mount.turned = way.name;
        }
      }
    }
    if (best < kTurned) sum = sum + rotate(mount.turn, own);
  }
  const Vec up = norm(sum) > 0.5f ? unit(sum) : middle;
  for (size_t s = 0; s < seats.size(); ++s) {
    Mount &mount = out.mounts[s];
    if (mount.known) mount.turn = unit(between(rotate(mount.turn, unit(sums_[s].acc)), up) * mount.turn);
  }
  return out;
}

void MotionFit::add(const Reading *cell, const uint8_t *present) {
  const Mount &head = from_.mounts[0];
  if (present[0] == 0 || !head.known) return;
  const Vec rate = rotate(head.turn, cell[0].gyro - head.bias);
  if (norm(rate) < kLeastRate) return;
  for (size_t s = 1; s < sums_.size(); ++s) {
    const Mount &mount = from_.mounts[s];
    if (present[s] == 0 || !mount.known) continue;
    const Vec own = rotate(mount.turn, cell[s].gyro - mount.bias);
    if (std::abs(norm(own) - norm(rate)) > kRateDiffers) continue;  // the skin moves as well
    Sum &sum = sums_[s];
    const double b[3] = {rate.x, rate.y, rate.z}, a[3] = {own.x, own.y, own.z};
    for (int i = 0; i < 3; ++i) {
      for (int k = 0; k < 3; ++k) sum.turn[i][k] += b[i] * a[k];
    }
    sum.power += static_cast<double>(dot(rate, rate));
  }
}

namespace {

// The rotation R that makes tr(R' B) largest (Davenport's q-method), by power iteration.
Turn best_turn(const double b[3][3]) {
  const double trace = b[0][0] + b[1][1] + b[2][2];
  double k[4][4], shift = 0;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) k[i][j] = b[i][j] + b[j][i] - (i == j ? trace : 0);
  }
  k[0][3] = k[3][0] = b[2][1] - b[1][2];
  k[1][3] = k[3][1] = b[0][2] - b[2][0];
  k[2][3] = k[3][2] = b[1][0] - b[0][1];
  k[3][3] = trace;
  for (const auto &row : k) {
    double sum = 0;
    for (double value : row) sum += std::abs(value);
    shift = std::max(shift, sum);
  }
  double q[4] = {0, 0, 0, 1};
  for (int round = 0; round < 300; ++round) {
    double next[4], length = 0;
    for (int i = 0; i < 4; ++i) {
      next[i] = shift * q[i];
      for (int j = 0; j < 4; ++j) next[i] += k[i][j] * q[j];
      length += next[i] * next[i];
    }
    length = std::sqrt(length);
    if (!(length > 0)) return {};
    for (int i = 0; i < 4; ++i) q[i] = next[i] / length;
  }
  return unit(
      Turn{static_cast<float>(q[0]), static_cast<float>(q[1]), static_cast<float>(q[2]), static_cast<float>(q[3])});
}

}  // namespace

int MotionFit::result(Calibration *out) const {
  *out = from_;
  int corrected = 0;
  for (size_t s = 1; s < sums_.size(); ++s) {
    Sum sum = sums_[s];
    Mount &mount = out->mounts[s];
    if (!mount.known || sum.power < kLeastPower) continue;
    // The mounting so far is one more vote: about an axis that the head did not turn about it is the only one.
    for (int i = 0; i < 3; ++i) sum.turn[i][i] += kPriorShare * sum.power;
    mount.turn = unit(best_turn(sum.turn) * mount.turn);
    ++corrected;
  }
  return corrected;
}

}  // namespace mien::imu
