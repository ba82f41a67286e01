// image_to_tensor at its limits: extreme maps, 1x1 and very wide frames, and every error with the output untouched.
#include <limits>

#include "frame.h"

namespace {

using check::Frame;
using check::Output;
using check::Random;

void extreme_maps_stay_inside_the_frame() {
  Random random(11);
  const double values[] = {0, 1, -1, 1e-300, 1e30, -1e30, 1e300, -1e300, 1e9, 0.5, 12345.678};
  for (const mien_simd level : check::levels()) {
    CHECK(mien_simd_select(level) == MIEN_OK);
    for (int round = 0; round < 400; ++round) {
      const mien_format format = static_cast<mien_format>(random.integer(MIEN_FORMAT_RGB, MIEN_FORMAT_YUYV));
      const int32_t size = Frame::even(format) ? 2 * random.integer(1, 9) : random.integer(1, 9);
      const Frame frame(&random, format, size, size);
      double affine[6];
      for (double &a : affine) a = values[random.integer(0, 10)];
      mien_tensor tensor = check::plain_tensor(33, 3, MIEN_F32);
      tensor.border = random.chance(0.5) ? MIEN_BORDER_REPLICATE : MIEN_BORDER_CONSTANT;
      const Output output(&tensor);
      CHECK(mien_image_to_tensor(&frame.image, affine, &tensor) == MIEN_OK);
      for (size_t i = 0; i < output.size() / sizeof(float); ++i) {
        CHECK(output.floats()[i] >= 0 && output.floats()[i] <= 255);
      }
    }
  }
}

void tiny_and_wide_frames_agree() {
  Random random(12);
  const int32_t sizes[][2] = {{1, 1}, {2, 2}, {32766, 2}, {2, 32766}, {16384, 4}, {4, 2}};
  for (const auto &size : sizes) {
    for (int f = MIEN_FORMAT_RGB; f <= MIEN_FORMAT_YUYV; ++f) {
      const mien_format format = static_cast<mien_format>(f);
      if (Frame::even(format) && size[0] % 2 != 0) continue;
      const Frame frame(&random, format, size[0], size[1]);
      const double affine[6] = {size[0] / 48.0, 0.001, -2.3, -0.001, size[1] / 4.0, -0.4};
      mien_tensor tensor = check::plain_tensor(50, 5, MIEN_F32);
      CHECK(mien_simd_select(MIEN_SIMD_SCALAR) == MIEN_OK);
      const Output reference(&tensor);
      CHECK(mien_image_to_tensor(&frame.image, affine, &tensor) == MIEN_OK);
      for (const mien_simd level : check::levels()) {
        CHECK(mien_simd_select(level) == MIEN_OK);
        const Output output(&tensor);
        CHECK(mien_image_to_tensor(&frame.image, affine, &tensor) == MIEN_OK);
        CHECK(output == reference);
      }
    }
  }
}

template <class Change>
void rejects(mien_status expected, Change change) {
  Random random(13);
  Frame frame(&random, MIEN_FORMAT_NV12, 8, 8);
  mien_tensor tensor = check::plain_tensor(8, 8, MIEN_U8);
  const Output output(&tensor), untouched(&tensor);
  tensor.data = const_cast<uint8_t *>(output.bytes());
  double affine[6] = {1, 0, 0, 0, 1, 0};
  change(&frame.image, affine, &tensor);
  CHECK(mien_image_to_tensor(&frame.image, affine, &tensor) == expected);
  CHECK(output == untouched);
}

void errors_are_told_apart() {
  using Image = mien_image *;
  using Tensor = mien_tensor *;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  rejects(MIEN_E_STRUCT, [](Image i, double *, Tensor) { i->struct_size = 4; });
  rejects(MIEN_E_STRUCT, [](Image, double *, Tensor t) { t->struct_size += 8; });
  rejects(MIEN_E_FORMAT, [](Image i, double *, Tensor) { i->format = static_cast<mien_format>(99); });
  rejects(MIEN_E_SHAPE, [](Image i, double *, Tensor) { i->width = 7; });
  rejects(MIEN_E_SHAPE, [](Image i, double *, Tensor) { i->height = 7; });
  rejects(MIEN_E_SHAPE, [](Image i, double *, Tensor) { i->width = 0; });
  rejects(MIEN_E_SHAPE, [](Image i, double *, Tensor) { i->height = 40000; });
  rejects(MIEN_E_SHAPE, [](Image, double *, Tensor t) { t->width = -1; });
  rejects(MIEN_E_STRIDE, [](Image i, double *, Tensor) { i->stride[0] = 7; });
  rejects(MIEN_E_STRIDE, [](Image i, double *, Tensor) { i->stride[1] = -8; });
  rejects(MIEN_E_STRIDE, [](Image i, double *, Tensor) { i->stride[0] = std::numeric_limits<int64_t>::max(); });
  rejects(MIEN_E_ARGUMENT, [](Image i, double *, Tensor) { i->plane[1] = nullptr; });
  rejects(MIEN_E_ARGUMENT, [](Image i, double *, Tensor) { i->yuv_matrix = static_cast<mien_yuv_matrix>(5); });
  rejects(MIEN_E_ARGUMENT, [](Image, double *, Tensor t) { t->dtype = static_cast<mien_dtype>(-1); });
  rejects(MIEN_E_ARGUMENT, [](Image, double *, Tensor t) { t->sampling = static_cast<mien_sampling>(2); });
  rejects(MIEN_E_ARGUMENT, [](Image, double *, Tensor t) { t->data = nullptr; });
  rejects(MIEN_E_ARGUMENT, [](Image, double *, Tensor t) { t->quant_scale = 0; });
  rejects(MIEN_E_ARGUMENT, [](Image, double *, Tensor t) { t->quant_zero = 1 << 20; });
  rejects(MIEN_E_CAPACITY, [](Image, double *, Tensor t) { t->capacity -= 1; });
  rejects(MIEN_E_NOT_FINITE, [nan](Image, double *a, Tensor) { a[3] = nan; });
  rejects(MIEN_E_NOT_FINITE, [](Image, double *, Tensor t) { t->scale[2] = HUGE_VALF; });
  mien_tensor tensor = check::plain_tensor(1, 1, MIEN_F32);
  CHECK(mien_image_to_tensor(nullptr, nullptr, &tensor) == MIEN_E_ARGUMENT);
}

}  // namespace

int main() {
  extreme_maps_stay_inside_the_frame();
  tiny_and_wide_frames_agree();
  errors_are_told_apart();
  return check::finish();
}
