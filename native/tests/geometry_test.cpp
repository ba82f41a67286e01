// Fits recover known motions; degenerate sets are refused; poses from depth and from points agree with their making.
#include <cstring>

#include "checker.h"

namespace {

using check::Random;

struct Motion {
  double r[9], t[3], scale;
};

Motion random_motion(Random *random) {
  double q[4], norm = 0;
  for (double &v : q) v = random->real(-1, 1), norm += v * v;
  for (double &v : q) v /= std::sqrt(norm);
  const double w = q[0], x = q[1], y = q[2], z = q[3];
  Motion m{
      {1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), 2 * (x * y + w * z), 1 - 2 * (x * x + z * z),
       2 * (y * z - w * x), 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)},
      {random->real(-5, 5), random->real(-5, 5), random->real(-5, 5)},
      random->real(0.2, 4)};
  return m;
}

void apply(const Motion &m, const float *p, double out[3]) {
  for (int k = 0; k < 3; ++k) {
    out[k] = m.scale * (m.r[3 * k] * p[0] + m.r[3 * k + 1] * p[1] + m.r[3 * k + 2] * p[2]) + m.t[k];
  }
}

void apply(const mien_pose &pose, const float *p, double out[3]) {
  const double x = pose.rotation[0], y = pose.rotation[1], z = pose.rotation[2], w = pose.rotation[3];
  const Motion m{
      {1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), 2 * (x * y + w * z), 1 - 2 * (x * x + z * z),
       2 * (y * z - w * x), 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)},
      {pose.translation[0], pose.translation[1], pose.translation[2]},
      pose.scale};
  apply(m, p, out);
}

mien_pose empty_pose() {
  mien_pose pose{};
  pose.struct_size = sizeof pose;
  return pose;
}

void rigid_fit_recovers_the_motion() {
  Random random(5);
  for (int round = 0; round < 300; ++round) {
    const Motion motion = random_motion(&random);
    float src[10 * 3], dst[10 * 3], weights[10];
    for (int i = 0; i < 10; ++i) {
      weights[i] = static_cast<float>(random.real(0, 1));
      for (int k = 0; k < 3; ++k) src[3 * i + k] = static_cast<float>(random.real(-10, 10));
      double to[3];
      apply(motion, src + 3 * i, to);
      for (int k = 0; k < 3; ++k) dst[3 * i + k] = static_cast<float>(to[k]);
    }
    mien_pose pose = empty_pose();
    CHECK(mien_fit_rigid(src, dst, weights, 10, 0, &pose) == MIEN_OK);
    CHECK(check::near(pose.scale, motion.scale, 1e-5) && pose.residual < 1e-5 && pose.rotation[3] >= 0);
    double at[3];
    apply(pose, src, at);
    for (int k = 0; k < 3; ++k) CHECK(check::near(at[k], dst[k], 1e-4));
    pose = empty_pose();
    CHECK(mien_fit_rigid(src, dst, nullptr, 10, 1, &pose) == MIEN_OK);
    CHECK(pose.scale == 1.0f);
  }
}

void points_on_a_line_fix_no_rotation() {
  const float line[9] = {0, 0, 0, 1, 1, 1, 2, 2, 2}, same[9] = {};
  mien_pose pose = empty_pose();
  CHECK(mien_fit_rigid(line, line, nullptr, 3, 0, &pose) == MIEN_E_DEGENERATE);
  CHECK(mien_fit_rigid(same, same, nullptr, 3, 0, &pose) == MIEN_E_DEGENERATE);
  const float none[3] = {0, 0, 0};
  CHECK(mien_fit_rigid(line, line, none, 3, 0, &pose) == MIEN_E_DEGENERATE);
  pose.struct_size = 3;
  CHECK(mien_fit_rigid(line, line, nullptr, 3, 0, &pose) == MIEN_E_STRUCT);
}

void similarity_recovers_the_map() {
  Random random(6);
  for (int round = 0; round < 300; ++round) {
    const double a = random.real(-3, 3), b = random.real(-3, 3), tx = random.real(-9, 9), ty = random.real(-9, 9);
    float src[10], dst[10];
    for (int i = 0; i < 5; ++i) {
      src[2 * i] = static_cast<float>(random.real(-10, 10));
      src[2 * i + 1] = static_cast<float>(random.real(-10, 10));
      dst[2 * i] = static_cast<float>(a * src[2 * i] - b * src[2 * i + 1] + tx);
      dst[2 * i + 1] = static_cast<float>(b * src[2 * i] + a * src[2 * i + 1] + ty);
    }
    double m[6];
    CHECK(mien_fit_similarity(src, dst, nullptr, 5, m) == MIEN_OK);
    CHECK(check::near(m[0], a, 1e-5) && check::near(m[1], -b, 1e-5) && check::near(m[2], tx, 1e-4));
    CHECK(check::near(m[3], b, 1e-5) && check::near(m[4], a, 1e-5) && check::near(m[5], ty, 1e-4));
  }
  const float same[6] = {3, 4, 3, 4, 3, 4};
  double m[6] = {7};
  CHECK(mien_fit_similarity(same, same, nullptr, 3, m) == MIEN_E_DEGENERATE && m[0] == 7);
}

void pose_from_points_finds_the_camera() {
  Random random(8);
  for (int round = 0; round < 200; ++round) {
    float canonical[12 * 3], points[12 * 2];
    for (float &v : canonical) v = static_cast<float>(random.real(-8, 8));
    Motion motion = random_motion(&random);
    motion.scale = 1;
    motion.t[0] = random.real(-10, 10), motion.t[1] = random.real(-10, 10), motion.t[2] = random.real(-90, -40);
    const double fov = 1.1, focal = 240 / std::tan(fov / 2);
    for (int i = 0; i < 12; ++i) {
      double c[3];
      apply(motion, canonical + 3 * i, c);
      points[2 * i] = static_cast<float>(320 - focal * c[0] / c[2]);
      points[2 * i + 1] = static_cast<float>(240 + focal * c[1] / c[2]);
    }
    mien_pose pose = empty_pose();
    CHECK(mien_pose_from_points(points, canonical, nullptr, 12, 640, 480, static_cast<float>(fov), &pose) == MIEN_OK);
    CHECK(pose.residual < 1e-3);
    for (int k = 0; k < 3; ++k) CHECK(check::near(pose.translation[k], motion.t[k], 0.01));
    for (int i = 0; i < 12; ++i) canonical[3 * i + 2] = 0;
    CHECK(mien_pose_from_points(points, canonical, nullptr, 12, 640, 480, 1.1f, &pose) == MIEN_E_DEGENERATE);
    CHECK(mien_pose_from_points(points, canonical, nullptr, 3, 640, 480, 1.1f, &pose) == MIEN_E_DEGENERATE);
  }
}

void pose_from_depth_finds_the_camera() {
  Random random(9);
  for (int round = 0; round < 100; ++round) {
    float canonical[30 * 3], landmarks[30 * 3];
    for (float &v : canonical) v = static_cast<float>(random.real(-8, 8));
    Motion motion = random_motion(&random);
    motion.scale = 1;
    motion.t[0] = random.real(-6, 6), motion.t[1] = random.real(-6, 6), motion.t[2] = random.real(-90, -50);
    const double fov = 1.1, focal = 240 / std::tan(fov / 2);
    double mean_depth = 0, camera[30][3];
    for (int i = 0; i < 30; ++i) {
      apply(motion, canonical + 3 * i, camera[i]);
      mean_depth -= camera[i][2] / 30;
    }
    for (int i = 0; i < 30; ++i) {
      landmarks[3 * i] = static_cast<float>(320 - focal * camera[i][0] / camera[i][2]);
      landmarks[3 * i + 1] = static_cast<float>(240 + focal * camera[i][1] / camera[i][2]);
      landmarks[3 * i + 2] = static_cast<float>(focal * (-camera[i][2] - mean_depth) / mean_depth);
    }
    mien_pose pose = empty_pose();
    CHECK(mien_pose_from_depth(landmarks, canonical, nullptr, 30, 640, 480, static_cast<float>(fov), &pose) == MIEN_OK);
    CHECK(pose.residual < 0.5 && pose.scale == 1.0f);
    for (int k = 0; k < 3; ++k) CHECK(check::near(pose.translation[k], motion.t[k], 0.02 * std::fabs(motion.t[2])));
  }
}

void points_map_sets_agree() {
  Random random(10);
  const double affine[6] = {1.25, -0.3, 17, 0.3, 1.25, -4};
  for (const int32_t dims : {2, 3}) {
    std::vector<float> in(static_cast<size_t>(dims) * 479);
    for (float &v : in) v = static_cast<float>(random.real(-100, 100));
    std::vector<float> reference(in.size());
    CHECK(mien_simd_select(MIEN_SIMD_SCALAR) == MIEN_OK);
    CHECK(mien_points_map(in.data(), 479, dims, affine, 0.7f, reference.data()) == MIEN_OK);
    CHECK(reference[0] == static_cast<float>(1.25 * in[0] - 0.3 * in[1] + 17));
    for (const mien_simd level : check::levels()) {
      CHECK(mien_simd_select(level) == MIEN_OK);
      std::vector<float> in_place = in;
      CHECK(mien_points_map(in_place.data(), 479, dims, affine, 0.7f, in_place.data()) == MIEN_OK);
      CHECK(std::memcmp(in_place.data(), reference.data(), in.size() * sizeof(float)) == 0);
    }
  }
  CHECK(mien_points_map(nullptr, 1, 2, affine, 1, nullptr) == MIEN_E_ARGUMENT);
}

}  // namespace

int main() {
  rigid_fit_recovers_the_motion();
  points_on_a_line_fix_no_rotation();
  similarity_recovers_the_map();
  pose_from_points_finds_the_camera();
  pose_from_depth_finds_the_camera();
  points_map_sets_agree();
  return check::finish();
}
