// The tracker. What Python runs for it are networks; everything else about faces happens in here.
#include "tracker/tracker.h"

#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrays.h"

namespace mien::bindings {
namespace {

using tracker::Face;
using tracker::Model;
using tracker::Settings;

// A bundle that Python has opened and checked: its path, its manifest's text, its members. Nothing is copied; both
// objects must outlive the bundle.
bundle::Bundle opened(const std::string &path, const std::string &manifest, const py::dict &blobs) {
  std::map<std::string, bundle::Bytes> members;
  for (const auto &[name, blob] : blobs) {
    const py::buffer_info info = py::cast<py::buffer>(blob).request();
    members[py::cast<std::string>(name)] = {static_cast<const uint8_t *>(info.ptr),
                                            static_cast<size_t>(info.size * info.itemsize)};
  }
  return bundle::Bundle(path, manifest, std::move(members));
}

using Source = std::tuple<std::string, std::string, py::dict>;

std::shared_ptr<const Model> make_model(const Source &source, const std::optional<Source> &beside) {
  return refusing([&] {
    const bundle::Bundle own = opened(std::get<0>(source), std::get<1>(source), std::get<2>(source));
    if (!beside) return std::make_shared<const Model>(own, nullptr);
    const bundle::Bundle other = opened(std::get<0>(*beside), std::get<1>(*beside), std::get<2>(*beside));
    return std::make_shared<const Model>(own, &other);
  });
}

std::vector<std::pair<std::string, bool>> networks(const Model &model) {
  std::vector<std::pair<std::string, bool>> out;
  for (const Model::Wanted &wanted : model.networks()) out.emplace_back(wanted.network.name(), wanted.beside);
  return out;
}

template <class T, class From>
py::array_t<T> array_of(const From *values, std::vector<py::ssize_t> shape) {
  py::array_t<T> out(std::move(shape));
  std::copy_n(values, out.size(), out.mutable_data());
  return out;
}

// An array that states share.
template <class T, class From>
py::array_t<T> kept(const From *values, std::vector<py::ssize_t> shape) {
  py::array_t<T> out = array_of<T>(values, std::move(shape));
  out.attr("setflags")(py::arg("write") = false);
  return out;
}

py::dict named(const std::vector<std::string> &names, const float *values) {
  py::dict out;
  for (size_t i = 0; i < names.size(); ++i) out[py::str(names[i])] = static_cast<double>(values[i]);
  return out;
}

// One stream, and a mutex, since the GIL is released around each step.
class Tracker {
 public:
  Tracker(std::shared_ptr<const Model> model, size_t max_faces, bool tracking, bool smoothing)
      : model_(std::move(model)), tracker_(model_, {max_faces, tracking, smoothing}) {}

  void begin(const py::object &image, int64_t t_ns) {
    const mien_image &frame = image_of(image);
    frame_ = image;  // borrowed until nothing is wanted any more
    refusing([&] { unlocked([&] { tracker_.begin(frame, t_ns); }); });
  }

  // The number of the network that is to be run, or None.
  std::optional<size_t> wants() {
    const bool more = refusing([&] { return unlocked([&] { return tracker_.wants(); }); });
    if (more) return tracker_.wanted();
    frame_ = py::none();
    return std::nullopt;
  }

  void answer(const py::dict &outputs) {
    std::vector<Values> held;  // alive while they are read
    tracker::Outputs given;
    for (const bundle::Port &port : model_->networks()[tracker_.wanted()].network.outputs()) {
      const py::str name(port.name);
      held.push_back(outputs.contains(name) ? Values::ensure(outputs[name]) : Values());
      if (!held.back() || static_cast<size_t>(held.back().size()) != port.count) {
        raise(MIEN_E_ARGUMENT, "Tracker.answer", port.name + " is not an array of the promised size");
      }
      given.push_back(held.back().data());
    }
    refusing([&] { unlocked([&] { tracker_.answer(given); }); });
  }

  // The memory of a network's inputs: name -> array, the same ones for as long as the tracker lives.
  static py::dict inputs(const py::object &self, size_t network) {
    Tracker &own = py::cast<Tracker &>(self);
    const std::vector<bundle::Port> &ports = own.model_->networks().at(network).network.inputs();
    py::dict out;
    for (size_t i = 0; i < ports.size(); ++i) {
      const std::vector<py::ssize_t> shape(ports[i].shape.begin(), ports[i].shape.end());
      out[py::str(ports[i].name)] =
          py::array(py::dtype(ports[i].dtype), shape, own.tracker_.inputs(network).data(i), self);
    }
    return out;
  }

  // For each face of the frame the fields of its FaceState, but t_ns, layout and stale; `head` as a tuple.
  py::list faces() const {
    py::list out;
    for (const Face &face : tracker_.faces()) out.append(fields(face));
    return out;
  }

 private:
  using Values = py::array_t<float, py::array::c_style | py::array::forcecast>;

  template <class Work>
  auto unlocked(const Work &work) -> decltype(work()) {
    const py::gil_scoped_release free;
    const std::lock_guard<std::mutex> turn(turn_);
    return work();
  }

  py::dict fields(const Face &face) const {
    constexpr py::ssize_t kArkit = MIEN_ARKIT_COUNT;
    static const std::vector<float> kNothing(MIEN_ARKIT_COUNT, 0.0f);
    py::dict out;
    out["id"] = face.id;
    out["confidence"] = face.presence;
    out["box"] = py::make_tuple(face.box[0], face.box[1], face.box[2], face.box[3]);
    const py::ssize_t landmarks = static_cast<py::ssize_t>(face.landmarks.size() / 3);
    out["landmarks"] = kept<float>(face.landmarks.data(), {landmarks, 3});
    const bool given = !face.coefficients.empty();
    const py::array values = kept<float>(given ? face.coefficients.data() : kNothing.data(), {kArkit});
    out["values"] = values;
    out["raw"] = values;
    out["valid"] = array_of<bool>(face.valid.data(), {kArkit});
    if (face.coefficients.size() > MIEN_ARKIT_COUNT) out["extras"] = extras(face);
    if (!face.visibility.empty()) out["visibility"] = named(model_->regions(), face.visibility.data());
    if (model_->looks()) out["eyes"] = array_of<float>(face.eyes[0], {2, 2});
    if (face.has_gaze) out["gaze"] = array_of<float>(face.gaze[0], {2, 3});
    if (face.has_head) {
      const double *r = face.rotation, *t = face.translation;
      out["head"] =
          py::make_tuple(py::make_tuple(r[0], r[1], r[2], r[3]), py::make_tuple(t[0], t[1], t[2]), face.residual);
    }
    for (size_t i = 0; i < face.expression.size(); ++i) express(model_->expression()[i], face.expression[i], &out);
    return out;
  }

  py::dict extras(const Face &face) const {
    py::dict out;
    const std::vector<std::string> &names = model_->coefficients();
    for (size_t i = MIEN_ARKIT_COUNT; i < names.size(); ++i) {
      out[py::str(names[i])] = face.valid[i] != 0 ? static_cast<double>(face.coefficients[i]) : NAN;
    }
    return out;
  }

  static void express(const tracker::Expression::Output &output, const std::vector<float> &values, py::dict *out) {
    const py::str name(output.name);
    if (!output.values.empty()) {
      (*out)[name] = named(output.values, values.data());
    } else if (output.name == "affect") {
      (*out)["valence"] = static_cast<double>(values[0]);
      (*out)["arousal"] = static_cast<double>(values[1]);
    } else if (output.name == "unknown") {
      (*out)[name] = static_cast<double>(values[0]);
    } else if (output.name == "attention") {
      (*out)[name] = array_of<float>(values.data(), {output.shape[1], output.shape[2]});
    } else {
      (*out)[name] = array_of<float>(values.data(), {static_cast<py::ssize_t>(values.size())});
    }
  }

  std::shared_ptr<const Model> model_;
  tracker::Tracker tracker_;
  py::object frame_ = py::none();
  mutable std::mutex turn_;
};

}  // namespace

void bind_tracker(py::module_ &module) {
  py::class_<Model, std::shared_ptr<Model>>(module, "TrackerModel")
      .def(py::init([](const Source &source, const std::optional<Source> &beside) {
             return std::const_pointer_cast<Model>(make_model(source, beside));
           }),
           py::arg("bundle"), py::arg("beside") = py::none())
      .def_property_readonly("networks", &networks)
      .def_property_readonly("detects", &Model::detects)
      .def_property_readonly("landmarks", &Model::landmarks);
  module.def(
      "neighbour",
      [](const Source &source) -> std::optional<std::string> {
        return refusing(
            [&] { return tracker::neighbour(opened(std::get<0>(source), std::get<1>(source), std::get<2>(source))); });
      },
      py::arg("bundle"));
  py::class_<Tracker>(module, "Tracker")
      .def(py::init([](std::shared_ptr<Model> model, size_t max_faces, bool tracking, bool smoothing) {
             return std::make_unique<Tracker>(std::move(model), max_faces, tracking, smoothing);
           }),
           py::arg("model"), py::arg("max_faces") = 1, py::arg("tracking") = true, py::arg("smoothing") = true)
      .def("begin", &Tracker::begin, py::arg("image"), py::arg("t_ns"))
      .def("wants", &Tracker::wants)
      .def(
          "inputs", [](const py::object &self, size_t network) { return Tracker::inputs(self, network); },
          py::arg("network"))
      .def("answer", &Tracker::answer, py::arg("outputs"))
      .def("faces", &Tracker::faces);
}

}  // namespace mien::bindings
