// Each sensor's motion relative to the head. The relative rotation is integrated from the difference of the angular
// velocities and held by what does not drift: gravity and every other acceleration of the head are the same vector at
// both sensors (Mahony et al. 2008, with the head's specific force instead of gravity alone), a sensor that rests has
// no rate, and about the axis that no force fixes a face returns to neutral.
#include "imu/preparation.h"

namespace mien::imu {
namespace {

constexpr float kPull = 1.5f;        // 1/s: how fast the forces correct the rotation while the skin rests
constexpr float kPullForce = 1.0f;   // m/s^2 of difference at which they count half
constexpr float kBiasPull = 0.05f;   // 1/s^2 into the gyroscope's bias
constexpr float kReturn = 1 / 8.0f;  // 1/s, about the axis of the force; and the same into the bias, critically damped
constexpr float kReturnBias = kReturn * kReturn / 4;
constexpr float kKnownTime = 5.0f;   // seconds
constexpr float kTurnPull = 2.0f;    // 1/s: how fast the head's turning corrects it while the skin rests
constexpr float kTurnLeast = 0.4f;   // rad/s of the head at which that counts half
constexpr float kTurnDoubt = 0.15f;  // rad/s of the skin's own at which it counts half
constexpr float kMeanTime = 1.0f, kVelocityTime = 0.5f;
constexpr float kRestSpread = 0.02f, kRestRate = 0.06f;  // rad/s: a sensor that rests
constexpr float kRestTime = 0.7f, kRestPull = 0.4f;      // seconds until that is believed; 1/s
constexpr float kRateTime = 0.25f;
constexpr float kTurnUnit = 0.2f, kRateUnit = 1.0f, kForceUnit = 2.0f, kVelocityUnit = 0.1f;
constexpr float kHeadRateUnit = 2.0f, kGravity = 9.80665f, kMostUnits = 8.0f;

// Wrong units. A head cannot pitch or roll this far while its gravity stays where it is.
constexpr float kTiltTime = 3.0f, kTiltMost = 2.5f, kGravityMove = 0.8f, kForceTime = 1.0f;

void put(float *out, Vec v, float per_unit) {
  const float most = kMostUnits;
  out[0] = std::min(std::max(v.x / per_unit, -most), most);
  out[1] = std::min(std::max(v.y / per_unit, -most), most);
  out[2] = std::min(std::max(v.z / per_unit, -most), most);
}

}  // namespace

Preparation::Preparation(std::vector<Seat> seats, double rate)
    : seats_(std::move(seats)),
      dt_(static_cast<float>(1 / rate)),
      resampler_(static_cast<int>(seats_.size()), 1 / rate),
      search_(seats_.size(), rate),
      motion_(seats_.size()),
      cell_(seats_.size()),
      present_(seats_.size()) {}

void Preparation::reset() {
  resampler_.reset();
  search_.reset();
  calibrated_ = given_;
  motion_.assign(seats_.size(), Motion{});
  moving_ = false;
  units_ = kUnitsFine;
  checked_s_ = 0;
  tilt_ = gravity_mean_ = Vec{};
}

void Preparation::calibrate(const Calibration &calibration) {
  calibration_ = calibration;
  calibrated_ = given_ = true;
  motion_.assign(seats_.size(), Motion{});
}

uint32_t Preparation::faults(int sensor) const {
  uint32_t found = resampler_.faults(sensor);
  if (calibrated_ && !calibration_.mounts[static_cast<size_t>(sensor)].known) found |= Fault::kMissing;
  return found;
}

bool Preparation::next(int64_t *t_ns, float *features, bool *more) {
  *more = resampler_.next(t_ns, cell_.data(), present_.data());
  if (!*more) return false;
  check_units(cell_[0], present_[0] != 0);
  if (!calibrated_) {
    if (!search_.add(cell_.data(), present_.data())) return false;
    calibration_ = search_.result(seats_);
    calibrated_ = true;
    motion_.assign(seats_.size(), Motion{});
    return false;
  }
  step(cell_.data(), present_.data(), features);
  return true;
}

void Preparation::check_units(const Reading &head, bool present) {
  if (!present) return;
  const float force = norm(head.acc);
  checked_s_ += dt_;
  if (checked_s_ <= 1.5f * dt_) {
    force_mean_ = force;
    gravity_mean_ = unit(head.acc);
  }
  force_mean_ += dt_ / kForceTime * (force - force_mean_);
  const Vec down = unit(head.acc);
  gravity_mean_ = gravity_mean_ + (dt_ / kTiltTime) * (down - gravity_mean_);
  tilt_ = (1 - dt_ / kTiltTime) * tilt_ + dt_ * cross(down, head.gyro);
  if (checked_s_ < 0.5f) return;
  uint32_t found = kUnitsFine;
  if (force_mean_ > 0.5f && force_mean_ < 2.0f) {
    found |= kAccInG;
  } else if (force_mean_ < 5.0f || force_mean_ > 30.0f) {
    found |= kAccUnknown;
  }
  if (norm(tilt_) > kTiltMost && norm(down - gravity_mean_) < kGravityMove) found |= kGyroInDegrees;
  units_ |= found;
}

void Preparation::step(const Reading *cell, const uint8_t *present, float *out) {
  const Mount &head = calibration_.mounts[0];
  const bool there = present[0] != 0 && head.known;
  const size_t count = seats_.size() - 1;
  float *mask = out + count * kPerSensor, *of_head = mask + count;
  Vec rate, force;
  if (there) {
    rate = rotate(head.turn, cell[0].gyro - head.bias);
    force = rotate(head.turn, cell[0].acc);
    head_turning_ = moving_ ? (1 / dt_) * (rate - head_rate_) : Vec{};
    head_rate_ = rate;
  }
  moving_ = there;
  for (size_t s = 1; s <= count; ++s) {
    float *values = out + (s - 1) * kPerSensor;
    const bool seen = there && present[s] != 0 && calibration_.mounts[s].known;
    mask[s - 1] = seen ? 1.0f : 0.0f;
    if (seen) {
      follow(s, cell[s], rate, force, values);
    } else {
      std::fill(values, values + kPerSensor, 0.0f);
    }
  }
  put(of_head, rate, kHeadRateUnit);
  put(of_head + 3, force, kGravity);
}

void Preparation::follow(size_t s, const Reading &cell, Vec head_rate, Vec head_force, float *out) {
  const Mount &mount = calibration_.mounts[s];
  Motion &m = motion_[s];
  // The head's force where this sensor sits: it turns about the head's sensor.
  const Vec arm = mount.place - calibration_.mounts[0].place;
  const Vec expected = head_force + cross(head_turning_, arm) + cross(head_rate, cross(head_rate, arm));
  const Turn seat = m.seat * mount.turn;
  const Vec force = rotate(seat, cell.acc);
  const Turn back = conjugate(m.turn);
  const Vec rate = rotate(seat, cell.gyro - mount.bias) - m.bias - rotate(back, head_rate);
  const Vec expected_n = rotate(back, expected);
  const Vec difference = force - expected_n;
  const float scale = norm(force) * norm(expected_n);
  const Vec error = scale > 1.0f ? (1 / scale) * cross(force, expected_n) : Vec{};
  const float doubt = norm(difference) / kPullForce;
  const float trust = 1 / (1 + doubt * doubt);
  // The head's turning is the same vector at both sensors too; it fixes what gravity leaves open.
  const Vec head_n = rotate(back, head_rate), whole = rate + head_n;
  const float turning = dot(head_n, head_n), doubtful = dot(rate, rate) / (kTurnDoubt * kTurnDoubt);
  const float known = turning / (turning + kTurnLeast * kTurnLeast) / (1 + doubtful);
  const float size = norm(whole) * norm(head_n);
  const Vec askew = size > 1e-4f ? (known / size) * cross(whole, head_n) : Vec{};
  m.turn = unit(m.turn * turn_of(dt_ * (rate + kPull * trust * error + kTurnPull * askew)));
  m.bias = m.bias - kBiasPull * trust * dt_ * error;

  // At rest: the rate's short mean is its bias.
  m.rate_mean = m.rate_mean + (dt_ / kRateTime) * (rate - m.rate_mean);
  const Vec off = rate - m.rate_mean;
  m.rate_spread += dt_ / kRateTime * (dot(off, off) - m.rate_spread);
  const bool rests = m.rate_spread < kRestSpread * kRestSpread && norm(m.rate_mean) < kRestRate;
  m.still_s = rests ? m.still_s + dt_ : 0.0f;
  if (m.still_s > kRestTime) m.bias = m.bias + (dt_ * kRestPull) * m.rate_mean;

  // About the force's axis nothing else holds the rotation.
  Vec turned = vector_of(m.turn);
  const Vec axis = unit(expected);
  const float about = dot(turned, axis);
  const Vec fallen = (dt_ * kReturn * about) * axis;
  // Where the head's turning shows the rotation, what always is there is how the sensor was glued on, not the face.
  m.known += dt_ / kKnownTime * (known - m.known);
  m.seat = unit(turn_of(m.known * fallen) * m.seat);
  m.turn = unit(turn_of(-1 * fallen) * m.turn);
  m.bias = m.bias + (dt_ * kReturnBias * about * (1 - m.known)) * rotate(conjugate(m.turn), axis);
  turned = vector_of(m.turn);

  const Vec felt = rotate(m.turn, force) - expected;
  m.mean = m.mean + (dt_ / kMeanTime) * (felt - m.mean);
  const Vec own = felt - m.mean;
  m.velocity = (1 - dt_ / kVelocityTime) * m.velocity + dt_ * own;
  put(out, turned, kTurnUnit);
  put(out + 3, rotate(m.turn, rate), kRateUnit);
  put(out + 6, own, kForceUnit);
  put(out + 9, m.velocity, kVelocityUnit);
}

}  // namespace mien::imu
