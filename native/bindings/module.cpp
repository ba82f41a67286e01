// The extension module mien._native: thin, typed access to the C interface; see sdk/mien/_native.pyi.
#include <pybind11/stl.h>

#include <vector>

#include "arrays.h"

namespace {

namespace py = pybind11;

mien_simd level_named(const std::string &name) {
  for (int level = MIEN_SIMD_SCALAR; level <= MIEN_SIMD_AVX512; ++level) {
    if (name == mien_simd_name(static_cast<mien_simd>(level))) return static_cast<mien_simd>(level);
  }
  mien::bindings::raise(MIEN_E_ARGUMENT, "simd_select", "no instruction set is called '" + name + "'");
}

std::vector<std::string> available() {
  std::vector<std::string> names;
  for (int level = MIEN_SIMD_SCALAR; level <= MIEN_SIMD_AVX512; ++level) {
    const mien_simd candidate = static_cast<mien_simd>(level);
    if (mien_simd_available(candidate) != 0) names.emplace_back(mien_simd_name(candidate));
  }
  return names;
}

}  // namespace

PYBIND11_MODULE(_native, module, py::mod_gil_not_used()) {
  module.doc() =
      "The native core: images to tensors, detection decoding, geometry, filters, IMUs, tracking, reenactment.";
  module.def("version", &mien_version);
  module.def("abi_version", &mien_abi_version);
  module.def("simd_active", [] { return mien_simd_name(mien_simd_active()); });
  module.def("simd_available", &available);
  module.def(
      "simd_select",
      [](const std::string &name) { mien::bindings::check(mien_simd_select(level_named(name)), "simd_select"); },
      py::arg("name"));
  mien::bindings::bind_image(module);
  mien::bindings::bind_decode(module);
  mien::bindings::bind_geometry(module);
  mien::bindings::bind_filter(module);
  mien::bindings::bind_imu(module);
  mien::bindings::bind_reenact(module);
  mien::bindings::bind_region(module);
  mien::bindings::bind_tracker(module);
}
