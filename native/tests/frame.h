// Random frames in buffers of exactly the bytes that a frame may read, so that a sanitizer sees any other access.
#pragma once

#include <cstring>
#include <memory>

#include "checker.h"

namespace check {

class Frame {
 public:
  Frame(Random *random, mien_format format, int32_t width, int32_t height) {
    image = {};
    image.struct_size = sizeof image;
    image.format = format;
    image.width = width;
    image.height = height;
    image.yuv_matrix = random->chance(0.5) ? MIEN_YUV_BT601 : MIEN_YUV_BT709;
    image.yuv_range = random->chance(0.5) ? MIEN_YUV_LIMITED : MIEN_YUV_FULL;
    const bool semi_planar = format == MIEN_FORMAT_NV12 || format == MIEN_FORMAT_NV21;
    for (int i = 0; i < (semi_planar ? 2 : 1); ++i) {
      const int64_t row = bytes_of_row(format, width);
      image.stride[i] = row + (random->chance(0.5) ? random->integer(0, 40) : 0);
      // The last row ends with its last pixel, not with its stride.
      const size_t size = static_cast<size_t>(image.stride[i] * ((height >> i) - 1) + row);
      memory_[i] = std::make_unique<uint8_t[]>(size);
      for (size_t k = 0; k < size; ++k) memory_[i][k] = random->byte();
      image.plane[i] = memory_[i].get();
    }
  }

  static int64_t bytes_of_row(mien_format format, int32_t width) {
    switch (format) {
      case MIEN_FORMAT_RGB:
      case MIEN_FORMAT_BGR:
        return int64_t{3} * width;
      case MIEN_FORMAT_RGBA:
      case MIEN_FORMAT_BGRA:
        return int64_t{4} * width;
      case MIEN_FORMAT_YUYV:
        return int64_t{2} * width;
      default:
        return width;
    }
  }

  static bool even(mien_format format) { return format >= MIEN_FORMAT_NV12; }

  mien_image image;

 private:
  std::unique_ptr<uint8_t[]> memory_[2];
};

inline size_t tensor_bytes(const mien_tensor &t) {
  const size_t element = t.dtype == MIEN_F32 ? 4 : (t.dtype == MIEN_F16 ? 2 : 1);
  const size_t channels = t.color == MIEN_COLOR_GRAY ? 1 : 3;
  return element * channels * static_cast<size_t>(t.width) * static_cast<size_t>(t.height);
}

inline mien_tensor plain_tensor(int32_t width, int32_t height, mien_dtype dtype) {
  mien_tensor t{};
  t.struct_size = sizeof t;
  t.width = width;
  t.height = height;
  t.dtype = dtype;
  for (float &scale : t.scale) scale = 1;
  t.quant_scale = 1;
  return t;
}

// A buffer of exactly one tensor.
class Output {
 public:
  explicit Output(mien_tensor *tensor) : bytes_(tensor_bytes(*tensor)), data_(new uint8_t[bytes_]) {
    std::memset(data_.get(), 0xa5, bytes_);
    tensor->data = data_.get();
    tensor->capacity = bytes_;
  }
  bool operator==(const Output &other) const {
    return bytes_ == other.bytes_ && std::memcmp(data_.get(), other.data_.get(), bytes_) == 0;
  }
  const float *floats() const { return reinterpret_cast<const float *>(data_.get()); }
  const uint8_t *bytes() const { return data_.get(); }
  size_t size() const { return bytes_; }

 private:
  size_t bytes_;
  std::unique_ptr<uint8_t[]> data_;
};

}  // namespace check
