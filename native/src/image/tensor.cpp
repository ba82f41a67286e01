// mien_image_to_tensor: checks the request, folds it into a Plan, and runs the active kernel over it.
#include <algorithm>
#include <limits>

#include "check.h"
#include "image/plan.h"
#include "mien/mien.h"
#include "simd/dispatch.h"

namespace mien::image {
namespace {

bool between(int64_t value, int64_t low, int64_t high) {
  return value >= low && value <= high;
}

bool is_yuv(mien_format format) {
  return format == MIEN_FORMAT_NV12 || format == MIEN_FORMAT_NV21 || format == MIEN_FORMAT_YUYV;
}

bool is_semi_planar(mien_format format) {
  return format == MIEN_FORMAT_NV12 || format == MIEN_FORMAT_NV21;
}

int64_t bytes_per_pixel(mien_format format) {
  switch (format) {
    case MIEN_FORMAT_RGB:
    case MIEN_FORMAT_BGR:
      return 3;
    case MIEN_FORMAT_RGBA:
    case MIEN_FORMAT_BGRA:
      return 4;
    case MIEN_FORMAT_YUYV:
      return 2;
    default:
      return 1;
  }
}

mien_status check_image(const mien_image &image) {
  if (image.struct_size != sizeof(mien_image)) return MIEN_E_STRUCT;
  if (!between(image.format, MIEN_FORMAT_RGB, MIEN_FORMAT_YUYV)) return MIEN_E_FORMAT;
  if (!between(image.width, 1, MIEN_MAX_EXTENT) || !between(image.height, 1, MIEN_MAX_EXTENT)) return MIEN_E_SHAPE;
  if (is_yuv(image.format)) {
    if (!between(image.yuv_matrix, MIEN_YUV_BT601, MIEN_YUV_BT709)) return MIEN_E_ARGUMENT;
    if (!between(image.yuv_range, MIEN_YUV_LIMITED, MIEN_YUV_FULL)) return MIEN_E_ARGUMENT;
    if (image.width % 2 != 0) return MIEN_E_SHAPE;
    if (is_semi_planar(image.format) && image.height % 2 != 0) return MIEN_E_SHAPE;
  }
  const int planes = is_semi_planar(image.format) ? 2 : 1;
  for (int i = 0; i < planes; ++i) {
    if (image.plane[i] == nullptr) return MIEN_E_ARGUMENT;
    const int64_t rows = image.height >> i;
    if (image.stride[i] < image.width * bytes_per_pixel(image.format)) return MIEN_E_STRIDE;
    // A plane that would span more than the address space cannot exist.
    if (image.stride[i] > std::numeric_limits<int64_t>::max() / 2 / rows) return MIEN_E_STRIDE;
  }
  return MIEN_OK;
}

size_t element_bytes(mien_dtype dtype) {
  return dtype == MIEN_F32 ? 4 : (dtype == MIEN_F16 ? 2 : 1);
}

mien_status check_tensor(const mien_tensor &tensor) {
  if (tensor.struct_size != sizeof(mien_tensor)) return MIEN_E_STRUCT;
  if (!between(tensor.width, 1, MIEN_MAX_EXTENT) || !between(tensor.height, 1, MIEN_MAX_EXTENT)) return MIEN_E_SHAPE;
  if (!between(tensor.dtype, MIEN_F32, MIEN_I8) || !between(tensor.layout, MIEN_NCHW, MIEN_NHWC) ||
      !between(tensor.color, MIEN_COLOR_RGB, MIEN_COLOR_GRAY) ||
      !between(tensor.border, MIEN_BORDER_REPLICATE, MIEN_BORDER_CONSTANT) ||
      !between(tensor.sampling, MIEN_SAMPLING_FINE, MIEN_SAMPLING_8BIT) || tensor.data == nullptr) {
    return MIEN_E_ARGUMENT;
  }
  const size_t channels = tensor.color == MIEN_COLOR_GRAY ? 1 : 3;
  if (!all_finite(tensor.scale, channels) || !all_finite(tensor.bias, channels)) return MIEN_E_NOT_FINITE;
  if (tensor.dtype == MIEN_U8 || tensor.dtype == MIEN_I8) {
    if (!all_finite(&tensor.quant_scale, 1)) return MIEN_E_NOT_FINITE;
    if (!(tensor.quant_scale > 0) || !between(tensor.quant_zero, -32768, 32767)) return MIEN_E_ARGUMENT;
  }
  const uint64_t elements = static_cast<uint64_t>(tensor.width) * static_cast<uint64_t>(tensor.height) * channels;
  if (tensor.capacity / element_bytes(tensor.dtype) < elements) return MIEN_E_CAPACITY;
  // The kernels store whole elements.
  if (reinterpret_cast<uintptr_t>(tensor.data) % element_bytes(tensor.dtype) != 0) return MIEN_E_ARGUMENT;
  return MIEN_OK;
}

void plan_source(const mien_image &image, mien_color color, Plan *plan) {
  plan->width = image.width;
  plan->height = image.height;
  for (int i = 0; i < 2; ++i) {
    plan->plane[i] = image.plane[i];
    plan->stride[i] = image.stride[i];
  }
  const bool tensor_bgr = color == MIEN_COLOR_BGR;
  bool frame_bgr = false;
  switch (image.format) {
    case MIEN_FORMAT_BGR:
      frame_bgr = true;
      [[fallthrough]];
    case MIEN_FORMAT_RGB:
      plan->source = Source::kPacked3;
      break;
    case MIEN_FORMAT_BGRA:
      frame_bgr = true;
      [[fallthrough]];
    case MIEN_FORMAT_RGBA:
      plan->source = Source::kPacked4;
      break;
    case MIEN_FORMAT_GRAY8:
      plan->source = Source::kGray;
      break;
    case MIEN_FORMAT_NV12:
    case MIEN_FORMAT_NV21:
      plan->source = Source::kSemiPlanar;
      break;
    case MIEN_FORMAT_YUYV:
      plan->source = Source::kYuyv;
      break;
  }
  if (is_semi_planar(image.format)) {
    plan->order[0] = image.format == MIEN_FORMAT_NV21 ? 1 : 0;
    plan->order[1] = static_cast<uint8_t>(1 - plan->order[0]);
  } else if (plan->source == Source::kPacked3 || plan->source == Source::kPacked4) {
    const bool reverse = frame_bgr != tensor_bgr;
    plan->order[0] = reverse ? 2 : 0;
    plan->order[1] = 1;
    plan->order[2] = reverse ? 0 : 2;
  }
  plan->swap_rb = is_yuv(image.format) && tensor_bgr;
}

// ITU-R BT.601 and BT.709: R = Y + 2 (1 - kr) V, B = Y + 2 (1 - kb) U, G from Y = kr R + kg G + kb B. Limited range
// stretches luma from 16..235 and chroma from 16..240.
void plan_yuv(const mien_image &image, Plan *plan) {
  const bool hd = image.yuv_matrix == MIEN_YUV_BT709;
  const bool limited = image.yuv_range == MIEN_YUV_LIMITED;
  const double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114, kg = 1 - kr - kb;
  const double luma = (limited ? 255.0 / 219.0 : 1.0) / kUnit, chroma = (limited ? 255.0 / 224.0 : 1.0) / kUnit;
  plan->y_black = limited ? 16 : 0;
  plan->y_gain = static_cast<float>(luma);
  plan->v_to_r = static_cast<float>(2 * (1 - kr) * chroma);
  plan->u_to_b = static_cast<float>(2 * (1 - kb) * chroma);
  plan->v_to_g = static_cast<float>(-2 * (1 - kr) * kr / kg * chroma);
  plan->u_to_g = static_cast<float>(-2 * (1 - kb) * kb / kg * chroma);
}

float finite_float(double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  return static_cast<float>(std::min(std::max(value, -kLargest), kLargest));
}

void plan_tensor(const mien_tensor &tensor, bool yuv, Plan *plan) {
  plan->out_width = tensor.width;
  plan->out_height = tensor.height;
  plan->channels = tensor.color == MIEN_COLOR_GRAY ? 1 : 3;
  plan->interleaved = tensor.layout == MIEN_NHWC && plan->channels == 3;
  plan->constant_border = tensor.border == MIEN_BORDER_CONSTANT;
  plan->eight_bit = tensor.sampling == MIEN_SAMPLING_8BIT;
  plan->sample_unit = yuv ? 1.0f : 1.0f / kUnit;
  plan->data = tensor.data;
  const bool bytes = tensor.dtype == MIEN_U8 || tensor.dtype == MIEN_I8;
  plan->element = bytes ? Element::kByte : (tensor.dtype == MIEN_F16 ? Element::kF16 : Element::kF32);
  // Packed samples arrive as integer sums unless they are rounded, YUV ones as 0..255.
  const double unit = (yuv || plan->eight_bit ? 1.0 : 1.0 / kUnit) / (bytes ? tensor.quant_scale : 1.0);
  const double bias_unit = bytes ? 1.0 / tensor.quant_scale : 1.0;
  for (int c = 0; c < plan->channels; ++c) {
    plan->gain[c] = finite_float(tensor.scale[c] * unit);
    plan->offset[c] = finite_float(tensor.bias[c] * bias_unit) + 0.0f;  // -0 becomes 0: sums then agree in sign
  }
  if (bytes) {
    const int32_t low = tensor.dtype == MIEN_U8 ? 0 : -128;
    plan->zero = tensor.quant_zero;
    plan->low = static_cast<float>(low - plan->zero);
    plan->high = static_cast<float>(low + 255 - plan->zero);
  }
}

// Entries beyond 1e12 pixels are as good as infinite, and cannot overflow a float when multiplied by an index.
void plan_affine(const double affine[6], Plan *plan) {
  for (int i = 0; i < 3; ++i) {
    plan->ax[i] = static_cast<float>(std::min(std::max(affine[i], -1e12), 1e12) * kOne);
    plan->ay[i] = static_cast<float>(std::min(std::max(affine[3 + i], -1e12), 1e12) * kOne);
  }
}

}  // namespace
}  // namespace mien::image

mien_status mien_image_to_tensor(const mien_image *image, const double affine[6], mien_tensor *tensor) {
  using namespace mien::image;
  if (image == nullptr || affine == nullptr || tensor == nullptr) return MIEN_E_ARGUMENT;
  mien_status status = check_image(*image);
  if (status != MIEN_OK) return status;
  status = check_tensor(*tensor);
  if (status != MIEN_OK) return status;
  if (!mien::all_finite(affine, 6)) return MIEN_E_NOT_FINITE;
  Plan plan{};
  plan_source(*image, tensor->color, &plan);
  if (is_yuv(image->format)) plan_yuv(*image, &plan);
  plan_tensor(*tensor, is_yuv(image->format), &plan);
  plan_affine(affine, &plan);
  mien::simd::active().image_rows(plan);
  return MIEN_OK;
}
