// Image, TensorSpec and image_to_tensor.
#include <pybind11/stl.h>

#include <array>
#include <vector>

#include "arrays.h"

namespace mien::bindings {
namespace {

template <typename E, size_t N>
E named(const std::array<const char *, N> &names, const std::string &name, mien_status status, const char *function,
        const char *what) {
  for (size_t i = 0; i < N; ++i) {
    if (name == names[i]) return static_cast<E>(i);
  }
  std::string known;
  for (const char *candidate : names) known += std::string(known.empty() ? "" : ", ") + candidate;
  raise(status, function, std::string(what) + " must be one of " + known + "; got '" + name + "'");
}

constexpr std::array<const char *, 8> kFormats{"rgb", "bgr", "rgba", "bgra", "gray8", "nv12", "nv21", "yuyv"};
constexpr std::array<const char *, 2> kMatrices{"bt601", "bt709"};
constexpr std::array<const char *, 2> kRanges{"limited", "full"};
constexpr std::array<const char *, 4> kDtypes{"float32", "float16", "uint8", "int8"};
constexpr std::array<const char *, 2> kLayouts{"nchw", "nhwc"};
constexpr std::array<const char *, 3> kColors{"rgb", "bgr", "gray"};
constexpr std::array<const char *, 2> kBorders{"replicate", "constant"};
constexpr std::array<const char *, 2> kSamplings{"fine", "8bit"};

// Samples of one pixel of a plane: how its last axis is grouped.
py::ssize_t channels_of(mien_format format, size_t plane) {
  switch (format) {
    case MIEN_FORMAT_RGB:
    case MIEN_FORMAT_BGR:
      return 3;
    case MIEN_FORMAT_RGBA:
    case MIEN_FORMAT_BGRA:
      return 4;
    case MIEN_FORMAT_YUYV:
      return 2;
    case MIEN_FORMAT_NV12:
    case MIEN_FORMAT_NV21:
      return plane == 0 ? 1 : 2;
    case MIEN_FORMAT_GRAY8:
      break;
  }
  return 1;
}

class Image {
 public:
  Image(const std::string &format, int64_t width, int64_t height, const std::vector<py::object> &planes,
        const std::string &yuv_matrix, const std::string &yuv_range)
      : planes_(planes) {
    image_.struct_size = sizeof image_;
    image_.format = named<mien_format>(kFormats, format, MIEN_E_FORMAT, "Image", "format");
    image_.yuv_matrix = named<mien_yuv_matrix>(kMatrices, yuv_matrix, MIEN_E_ARGUMENT, "Image", "yuv_matrix");
    image_.yuv_range = named<mien_yuv_range>(kRanges, yuv_range, MIEN_E_ARGUMENT, "Image", "yuv_range");
    if (width < 1 || width > MIEN_MAX_EXTENT || height < 1 || height > MIEN_MAX_EXTENT) {
      raise(MIEN_E_SHAPE, "Image", "width and height must be 1.." + std::to_string(MIEN_MAX_EXTENT));
    }
    image_.width = static_cast<int32_t>(width);
    image_.height = static_cast<int32_t>(height);
    const bool semi_planar = image_.format == MIEN_FORMAT_NV12 || image_.format == MIEN_FORMAT_NV21;
    const bool pairs = semi_planar || image_.format == MIEN_FORMAT_YUYV;
    if ((pairs && width % 2 != 0) || (semi_planar && height % 2 != 0)) {
      raise(MIEN_E_SHAPE, "Image", "a frame in " + format + " must have an even size");
    }
    const size_t count = semi_planar ? 2 : 1;
    if (planes_.size() != count) {
      raise(MIEN_E_ARGUMENT, "Image",
            format + " has " + std::to_string(count) + " planes, not " + std::to_string(planes_.size()));
    }
    for (size_t i = 0; i < count; ++i) take_plane(i);
  }

  const mien_image &get() const { return image_; }
  const char *format() const { return kFormats[static_cast<size_t>(image_.format)]; }

 private:
  // The address and row stride of plane `i`, an array of (rows, bytes) or (rows, pixels, channels).
  void take_plane(size_t i) {
    const std::string name = "plane " + std::to_string(i);
    const py::array array = as_array(planes_[i], "Image", name.c_str());
    if (!py::dtype::of<uint8_t>().equal(array.dtype())) {
      raise(MIEN_E_FORMAT, "Image", name + " must be uint8, not " + py::str(array.dtype()).cast<std::string>());
    }
    const py::ssize_t channels = channels_of(image_.format, i);
    const py::ssize_t rows = image_.height >> i, row_bytes = (image_.width >> i) * channels;
    const bool grouped = array.ndim() == 3 && array.shape(2) == channels;
    if ((array.ndim() != 2 && !grouped) || array.shape(0) < rows ||
        array.shape(1) * (grouped ? channels : 1) < row_bytes) {
      raise(MIEN_E_SHAPE, "Image",
            name + " must be (" + std::to_string(rows) + ", " + std::to_string(row_bytes) + ") or (" +
                std::to_string(rows) + ", " + std::to_string(row_bytes / channels) + ", " + std::to_string(channels) +
                "), not " + py::str(array.attr("shape")).cast<std::string>());
    }
    const bool packed =
        grouped ? (array.strides(2) == 1 || channels == 1) && (array.strides(1) == channels || array.shape(1) == 1)
                : array.strides(1) == 1 || array.shape(1) == 1;
    // A single row has no stride of its own; NumPy reports any number for it.
    const py::ssize_t stride = rows > 1 ? array.strides(0) : row_bytes;
    if (!packed || stride < row_bytes) {
      raise(MIEN_E_STRIDE, "Image", name + " must have contiguous rows, one after the other in memory");
    }
    image_.plane[i] = static_cast<const uint8_t *>(array.data());
    image_.stride[i] = stride;
  }

  std::vector<py::object> planes_;  // keeps the borrowed memory alive
  mien_image image_{};
};

class TensorSpec {
 public:
  TensorSpec(int64_t width, int64_t height, const std::string &dtype, const std::string &layout,
             const std::string &color, const std::string &border, std::vector<double> scale, std::vector<double> bias,
             double quant_scale, int64_t quant_zero, const std::string &sampling)
      : scale_(std::move(scale)), bias_(std::move(bias)) {
    tensor_.struct_size = sizeof tensor_;
    if (width < 1 || width > MIEN_MAX_EXTENT || height < 1 || height > MIEN_MAX_EXTENT) {
      raise(MIEN_E_SHAPE, "TensorSpec", "width and height must be 1.." + std::to_string(MIEN_MAX_EXTENT));
    }
    tensor_.width = static_cast<int32_t>(width);
    tensor_.height = static_cast<int32_t>(height);
    tensor_.dtype = named<mien_dtype>(kDtypes, dtype, MIEN_E_ARGUMENT, "TensorSpec", "dtype");
    tensor_.layout = named<mien_layout>(kLayouts, layout, MIEN_E_ARGUMENT, "TensorSpec", "layout");
    tensor_.color = named<mien_color>(kColors, color, MIEN_E_ARGUMENT, "TensorSpec", "color");
    tensor_.border = named<mien_border>(kBorders, border, MIEN_E_ARGUMENT, "TensorSpec", "border");
    tensor_.sampling = named<mien_sampling>(kSamplings, sampling, MIEN_E_ARGUMENT, "TensorSpec", "sampling");
    if (scale_.size() != channels() || bias_.size() != channels()) {
      raise(MIEN_E_ARGUMENT, "TensorSpec",
            "scale and bias must have " + std::to_string(channels()) + " entries, one per channel");
    }
    for (size_t c = 0; c < channels(); ++c) {
      tensor_.scale[c] = static_cast<float>(scale_[c]);
      tensor_.bias[c] = static_cast<float>(bias_[c]);
    }
    tensor_.quant_scale = static_cast<float>(quant_scale);
    if (quant_zero < -32768 || quant_zero > 32767) {
      raise(MIEN_E_ARGUMENT, "TensorSpec", "quant_zero must be -32768..32767");
    }
    tensor_.quant_zero = static_cast<int32_t>(quant_zero);
  }

  const mien_tensor &get() const { return tensor_; }
  size_t channels() const { return tensor_.color == MIEN_COLOR_GRAY ? 1 : 3; }
  size_t bytes() const {
    const size_t element = tensor_.dtype == MIEN_F32 ? 4 : (tensor_.dtype == MIEN_F16 ? 2 : 1);
    return element * channels() * static_cast<size_t>(tensor_.width) * static_cast<size_t>(tensor_.height);
  }
  const char *dtype() const { return kDtypes[static_cast<size_t>(tensor_.dtype)]; }
  const char *layout() const { return kLayouts[static_cast<size_t>(tensor_.layout)]; }
  const char *color() const { return kColors[static_cast<size_t>(tensor_.color)]; }
  const char *border() const { return kBorders[static_cast<size_t>(tensor_.border)]; }
  const char *sampling() const { return kSamplings[static_cast<size_t>(tensor_.sampling)]; }
  py::tuple scale() const { return py::tuple(py::cast(scale_)); }
  py::tuple bias() const { return py::tuple(py::cast(bias_)); }
  py::tuple shape() const {
    if (tensor_.layout == MIEN_NCHW) return py::make_tuple(1, channels(), tensor_.height, tensor_.width);
    return py::make_tuple(1, tensor_.height, tensor_.width, channels());
  }

 private:
  std::vector<double> scale_, bias_;
  mien_tensor tensor_{};
};

void image_to_tensor(const Image &image, const py::object &affine, const TensorSpec &spec, const py::object &out) {
  constexpr const char *kFunction = "image_to_tensor";
  const double *map = affine_of(affine, kFunction);
  const py::array array = as_array(out, kFunction, "out");
  if (!array.dtype().equal(py::dtype(spec.dtype()))) {
    raise(MIEN_E_ARGUMENT, kFunction,
          std::string("out must be ") + spec.dtype() + ", not " + py::str(array.dtype()).cast<std::string>());
  }
  if ((array.flags() & py::array::c_style) == 0) raise(MIEN_E_STRIDE, kFunction, "out must be C-contiguous");
  if (!array.writeable()) raise(MIEN_E_ARGUMENT, kFunction, "out must be writeable");
  if (static_cast<size_t>(array.nbytes()) != spec.bytes()) {
    raise(MIEN_E_CAPACITY, kFunction,
          "out must hold " + py::str(spec.shape()).cast<std::string>() + ", not " +
              py::str(array.attr("shape")).cast<std::string>());
  }
  mien_tensor tensor = spec.get();
  tensor.data = const_cast<void *>(array.data());
  tensor.capacity = spec.bytes();
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_image_to_tensor(&image.get(), map, &tensor);
  }
  check(status, kFunction);
}

}  // namespace

const mien_image &image_of(const py::handle &object) {
  return py::cast<const Image &>(object).get();
}

void bind_image(py::module_ &module) {
  py::class_<Image>(module, "Image")
      .def(py::init<const std::string &, int64_t, int64_t, const std::vector<py::object> &, const std::string &,
                    const std::string &>(),
           py::arg("format"), py::arg("width"), py::arg("height"), py::arg("planes"), py::arg("yuv_matrix") = "bt601",
           py::arg("yuv_range") = "limited")
      .def_property_readonly("format", &Image::format)
      .def_property_readonly("width", [](const Image &image) { return image.get().width; })
      .def_property_readonly("height", [](const Image &image) { return image.get().height; });
  py::class_<TensorSpec>(module, "TensorSpec")
      .def(
          py::init<int64_t, int64_t, const std::string &, const std::string &, const std::string &, const std::string &,
                   std::vector<double>, std::vector<double>, double, int64_t, const std::string &>(),
          py::arg("width"), py::arg("height"), py::arg("dtype"), py::arg("layout"), py::arg("color"), py::arg("border"),
          py::arg("scale"), py::arg("bias"), py::arg("quant_scale") = 1.0, py::arg("quant_zero") = 0,
          py::arg("sampling") = "fine")
      .def_property_readonly("width", [](const TensorSpec &spec) { return spec.get().width; })
      .def_property_readonly("height", [](const TensorSpec &spec) { return spec.get().height; })
      .def_property_readonly("dtype", &TensorSpec::dtype)
      .def_property_readonly("layout", &TensorSpec::layout)
      .def_property_readonly("color", &TensorSpec::color)
      .def_property_readonly("border", &TensorSpec::border)
      .def_property_readonly("sampling", &TensorSpec::sampling)
      .def_property_readonly("scale", &TensorSpec::scale)
      .def_property_readonly("bias", &TensorSpec::bias)
      .def_property_readonly("quant_scale", [](const TensorSpec &spec) { return spec.get().quant_scale; })
      .def_property_readonly("quant_zero", [](const TensorSpec &spec) { return spec.get().quant_zero; })
      .def_property_readonly("shape", &TensorSpec::shape);
  module.def("image_to_tensor", &image_to_tensor, py::arg("image"), py::arg("affine"), py::arg("spec"), py::arg("out"));
}

}  // namespace mien::bindings
