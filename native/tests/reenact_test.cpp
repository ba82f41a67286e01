// Triangles cover what they should and the nearest is seen; flows go on smoothly; an unmoved crop leaves its picture.
#include <algorithm>
#include <limits>

#include "checker.h"

namespace {

constexpr int32_t kSide = 32;
constexpr size_t kSize = static_cast<size_t>(kSide) * kSide;

struct Planes {
  std::vector<float> values = std::vector<float>(2 * kSize, -7.0f), scratch = std::vector<float>(4 * kSize);
  std::vector<int32_t> owner = std::vector<int32_t>(kSize);

  mien_status draw(const std::vector<float> &points, const std::vector<int32_t> &triangles,
                   const std::vector<float> &attributes) {
    return mien_mesh_rasterise(points.data(), points.size() / 3, triangles.data(), triangles.size() / 3,
                               attributes.data(), 2, kSide, kSide, values.data(), owner.data(), scratch.data());
  }
};

void a_square_of_two_triangles_interpolates_its_attributes() {
  Planes planes;
  // Attributes are the vertices' own positions, so each covered pixel must say where it is.
  const std::vector<float> points{4, 4, 0, 27, 4, 0, 27, 27, 0, 4, 27, 0}, own{4, 4, 27, 4, 27, 27, 4, 27};
  CHECK(planes.draw(points, {0, 1, 2, 0, 2, 3}, own) == MIEN_OK);
  int covered = 0;
  for (int32_t y = 0; y < kSide; ++y) {
    for (int32_t x = 0; x < kSide; ++x) {
      const size_t at = static_cast<size_t>(y * kSide + x);
      const bool inside = x >= 4 && x <= 27 && y >= 4 && y <= 27;
      CHECK((planes.owner[at] >= 0) == inside);
      if (!inside) {
        CHECK(planes.values[at] == -7.0f);
        continue;
      }
      ++covered;
      CHECK(std::fabs(planes.values[at] - static_cast<float>(x)) < 1e-3f);
      CHECK(std::fabs(planes.values[kSize + at] - static_cast<float>(y)) < 1e-3f);
    }
  }
  CHECK(covered == 24 * 24);
}

void the_nearest_triangle_is_seen_whatever_the_order() {
  const std::vector<float> points{0, 0, 1, 31, 0, 1, 0, 31, 1, 0, 0, 5, 31, 0, 5, 0, 31, 5}, none(12);
  Planes one, other;
  CHECK(one.draw(points, {0, 1, 2, 3, 4, 5}, none) == MIEN_OK);
  CHECK(other.draw(points, {3, 4, 5, 0, 1, 2}, none) == MIEN_OK);
  CHECK(one.owner[5 * kSide + 5] == 1);
  CHECK(other.owner[5 * kSide + 5] == 0);
}

void what_cannot_be_drawn_is_refused() {
  Planes planes;
  const std::vector<float> points{0, 0, 0, 9, 0, 0, 0, 9, 0}, none(6);
  CHECK(planes.draw(points, {0, 1, 3}, none) == MIEN_E_ARGUMENT);
  CHECK(planes.draw(points, {0, 1, -1}, none) == MIEN_E_ARGUMENT);
  std::vector<float> broken = points;
  broken[4] = std::numeric_limits<float>::quiet_NaN();
  CHECK(planes.draw(broken, {0, 1, 2}, none) == MIEN_E_NOT_FINITE);
  std::vector<float> far = points;
  far[0] = 1e30f;
  far[3] = -1e30f;
  CHECK(planes.draw(far, {0, 1, 2}, none) == MIEN_OK);
}

void a_flow_goes_on_beyond_what_is_covered_and_fades() {
  std::vector<float> flow(2 * kSize), scratch(4 * kSize);
  std::vector<int32_t> owner(kSize, -1);
  for (int32_t y = 12; y < 20; ++y) {
    for (int32_t x = 12; x < 20; ++x) {
      const size_t at = static_cast<size_t>(y * kSide + x);
      owner[at] = 0;
      flow[at] = static_cast<float>(x) + 3;
      flow[kSize + at] = static_cast<float>(y) - 2;
    }
  }
  CHECK(mien_flow_extend(flow.data(), flow.data() + kSize, owner.data(), kSide, kSide, scratch.data()) == MIEN_OK);
  const auto moved = [&](int32_t x, int32_t y) {
    return flow[static_cast<size_t>(y * kSide + x)] - static_cast<float>(x);
  };
  CHECK(std::fabs(moved(15, 15) - 3) < 1e-5f);
  CHECK(moved(11, 15) > 1 && moved(11, 15) <= 3);
  CHECK(moved(0, 15) > 0 && moved(0, 15) < moved(8, 15));
  for (float value : flow) CHECK(std::isfinite(value));
}

mien_picture picture_of(const std::vector<uint8_t> &pixels, int32_t width, int32_t height) {
  return {sizeof(mien_picture), width, height, pixels.data(), 3 * static_cast<int64_t>(width)};
}

void an_unmoved_crop_leaves_its_picture_and_a_change_is_added() {
  check::Random random(3);
  const int32_t width = 100, height = 90;
  std::vector<uint8_t> pixels(static_cast<size_t>(3 * width * height));
  for (uint8_t &value : pixels) value = static_cast<uint8_t>(random.integer(60, 190));
  const mien_picture source = picture_of(pixels, width, height);
  std::vector<float> flow(2 * kSize), keep(kSize, 1), change(3 * kSize, 0), feather(kSize, 1);
  for (size_t at = 0; at < kSize; ++at) {
    flow[at] = static_cast<float>(at % kSide);
    flow[kSize + at] = static_cast<float>(at / kSide);
  }
  mien_refined refined{sizeof(mien_refined), kSide,       kSide,         flow.data(),
                       flow.data() + kSize,  keep.data(), change.data(), feather.data()};
  const double crop[3] = {2.5, 10.25, 5.5};
  std::vector<uint8_t> out = pixels;
  CHECK(mien_flow_compose(&source, crop, &refined, out.data(), 3 * width) == MIEN_OK);
  int apart = 0;
  for (size_t i = 0; i < out.size(); ++i) apart = std::max(apart, std::abs(out[i] - pixels[i]));
  CHECK(apart <= 1);
  std::fill(change.begin(), change.end(), 0.1f);
  CHECK(mien_flow_compose(&source, crop, &refined, out.data(), 3 * width) == MIEN_OK);
  const size_t middle = static_cast<size_t>(3 * (45 * width + 50));
  CHECK(std::abs(out[middle] - pixels[middle] - 26) <= 1);
  CHECK(out[0] == pixels[0]);
  refined.struct_size = 3;
  CHECK(mien_flow_compose(&source, crop, &refined, out.data(), 3 * width) == MIEN_E_STRUCT);
  refined.struct_size = sizeof refined;
  CHECK(mien_flow_compose(&source, crop, &refined, out.data(), 5) == MIEN_E_STRIDE);
  const double flat[3] = {0, 0, 0};
  CHECK(mien_flow_compose(&source, flat, &refined, out.data(), 3 * width) == MIEN_E_ARGUMENT);
}

void a_crop_over_the_whole_picture_reaches_its_last_pixel_and_reads_none_behind_it() {
  check::Random random(4);
  std::vector<float> flow(2 * kSize), keep(kSize, 1), change(3 * kSize, 0.1f), feather(kSize, 1);
  for (float &value : flow) value = static_cast<float>(random.integer(-9, 40));
  const mien_refined refined{sizeof(mien_refined), kSide,       kSide,         flow.data(),
                             flow.data() + kSize,  keep.data(), change.data(), feather.data()};
  const mien_simd before = mien_simd_active();
  for (const int32_t width : {1, 2, 3, 17, 61}) {
    const int32_t height = 1 + width / 2;
    std::vector<uint8_t> pixels(static_cast<size_t>(3 * width * height)), first;  // the sanitizer guards its end
    for (uint8_t &value : pixels) value = static_cast<uint8_t>(random.integer(0, 255));
    const mien_picture source = picture_of(pixels, width, height);
    const double crop[3] = {2, 0, 0};
    for (const mien_simd level : {MIEN_SIMD_SCALAR, MIEN_SIMD_NEON, MIEN_SIMD_AVX2, MIEN_SIMD_AVX512}) {
      if (mien_simd_select(level) != MIEN_OK) continue;
      std::vector<uint8_t> out(pixels.size());
      CHECK(mien_flow_compose(&source, crop, &refined, out.data(), 3 * width) == MIEN_OK);
      CHECK(out.back() >= 25);  // something was added to the last pixel too
      if (first.empty()) first = out;
      CHECK(out == first);
    }
  }
  CHECK(mien_simd_select(before) == MIEN_OK);
}

void warps_sample_between_pixels_and_stay_inside() {
  const std::vector<uint8_t> pixels{0, 0, 0, 255, 255, 255};
  const mien_picture source = picture_of(pixels, 2, 1);
  const float columns[4] = {0.5f, -9.0f, 9.0f, std::numeric_limits<float>::quiet_NaN()}, rows[4] = {0, 0, 0, 0};
  float out[12];
  CHECK(mien_flow_warp(&source, columns, rows, 2, 2, out) == MIEN_OK);
  CHECK(std::fabs(out[0] - 0.5f) < 1e-6f);
  CHECK(out[1] == 0 && out[2] == 1 && out[3] == 0);
}

}  // namespace

int main() {
  a_square_of_two_triangles_interpolates_its_attributes();
  the_nearest_triangle_is_seen_whatever_the_order();
  what_cannot_be_drawn_is_refused();
  a_flow_goes_on_beyond_what_is_covered_and_fades();
  an_unmoved_crop_leaves_its_picture_and_a_change_is_added();
  a_crop_over_the_whole_picture_reaches_its_last_pixel_and_reads_none_behind_it();
  warps_sample_between_pixels_and_stay_inside();
  return check::finish();
}
