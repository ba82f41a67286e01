// image_to_tensor: every instruction set gives the bits of the scalar code, over random formats, sizes, strides, maps,
// borders, element types and layouts; and the scalar code gives the values that the definition asks for.
#include "frame.h"

namespace {

using check::Frame;
using check::Output;
using check::Random;

mien_tensor random_tensor(Random *random) {
  mien_tensor t = check::plain_tensor(random->integer(1, 70), random->integer(1, 12),
                                      static_cast<mien_dtype>(random->integer(MIEN_F32, MIEN_I8)));
  t.layout = random->chance(0.5) ? MIEN_NCHW : MIEN_NHWC;
  t.color = static_cast<mien_color>(random->integer(MIEN_COLOR_RGB, MIEN_COLOR_GRAY));
  t.border = random->chance(0.5) ? MIEN_BORDER_REPLICATE : MIEN_BORDER_CONSTANT;
  t.sampling = random->chance(0.5) ? MIEN_SAMPLING_FINE : MIEN_SAMPLING_8BIT;
  for (int c = 0; c < 3; ++c) {
    t.scale[c] = static_cast<float>(random->chance(0.1) ? random->real(-1e30, 1e30) : random->real(-2, 2));
    t.bias[c] = static_cast<float>(random->real(-300, 300));
  }
  t.quant_scale = static_cast<float>(random->real(0.01, 3));
  t.quant_zero = random->integer(-200, 200);
  return t;
}

void random_affine(Random *random, const mien_image &image, const mien_tensor &tensor, double a[6]) {
  const double scale = random->real(0.02, 3), angle = random->chance(0.3) ? 0 : random->real(-3.2, 3.2);
  a[0] = scale * std::cos(angle), a[1] = -scale * std::sin(angle);
  a[3] = -a[1], a[4] = a[0];
  a[2] = image.width / 2.0 - a[0] * tensor.width / 2 - a[1] * tensor.height / 2 + random->real(-9, 9);
  a[5] = image.height / 2.0 - a[3] * tensor.width / 2 - a[4] * tensor.height / 2 + random->real(-9, 9);
  if (random->chance(0.05)) {
    for (int i = 0; i < 6; ++i) a[i] *= std::pow(10.0, random->integer(1, 200));
  }
}

void every_set_equals_scalar() {
  Random random(20240607);
  for (int round = 0; round < 4000; ++round) {
    const mien_format format = static_cast<mien_format>(random.integer(MIEN_FORMAT_RGB, MIEN_FORMAT_YUYV));
    int32_t width = random.integer(1, 60), height = random.integer(1, 40);
    if (Frame::even(format)) width = 2 * (width / 2 + 1), height = 2 * (height / 2 + 1);
    const Frame frame(&random, format, width, height);
    mien_tensor tensor = random_tensor(&random);
    double affine[6];
    random_affine(&random, frame.image, tensor, affine);
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

void identity_copies_pixels() {
  Random random(7);
  const double identity[6] = {1, 0, 0, 0, 1, 0};
  for (const mien_simd level : check::levels()) {
    CHECK(mien_simd_select(level) == MIEN_OK);
    for (const mien_format format : {MIEN_FORMAT_RGB, MIEN_FORMAT_BGR, MIEN_FORMAT_RGBA, MIEN_FORMAT_BGRA}) {
      const Frame frame(&random, format, 40, 5);
      mien_tensor tensor = check::plain_tensor(40, 5, MIEN_F32);
      const Output output(&tensor);
      CHECK(mien_image_to_tensor(&frame.image, identity, &tensor) == MIEN_OK);
      const bool reverse = format == MIEN_FORMAT_BGR || format == MIEN_FORMAT_BGRA;
      const int64_t step = Frame::bytes_of_row(format, 1);
      for (int y = 0; y < 5; ++y) {
        for (int x = 0; x < 40; ++x) {
          for (int c = 0; c < 3; ++c) {
            const uint8_t pixel = frame.image.plane[0][y * frame.image.stride[0] + x * step + (reverse ? 2 - c : c)];
            CHECK(output.floats()[(c * 5 + y) * 40 + x] == static_cast<float>(pixel));
          }
        }
      }
    }
  }
}

void constant_border_fades_to_black() {
  uint8_t white[4 * 4];
  std::memset(white, 255, sizeof white);
  mien_image image{};
  image.struct_size = sizeof image;
  image.format = MIEN_FORMAT_GRAY8;
  image.width = image.height = 4;
  image.plane[0] = white;
  image.stride[0] = 4;
  mien_tensor tensor = check::plain_tensor(4, 1, MIEN_F32);
  tensor.color = MIEN_COLOR_GRAY;
  tensor.border = MIEN_BORDER_CONSTANT;
  const Output output(&tensor);
  const double half_outside[6] = {1, 0, -1.5, 0, 1, 1};
  CHECK(mien_image_to_tensor(&image, half_outside, &tensor) == MIEN_OK);
  CHECK(output.floats()[0] == 0.0f && output.floats()[1] == 127.5f && output.floats()[2] == 255.0f);
}

void quantisation_rounds_half_to_even_and_saturates() {
  const uint8_t pixels[8] = {0, 1, 2, 3, 100, 200, 254, 255};
  mien_image image{};
  image.struct_size = sizeof image;
  image.format = MIEN_FORMAT_GRAY8;
  image.width = 8;
  image.height = 1;
  image.plane[0] = pixels;
  image.stride[0] = 8;
  const double identity[6] = {1, 0, 0, 0, 1, 0};
  for (const mien_simd level : check::levels()) {
    CHECK(mien_simd_select(level) == MIEN_OK);
    mien_tensor tensor = check::plain_tensor(8, 1, MIEN_I8);
    tensor.color = MIEN_COLOR_GRAY;
    tensor.quant_scale = 2.0f;
    tensor.quant_zero = 10;
    const Output output(&tensor);
    CHECK(mien_image_to_tensor(&image, identity, &tensor) == MIEN_OK);
    const int8_t expected[8] = {10, 10, 11, 12, 60, 110, 127, 127};
    CHECK(std::memcmp(output.bytes(), expected, 8) == 0);
  }
}

void half_floats_round_to_nearest_even() {
  const uint8_t pixel[1] = {1};
  mien_image image{};
  image.struct_size = sizeof image;
  image.format = MIEN_FORMAT_GRAY8;
  image.width = image.height = 1;
  image.plane[0] = pixel;
  image.stride[0] = 1;
  const double identity[6] = {1, 0, 0, 0, 1, 0};
  const struct {
    float value;
    uint16_t half;
  } cases[] = {{1.0f, 0x3c00},           {-2.0f, 0xc000},          {65504.0f, 0x7bff},      {65519.996f, 0x7bff},
               {65520.0f, 0x7c00},       {-1e30f, 0xfc00},         {6.1035156e-5f, 0x0400}, {5.9604645e-8f, 0x0001},
               {2.9802322e-8f, 0x0000},  {2.9802326e-8f, 0x0001},  {6.1005357e-5f, 0x0400}, {1.00048828125f, 0x3c00},
               {1.00146484375f, 0x3c02}, {0.333251953125f, 0x3555}};
  for (const mien_simd level : check::levels()) {
    CHECK(mien_simd_select(level) == MIEN_OK);
    for (const auto &c : cases) {
      for (const int32_t width : {1, 32}) {  // the scalar way and the vector way
        std::vector<uint8_t> row(32, 1);
        image.width = 32;
        image.stride[0] = 32;
        image.plane[0] = row.data();
        mien_tensor tensor = check::plain_tensor(width, 1, MIEN_F16);
        tensor.color = MIEN_COLOR_GRAY;
        tensor.scale[0] = 0;
        tensor.bias[0] = c.value;
        const Output output(&tensor);
        CHECK(mien_image_to_tensor(&image, identity, &tensor) == MIEN_OK);
        uint16_t first;
        std::memcpy(&first, output.bytes(), sizeof first);
        CHECK(first == c.half);
      }
    }
  }
}

}  // namespace

int main() {
  every_set_equals_scalar();
  identity_copies_pixels();
  constant_border_fades_to_black();
  quantisation_rounds_half_to_even_and_saturates();
  half_floats_round_to_nearest_even();
  return check::finish();
}
