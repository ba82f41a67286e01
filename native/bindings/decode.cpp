// Detection and heat map decoding over float32 arrays; a detection is a row of 21 floats, the C struct itself.
#include <pybind11/stl.h>

#include <vector>

#include "arrays.h"

namespace mien::bindings {
namespace {

constexpr size_t kColumns = 5 + 2 * MIEN_MAX_POINTS;
static_assert(sizeof(mien_detection) == kColumns * sizeof(float), "a detection is a row of floats");

View<mien_detection> detections(const py::object &object, const char *function) {
  const View<float> rows = view<float>(object, kColumns, Access::kWrite, function, "out");
  return {reinterpret_cast<mien_detection *>(rows.data), rows.rows};
}

size_t points_count(int32_t points, const char *function) {
  if (points < 0 || points > MIEN_MAX_POINTS) {
    raise(MIEN_E_ARGUMENT, function, "points must be 0.." + std::to_string(MIEN_MAX_POINTS));
  }
  return static_cast<size_t>(points);
}

void within(size_t count, size_t rows, const char *function) {
  if (count > rows) raise(MIEN_E_CAPACITY, function, "count is larger than the number of rows of out");
}

py::array_t<float> ssd_anchors(int32_t width, int32_t height, const std::vector<int32_t> &strides,
                               const std::vector<int32_t> &per_cell) {
  constexpr const char *kFunction = "ssd_anchors";
  expect_rows(per_cell.size(), strides.size(), kFunction, "per_cell");
  const int32_t layers = static_cast<int32_t>(strides.size());
  size_t count = 0;
  check(mien_ssd_anchors(width, height, strides.data(), per_cell.data(), layers, nullptr, 0, &count), kFunction);
  py::array_t<float> centers({static_cast<py::ssize_t>(count), py::ssize_t{2}});
  check(mien_ssd_anchors(width, height, strides.data(), per_cell.data(), layers, centers.mutable_data(), count, &count),
        kFunction);
  return centers;
}

size_t decode_ssd(const py::object &raw, const py::object &logits, const py::object &centers, int32_t points,
                  int32_t width, int32_t height, float clip, float min_score, const py::object &out) {
  constexpr const char *kFunction = "decode_ssd";
  const size_t columns = 4 + 2 * points_count(points, kFunction);
  const View<float> anchors = view<float>(centers, 2, Access::kRead, kFunction, "centers");
  const View<float> boxes = view<float>(raw, columns, Access::kRead, kFunction, "raw");
  const View<float> scores = view<float>(logits, 0, Access::kRead, kFunction, "logits");
  expect_rows(boxes.rows, anchors.rows, kFunction, "raw");
  expect_rows(scores.rows, anchors.rows, kFunction, "logits");
  const View<mien_detection> target = detections(out, kFunction);
  size_t count = 0;
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_decode_ssd(boxes.data, scores.data, anchors.data, anchors.rows, points, width, height, clip,
                             min_score, target.data, target.rows, &count);
  }
  check(status, kFunction);
  return count;
}

size_t decode_grid(const py::object &cls, const py::object &obj, const py::object &box, const py::object &point,
                   int32_t columns, int32_t rows, int32_t stride, int32_t points, float min_score,
                   const py::object &out, size_t count) {
  constexpr const char *kFunction = "decode_grid";
  const size_t cells = static_cast<size_t>(columns > 0 ? columns : 0) * static_cast<size_t>(rows > 0 ? rows : 0);
  const size_t each = 2 * points_count(points, kFunction);
  const View<float> classes = view<float>(cls, 0, Access::kRead, kFunction, "cls");
  const View<float> objects = view<float>(obj, 0, Access::kRead, kFunction, "obj");
  const View<float> boxes = view<float>(box, 0, Access::kRead, kFunction, "box");
  expect_rows(classes.rows, cells, kFunction, "cls");
  expect_rows(objects.rows, cells, kFunction, "obj");
  expect_rows(boxes.rows, 4 * cells, kFunction, "box");
  const float *landmarks = nullptr;
  if (points > 0) {
    const View<float> given = view<float>(point, 0, Access::kRead, kFunction, "point");
    expect_rows(given.rows, each * cells, kFunction, "point");
    landmarks = given.data;
  }
  const View<mien_detection> target = detections(out, kFunction);
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_decode_grid(classes.data, objects.data, boxes.data, landmarks, columns, rows, stride, points,
                              min_score, target.data, target.rows, &count);
  }
  check(status, kFunction);
  return count;
}

size_t nms(const py::object &out, size_t count, int32_t points, float iou, const std::string &mode) {
  constexpr const char *kFunction = "nms";
  const View<mien_detection> target = detections(out, kFunction);
  within(count, target.rows, kFunction);
  if (mode != "hard" && mode != "weighted") raise(MIEN_E_ARGUMENT, kFunction, "mode must be hard or weighted");
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_nms(target.data, &count, points, iou, mode == "hard" ? MIEN_NMS_HARD : MIEN_NMS_WEIGHTED);
  }
  check(status, kFunction);
  return count;
}

void detections_map(const py::object &out, size_t count, int32_t points, const py::object &affine) {
  constexpr const char *kFunction = "detections_map";
  const View<mien_detection> target = detections(out, kFunction);
  within(count, target.rows, kFunction);
  const double *map = affine_of(affine, kFunction);
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_detections_map(target.data, count, points, map);
  }
  check(status, kFunction);
}

void decode_heatmap(const py::object &maps, int32_t points, int32_t columns, int32_t rows, float slope, int32_t width,
                    int32_t height, const py::object &out_xy, const py::object &out_score) {
  constexpr const char *kFunction = "decode_heatmap";
  const View<float> heat = view<float>(maps, 0, Access::kRead, kFunction, "maps");
  if (points < 1 || columns < 1 || rows < 1) raise(MIEN_E_ARGUMENT, kFunction, "points, columns and rows must be >= 1");
  const size_t count = static_cast<size_t>(points);
  expect_rows(heat.rows, 3 * count * static_cast<size_t>(columns) * static_cast<size_t>(rows), kFunction, "maps");
  const View<float> xy = view<float>(out_xy, 2, Access::kWrite, kFunction, "out_xy");
  const View<float> score = view<float>(out_score, 0, Access::kWrite, kFunction, "out_score");
  if (xy.rows < count || score.rows < count) {
    raise(MIEN_E_CAPACITY, kFunction, "out_xy and out_score must hold " + std::to_string(count) + " points");
  }
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_decode_heatmap(heat.data, points, columns, rows, slope, width, height, xy.data, score.data);
  }
  check(status, kFunction);
}

}  // namespace

void bind_decode(py::module_ &module) {
  module.attr("MAX_POINTS") = MIEN_MAX_POINTS;
  module.attr("DETECTION_COLUMNS") = kColumns;
  module.def("ssd_anchors", &ssd_anchors, py::arg("width"), py::arg("height"), py::arg("strides"), py::arg("per_cell"));
  module.def("decode_ssd", &decode_ssd, py::arg("raw"), py::arg("logits"), py::arg("centers"), py::arg("points"),
             py::arg("width"), py::arg("height"), py::arg("clip"), py::arg("min_score"), py::arg("out"));
  module.def("decode_grid", &decode_grid, py::arg("cls"), py::arg("obj"), py::arg("box"), py::arg("point"),
             py::arg("columns"), py::arg("rows"), py::arg("stride"), py::arg("points"), py::arg("min_score"),
             py::arg("out"), py::arg("count"));
  module.def("nms", &nms, py::arg("out"), py::arg("count"), py::arg("points"), py::arg("iou"), py::arg("mode"));
  module.def("detections_map", &detections_map, py::arg("out"), py::arg("count"), py::arg("points"), py::arg("affine"));
  module.def("decode_heatmap", &decode_heatmap, py::arg("maps"), py::arg("points"), py::arg("columns"), py::arg("rows"),
             py::arg("slope"), py::arg("width"), py::arg("height"), py::arg("out_xy"), py::arg("out_score"));
}

}  // namespace mien::bindings
