// Any frame, map and request must be refused or done without reading or writing outside, and equally by every
// instruction set.
#include <cstdlib>
#include <memory>

#include "input.h"
#include "mien/mien.h"

namespace {

struct Request {
  mien_image image{};
  mien_tensor tensor{};
  double affine[6];
  std::unique_ptr<uint8_t[]> planes[2];
};

size_t row_bytes(mien_format format, int32_t width) {
  const size_t pixels = static_cast<size_t>(width);
  if (format == MIEN_FORMAT_RGB || format == MIEN_FORMAT_BGR) return 3 * pixels;
  if (format == MIEN_FORMAT_RGBA || format == MIEN_FORMAT_BGRA) return 4 * pixels;
  return format == MIEN_FORMAT_YUYV ? 2 * pixels : pixels;
}

void fill(Input *input, Request *r) {
  mien_image &image = r->image;
  image.struct_size = sizeof image;
  image.format = static_cast<mien_format>(input->integer(0, 8));
  image.width = input->integer(0, 40);
  image.height = input->integer(0, 40);
  image.yuv_matrix = static_cast<mien_yuv_matrix>(input->integer(0, 2));
  image.yuv_range = static_cast<mien_yuv_range>(input->integer(0, 2));
  const size_t row = row_bytes(image.format, image.width);
  const int32_t extra = input->integer(-1, 20);
  const uint32_t seed = input->take<uint32_t>();
  for (int i = 0; i < 2; ++i) {
    image.stride[i] = static_cast<int64_t>(row) + extra;
    const int64_t rows = image.height >> i;
    const int64_t size = rows > 0 && image.stride[i] > 0 ? image.stride[i] * (rows - 1) + static_cast<int64_t>(row) : 0;
    r->planes[i] = std::make_unique<uint8_t[]>(static_cast<size_t>(size));
    for (int64_t k = 0; k < size; ++k)
      r->planes[i][static_cast<size_t>(k)] = static_cast<uint8_t>((seed + k * 2654435761u) >> 13);
    image.plane[i] = r->planes[i].get();
  }
  mien_tensor &t = r->tensor;
  t.struct_size = sizeof t;
  t.width = input->integer(0, 70);
  t.height = input->integer(0, 9);
  t.dtype = static_cast<mien_dtype>(input->integer(0, 4));
  t.layout = static_cast<mien_layout>(input->integer(0, 2));
  t.color = static_cast<mien_color>(input->integer(0, 3));
  t.border = static_cast<mien_border>(input->integer(0, 2));
  t.sampling = static_cast<mien_sampling>(input->integer(0, 2));
  for (int c = 0; c < 3; ++c) {
    t.scale[c] = input->take<float>();
    t.bias[c] = input->take<float>();
  }
  t.quant_scale = input->take<float>();
  t.quant_zero = input->take<int16_t>();
  for (double &a : r->affine) a = input->take<uint8_t>() < 128 ? input->take<int16_t>() / 256.0 : input->take<double>();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Input input(data, size);
  Request r;
  fill(&input, &r);
  const size_t element = r.tensor.dtype == MIEN_F32 ? 4 : (r.tensor.dtype == MIEN_F16 ? 2 : 1);
  const size_t capacity = element * (r.tensor.color == MIEN_COLOR_GRAY ? 1 : 3) * static_cast<size_t>(r.tensor.width) *
                          static_cast<size_t>(r.tensor.height);
  std::unique_ptr<uint8_t[]> reference;
  mien_status expected = MIEN_OK;
  for (int level = MIEN_SIMD_SCALAR; level <= MIEN_SIMD_AVX512; ++level) {
    if (mien_simd_select(static_cast<mien_simd>(level)) != MIEN_OK) continue;
    auto out = std::make_unique<uint8_t[]>(capacity);
    r.tensor.data = out.get();
    r.tensor.capacity = capacity;
    const mien_status status = mien_image_to_tensor(&r.image, r.affine, &r.tensor);
    if (level == MIEN_SIMD_SCALAR) {
      expected = status;
      reference = std::move(out);
    } else if (status != expected || std::memcmp(out.get(), reference.get(), capacity) != 0) {
      std::abort();
    }
  }
  return 0;
}
