// Reenactment: mesh to flow, flow to picture.
#include "arrays.h"

namespace mien::bindings {
namespace {

struct Size {
  int32_t height, width;
  size_t pixels() const { return static_cast<size_t>(height) * static_cast<size_t>(width); }
};

Size size_of(const py::object &owner, const char *function) {
  const py::array array = as_array(owner, function, "owner");
  if (array.ndim() != 2 || array.shape(0) > MIEN_FLOW_MAX_SIDE || array.shape(1) > MIEN_FLOW_MAX_SIDE) {
    raise(MIEN_E_SHAPE, function, "owner must be (height, width), each at most 1024");
  }
  return {static_cast<int32_t>(array.shape(0)), static_cast<int32_t>(array.shape(1))};
}

// An (H, W, 3) uint8 array.
mien_picture picture_of(const py::object &object, const char *function, const char *name) {
  const py::array array = as_array(object, function, name);
  if (array.ndim() != 3 || array.shape(2) != 3 || array.shape(0) > MIEN_MAX_EXTENT ||
      array.shape(1) > MIEN_MAX_EXTENT) {
    raise(MIEN_E_SHAPE, function, std::string(name) + " must be (height, width, 3)");
  }
  const View<uint8_t> bytes = view<uint8_t>(object, 3, Access::kRead, function, name);
  return {sizeof(mien_picture), static_cast<int32_t>(array.shape(1)), static_cast<int32_t>(array.shape(0)), bytes.data,
          3 * static_cast<int64_t>(array.shape(1))};
}

void mesh_rasterise(const py::object &points, const py::object &triangles, const py::object &attributes,
                    const py::object &planes, const py::object &owner, const py::object &scratch) {
  constexpr const char *kFunction = "mesh_rasterise";
  const View<float> p = view<float>(points, 3, Access::kRead, kFunction, "points");
  const View<int32_t> t = view<int32_t>(triangles, 3, Access::kRead, kFunction, "triangles");
  const py::array named = as_array(attributes, kFunction, "attributes");
  const size_t columns = named.ndim() == 2 ? static_cast<size_t>(named.shape(1)) : 0;
  if (columns < 1 || columns > MIEN_MESH_MAX_ATTRIBUTES) {
    raise(MIEN_E_SHAPE, kFunction, "attributes must be (vertices, 1..16)");
  }
  const View<float> a = view<float>(attributes, columns, Access::kRead, kFunction, "attributes");
  expect_rows(a.rows, p.rows, kFunction, "attributes");
  const Size size = size_of(owner, kFunction);
  const View<int32_t> o = view<int32_t>(owner, 0, Access::kWrite, kFunction, "owner");
  const View<float> out = view<float>(planes, 0, Access::kWrite, kFunction, "planes");
  expect_rows(out.rows, columns * size.pixels(), kFunction, "planes");
  const View<float> s = view<float>(scratch, 0, Access::kWrite, kFunction, "scratch");
  expect_rows(s.rows, 4 * size.pixels(), kFunction, "scratch");
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_mesh_rasterise(p.data, p.rows, t.data, t.rows, a.data, static_cast<int32_t>(columns), size.width,
                                 size.height, out.data, o.data, s.data);
  }
  check(status, kFunction);
}

void flow_extend(const py::object &flow, const py::object &owner, const py::object &scratch) {
  constexpr const char *kFunction = "flow_extend";
  const Size size = size_of(owner, kFunction);
  const View<int32_t> o = view<int32_t>(owner, 0, Access::kRead, kFunction, "owner");
  const View<float> f = view<float>(flow, 0, Access::kWrite, kFunction, "flow");
  expect_rows(f.rows, 2 * size.pixels(), kFunction, "flow");
  const View<float> s = view<float>(scratch, 0, Access::kWrite, kFunction, "scratch");
  expect_rows(s.rows, 4 * size.pixels(), kFunction, "scratch");
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_flow_extend(f.data, f.data + size.pixels(), o.data, size.width, size.height, s.data);
  }
  check(status, kFunction);
}

void flow_warp(const py::object &source, const py::object &flow, const py::object &out) {
  constexpr const char *kFunction = "flow_warp";
  const mien_picture picture = picture_of(source, kFunction, "source");
  const py::array named = as_array(flow, kFunction, "flow");
  if (named.ndim() != 3 || named.shape(0) != 2 || named.shape(1) > MIEN_FLOW_MAX_SIDE ||
      named.shape(2) > MIEN_FLOW_MAX_SIDE) {
    raise(MIEN_E_SHAPE, kFunction, "flow must be (2, height, width), each at most 1024");
  }
  const Size size{static_cast<int32_t>(named.shape(1)), static_cast<int32_t>(named.shape(2))};
  const View<float> f = view<float>(flow, 0, Access::kRead, kFunction, "flow");
  const View<float> o = view<float>(out, 0, Access::kWrite, kFunction, "out");
  expect_rows(o.rows, 3 * size.pixels(), kFunction, "out");
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_flow_warp(&picture, f.data, f.data + size.pixels(), size.width, size.height, o.data);
  }
  check(status, kFunction);
}

void flow_compose(const py::object &source, double scale, double x0, double y0, const py::object &flow,
                  const py::object &keep, const py::object &change, const py::object &feather, const py::object &out) {
  constexpr const char *kFunction = "flow_compose";
  const mien_picture picture = picture_of(source, kFunction, "source");
  const Size size = size_of(feather, kFunction);
  const View<float> soft = view<float>(feather, 0, Access::kRead, kFunction, "feather");
  const View<float> f = view<float>(flow, 0, Access::kRead, kFunction, "flow");
  expect_rows(f.rows, 2 * size.pixels(), kFunction, "flow");
  const View<float> k = view<float>(keep, 0, Access::kRead, kFunction, "keep");
  expect_rows(k.rows, size.pixels(), kFunction, "keep");
  const View<float> c = view<float>(change, 0, Access::kRead, kFunction, "change");
  expect_rows(c.rows, 3 * size.pixels(), kFunction, "change");
  const mien_picture target = picture_of(out, kFunction, "out");
  const View<uint8_t> bytes = view<uint8_t>(out, 3, Access::kWrite, kFunction, "out");
  if (target.width != picture.width || target.height != picture.height || bytes.data == picture.pixels) {
    raise(MIEN_E_SHAPE, kFunction, "out must be another picture of the source's size");
  }
  const double crop[3] = {scale, x0, y0};
  const mien_refined refined{sizeof(mien_refined),   size.width, size.height, f.data,
                             f.data + size.pixels(), k.data,     c.data,      soft.data};
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_flow_compose(&picture, crop, &refined, bytes.data, target.stride);
  }
  check(status, kFunction);
}

}  // namespace

void bind_reenact(py::module_ &module) {
  module.def("mesh_rasterise", &mesh_rasterise, py::arg("points"), py::arg("triangles"), py::arg("attributes"),
             py::arg("planes"), py::arg("owner"), py::arg("scratch"));
  module.def("flow_extend", &flow_extend, py::arg("flow"), py::arg("owner"), py::arg("scratch"));
  module.def("flow_warp", &flow_warp, py::arg("source"), py::arg("flow"), py::arg("out"));
  module.def("flow_compose", &flow_compose, py::arg("source"), py::arg("scale"), py::arg("x0"), py::arg("y0"),
             py::arg("flow"), py::arg("keep"), py::arg("change"), py::arg("feather"), py::arg("out"));
}

}  // namespace mien::bindings
