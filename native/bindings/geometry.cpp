// Points, fits and poses.
#include "arrays.h"

namespace mien::bindings {
namespace {

struct Cloud {
  View<float> a, b;
  const float *weights;
};

// Two arrays with one row per point, and their weights.
Cloud cloud(const py::object &a, size_t a_columns, const char *a_name, const py::object &b, size_t b_columns,
            const char *b_name, const py::object &weights, const char *function) {
  Cloud c{};
  c.a = view<float>(a, a_columns, Access::kRead, function, a_name);
  c.b = view<float>(b, b_columns, Access::kRead, function, b_name);
  expect_rows(c.b.rows, c.a.rows, function, b_name);
  c.weights = optional<float>(weights, c.a.rows, function, "weights");
  return c;
}

void points_map(const py::object &points, const py::object &affine, float depth_scale, const py::object &out) {
  constexpr const char *kFunction = "points_map";
  const py::array array = as_array(points, kFunction, "points");
  const bool deep = array.ndim() == 2 && array.shape(1) == 3;
  const size_t dims = deep ? 3 : 2;
  const View<float> in = view<float>(points, dims, Access::kRead, kFunction, "points");
  const double *map = affine_of(affine, kFunction);
  const View<float> target = view<float>(out, dims, Access::kWrite, kFunction, "out");
  if (target.rows < in.rows) raise(MIEN_E_CAPACITY, kFunction, "out has fewer rows than points");
  // Equal arrays are fine; a partial overlap would read what was just written.
  const float *in_end = in.data + dims * in.rows, *out_end = target.data + dims * in.rows;
  if (in.data != target.data && in.data < out_end && target.data < in_end) {
    raise(MIEN_E_ARGUMENT, kFunction, "out overlaps points without being the same array");
  }
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_points_map(in.data, in.rows, static_cast<int32_t>(dims), map, depth_scale, target.data);
  }
  check(status, kFunction);
}

py::tuple points_box(const py::object &points) {
  constexpr const char *kFunction = "points_box";
  const py::array array = as_array(points, kFunction, "points");
  const size_t dims = array.ndim() == 2 && array.shape(1) == 3 ? 3 : 2;
  const View<float> in = view<float>(points, dims, Access::kRead, kFunction, "points");
  float box[4];
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_points_box(in.data, in.rows, static_cast<int32_t>(dims), box);
  }
  check(status, kFunction);
  return py::make_tuple(box[0], box[1], box[2], box[3]);
}

py::array_t<double> fit_similarity(const py::object &src, const py::object &dst, const py::object &weights) {
  constexpr const char *kFunction = "fit_similarity";
  const Cloud c = cloud(src, 2, "src", dst, 2, "dst", weights, kFunction);
  py::array_t<double> affine({2, 3});
  double *target = affine.mutable_data();
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_fit_similarity(c.a.data, c.b.data, c.weights, c.a.rows, target);
  }
  check(status, kFunction);
  return affine;
}

mien_pose empty_pose() {
  mien_pose pose{};
  pose.struct_size = sizeof pose;
  return pose;
}

mien_pose fit_rigid(const py::object &src, const py::object &dst, const py::object &weights, bool fixed_scale) {
  constexpr const char *kFunction = "fit_rigid";
  const Cloud c = cloud(src, 3, "src", dst, 3, "dst", weights, kFunction);
  mien_pose pose = empty_pose();
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_fit_rigid(c.a.data, c.b.data, c.weights, c.a.rows, fixed_scale ? 1 : 0, &pose);
  }
  check(status, kFunction);
  return pose;
}

mien_pose pose_from_depth(const py::object &landmarks, const py::object &canonical, const py::object &weights,
                          int32_t width, int32_t height, float fov_y) {
  constexpr const char *kFunction = "pose_from_depth";
  const Cloud c = cloud(landmarks, 3, "landmarks", canonical, 3, "canonical", weights, kFunction);
  mien_pose pose = empty_pose();
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_pose_from_depth(c.a.data, c.b.data, c.weights, c.a.rows, width, height, fov_y, &pose);
  }
  check(status, kFunction);
  return pose;
}

mien_pose pose_from_points(const py::object &points, const py::object &canonical, const py::object &weights,
                           int32_t width, int32_t height, float fov_y) {
  constexpr const char *kFunction = "pose_from_points";
  const Cloud c = cloud(points, 2, "points", canonical, 3, "canonical", weights, kFunction);
  mien_pose pose = empty_pose();
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_pose_from_points(c.a.data, c.b.data, c.weights, c.a.rows, width, height, fov_y, &pose);
  }
  check(status, kFunction);
  return pose;
}

}  // namespace

void bind_geometry(py::module_ &module) {
  py::class_<mien_pose>(module, "Pose")
      .def_property_readonly("scale", [](const mien_pose &p) { return p.scale; })
      .def_property_readonly(
          "rotation",
          [](const mien_pose &p) { return py::make_tuple(p.rotation[0], p.rotation[1], p.rotation[2], p.rotation[3]); })
      .def_property_readonly(
          "translation",
          [](const mien_pose &p) { return py::make_tuple(p.translation[0], p.translation[1], p.translation[2]); })
      .def_property_readonly("residual", [](const mien_pose &p) { return p.residual; });
  module.def("points_map", &points_map, py::arg("points"), py::arg("affine"), py::arg("depth_scale"), py::arg("out"));
  module.def("points_box", &points_box, py::arg("points"));
  module.def("fit_similarity", &fit_similarity, py::arg("src"), py::arg("dst"), py::arg("weights") = py::none());
  module.def("fit_rigid", &fit_rigid, py::arg("src"), py::arg("dst"), py::arg("weights") = py::none(),
             py::arg("fixed_scale") = false);
  module.def("pose_from_depth", &pose_from_depth, py::arg("landmarks"), py::arg("canonical"), py::arg("weights"),
             py::arg("width"), py::arg("height"), py::arg("fov_y"));
  module.def("pose_from_points", &pose_from_points, py::arg("points"), py::arg("canonical"), py::arg("weights"),
             py::arg("width"), py::arg("height"), py::arg("fov_y"));
}

}  // namespace mien::bindings
