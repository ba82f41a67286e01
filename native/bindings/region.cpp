// Crops of faces and who is who: the tracker's geometry, for tasks in Python and for training.
#include "tracker/region.h"

#include <pybind11/stl.h>

#include <optional>
#include <vector>

#include "arrays.h"
#include "bundle/json.h"
#include "bundle/section.h"
#include "tracker/identities.h"

namespace mien::bindings {
namespace {

using tracker::Box;
using tracker::Crop;
using tracker::Identities;
using tracker::Region;

bool is_corner(const std::string &align, const char *function) {
  if (align == "corner") return true;
  if (align == "center") return false;
  raise(MIEN_E_ARGUMENT, function, "align must be corner or center, not '" + align + "'");
}

py::array_t<double> matrix(py::ssize_t rows, py::ssize_t columns, const double *values) {
  py::array_t<double> out({rows, columns});
  std::copy_n(values, rows * columns, out.mutable_data());
  return out;
}

py::array_t<double> to_camera(const Region &region) {
  double values[9];
  for (size_t column = 0; column < 3; ++column) {
    const std::array<double, 3> turned = region.to_camera(column == 0, column == 1, column == 2);
    for (size_t row = 0; row < 3; ++row) values[3 * row + column] = turned[row];
  }
  return matrix(3, 3, values);
}

// Points (N, 2) or (N, 3) and room for as many.
struct Points {
  explicit Points(const py::object &object, const char *function) {
    const py::array array = as_array(object, function, "points");
    dims = array.ndim() == 2 && array.shape(1) == 3 ? 3 : 2;
    rows = view<float>(object, static_cast<size_t>(dims), Access::kRead, function, "points");
    scratch.resize(rows.rows * static_cast<size_t>(dims));
  }

  int dims;
  View<float> rows;
  std::vector<float> scratch;
};

void check_turn(const Crop &crop, const Points &points, const char *function) {
  if (crop.turns && std::max(crop.right, crop.left) >= points.rows.rows) {
    raise(MIEN_E_ARGUMENT, function, "there are fewer points than the crop is turned by");
  }
}

Region region(const Crop &crop, const Box &box, const py::object &object) {
  Points points(object, "Crop.region");
  check_turn(crop, points, "Crop.region");
  return refusing(
      [&] { return crop.region(box, points.rows.data, points.rows.rows, points.dims, points.scratch.data()); });
}

Region next(const Crop &crop, const Region &before, const Box &box, const py::object &object) {
  Points points(object, "Crop.next");
  check_turn(crop, points, "Crop.next");
  return refusing(
      [&] { return crop.next(before, box, points.rows.data, points.rows.rows, points.dims, points.scratch.data()); });
}

Crop make_crop(const std::array<double, 2> &scale, bool square, const std::optional<std::array<int, 2>> &upright,
               bool turned_hull, double shift, double slack, double grid) {
  if (upright && ((*upright)[0] < 0 || (*upright)[1] < 0)) raise(MIEN_E_ARGUMENT, "Crop", "upright is below 0");
  if (turned_hull && !upright) raise(MIEN_E_ARGUMENT, "Crop", "an upright hull needs `upright`");
  Crop crop;
  crop.wide = scale[0], crop.high = scale[1];
  crop.square = square;
  crop.turns = upright.has_value();
  if (upright) crop.right = static_cast<size_t>((*upright)[0]), crop.left = static_cast<size_t>((*upright)[1]);
  crop.turned_hull = turned_hull;
  crop.shift = shift, crop.slack = slack, crop.grid = grid;
  return crop;
}

Crop parse(const std::string &json, const std::string &path, int points) {
  return refusing([&] {
    const bundle::Json object = bundle::parse_json(json);
    const bundle::Section section(object, path);
    const Crop crop(section, points);
    section.done();
    return crop;
  });
}

py::str describe(const Region &r) {
  return py::str("Region(cx={!r}, cy={!r}, width={!r}, height={!r}, rotation={!r})")
      .format(r.cx, r.cy, r.width, r.height, r.rotation);
}

}  // namespace

void bind_region(py::module_ &module) {
  py::class_<Region>(module, "Region")
      .def(py::init([](double cx, double cy, double width, double height, double rotation) {
             return Region{cx, cy, width, height, rotation};
           }),
           py::arg("cx"), py::arg("cy"), py::arg("width"), py::arg("height"), py::arg("rotation") = 0.0)
      .def_readonly("cx", &Region::cx)
      .def_readonly("cy", &Region::cy)
      .def_readonly("width", &Region::width)
      .def_readonly("height", &Region::height)
      .def_readonly("rotation", &Region::rotation)
      .def(
          "affine",
          [](const Region &r, int columns, int rows, const std::string &align) {
            return matrix(2, 3, r.affine(columns, rows, is_corner(align, "Region.affine")).data());
          },
          py::arg("columns"), py::arg("rows"), py::arg("align"))
      .def("toward", &Region::toward, py::arg("other"), py::arg("slack"))
      .def("on_grid", &Region::on_grid, py::arg("grid"))
      .def("to_camera", &to_camera)
      .def("__repr__", &describe)
      .def(
          "__eq__",
          [](const Region &r, const py::object &other) {
            return py::isinstance<Region>(other) && r == py::cast<const Region &>(other);
          },
          py::arg("other"));
  py::class_<Crop>(module, "Crop")
      .def(py::init(&make_crop), py::arg("scale"), py::arg("square") = false, py::arg("upright") = py::none(),
           py::arg("turned_hull") = false, py::arg("shift") = 0.0, py::arg("slack") = 0.0, py::arg("grid") = 0.0)
      .def_static("parse", &parse, py::arg("json"), py::arg("path"), py::arg("points"))
      .def("region", &region, py::arg("box"), py::arg("points"))
      .def("next", &next, py::arg("region"), py::arg("box"), py::arg("points"));
  py::class_<Identities>(module, "Identities")
      .def(py::init())
      .def("forget", &Identities::forget)
      .def("assign", &Identities::assign, py::arg("boxes"), py::arg("t_ns"));
  module.def("overlap", &tracker::overlap, py::arg("a"), py::arg("b"));
  module.def(
      "whole_frame",
      [](int width, int height, int columns, int rows, const std::string &align) {
        return tracker::whole_frame(width, height, columns, rows, is_corner(align, "whole_frame"));
      },
      py::arg("width"), py::arg("height"), py::arg("columns"), py::arg("rows"), py::arg("align"));
}

}  // namespace mien::bindings
