// Three-vectors and rotations of the IMU preparation. Rotations are unit quaternions x, y, z, w, as everywhere.
#pragma once

#include <algorithm>
#include <cmath>

namespace mien::imu {

struct Vec {
  float x = 0, y = 0, z = 0;
};

inline Vec operator+(Vec a, Vec b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vec operator-(Vec a, Vec b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
inline Vec operator*(float k, Vec a) {
  return {k * a.x, k * a.y, k * a.z};
}
inline float dot(Vec a, Vec b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec cross(Vec a, Vec b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline float norm(Vec a) {
  return std::sqrt(dot(a, a));
}
inline Vec unit(Vec a) {
  const float length = norm(a);
  return length > 0 ? (1 / length) * a : Vec{0, 1, 0};
}

struct Turn {
  float x = 0, y = 0, z = 0, w = 1;
};

inline Turn operator*(Turn a, Turn b) {
  return {a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y, a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
          a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w, a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z};
}
inline Turn conjugate(Turn q) {
  return {-q.x, -q.y, -q.z, q.w};
}
inline Turn unit(Turn q) {
  const float length = std::sqrt(q.x * q.x + q.y * q.y + q.z * q.z + q.w * q.w);
  return length > 0 ? Turn{q.x / length, q.y / length, q.z / length, q.w / length} : Turn{};
}
inline Vec rotate(Turn q, Vec v) {
  const Vec u{q.x, q.y, q.z};
  const Vec t = 2 * cross(u, v);
  return v + q.w * t + cross(u, t);
}

// The rotation about a vector by its length.
inline Turn turn_of(Vec v) {
  const float angle = norm(v);
  const float k = angle > 1e-6f ? std::sin(angle / 2) / angle : 0.5f;
  return unit(Turn{k * v.x, k * v.y, k * v.z, std::cos(angle / 2)});
}

// Its inverse; the angle is in 0..pi.
inline Vec vector_of(Turn q) {
  const float sign = q.w < 0 ? -1.0f : 1.0f;
  const Vec u{sign * q.x, sign * q.y, sign * q.z};
  const float length = norm(u);
  const float k = length > 1e-6f ? 2 * std::atan2(length, sign * q.w) / length : 2.0f;
  return k * u;
}

// The smallest rotation that takes one direction to another.
inline Turn between(Vec from, Vec to) {
  const Vec a = unit(from), b = unit(to);
  const float c = dot(a, b);
  if (c < -0.9999f) {  // any axis across will do
    const Vec across = unit(std::abs(a.x) < 0.9f ? cross(a, {1, 0, 0}) : cross(a, {0, 1, 0}));
    return {across.x, across.y, across.z, 0};
  }
  const Vec axis = cross(a, b);
  return unit(Turn{axis.x, axis.y, axis.z, 1 + c});
}

}  // namespace mien::imu
