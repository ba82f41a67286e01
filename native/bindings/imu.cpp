// Motion sensors on the skin. As with the filters, every object has a mutex of its own: the GIL is released.
#include <cstring>
#include <memory>
#include <mutex>

#include "arrays.h"

namespace mien::bindings {
namespace {

class Imu {
 public:
  Imu(const py::object &places, const py::object &rotations, float rate) {
    const View<float> where = view<float>(places, 3, Access::kRead, "Imu", "places");
    const View<float> turned = view<float>(rotations, 4, Access::kRead, "Imu", "rotations");
    expect_rows(turned.rows, where.rows, "Imu", "rotations");
    count_ = where.rows;
    mien_imu *made = nullptr;
    check(mien_imu_create(where.data, turned.data, static_cast<int32_t>(count_), rate, &made), "Imu");
    imu_.reset(made);
    check(mien_imu_feature_count(made, &features_), "Imu");
  }

  size_t sensors() const { return count_; }
  size_t features() const { return features_; }

  void reset() {
    const py::gil_scoped_release unlocked;
    const std::lock_guard<std::mutex> lock(mutex_);
    mien_imu_reset(imu_.get());
  }

  int64_t process(const py::object &t_ns, const py::object &acc, const py::object &gyro, const py::object &step_ns,
                  const py::object &features) {
    constexpr const char *kFunction = "Imu.process";
    const Rows in = rows(t_ns, acc, gyro, kFunction);
    const View<int64_t> when = view<int64_t>(step_ns, 0, Access::kWrite, kFunction, "step_ns");
    const View<float> out = view<float>(features, features_, Access::kWrite, kFunction, "features");
    expect_rows(out.rows, when.rows, kFunction, "features");
    size_t steps = 0;
    mien_status status;
    {
      const py::gil_scoped_release unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      status = mien_imu_process(imu_.get(), in.t_ns, in.acc, in.gyro, in.count, when.data, out.data, out.rows, &steps);
    }
    if (status == MIEN_E_CAPACITY) return -static_cast<int64_t>(steps);
    bindings::check(status, kFunction);
    return static_cast<int64_t>(steps);
  }

  py::object calibration() {
    mien_imu_mounts mounts{};
    mounts.struct_size = sizeof mounts;
    mien_status status;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      status = mien_imu_calibration(imu_.get(), &mounts);
    }
    if (status == MIEN_E_DEGENERATE) return py::none();
    bindings::check(status, "Imu.calibration");
    py::dict out;
    out["known"] = copied<uint8_t>(mounts.known, 1);
    out["bias"] = copied<float>(mounts.bias[0], 3);
    out["rotation"] = copied<float>(mounts.rotation[0], 4);
    out["place"] = copied<float>(mounts.place[0], 3);
    out["tilt"] = copied<float>(mounts.tilt, 1);
    out["turned"] = copied<int32_t>(mounts.turned, 1);
    out["spread_acc"] = copied<float>(mounts.spread_acc, 1);
    out["spread_gyro"] = copied<float>(mounts.spread_gyro, 1);
    return out;
  }

  void calibrate(const py::object &known, const py::object &bias, const py::object &rotation, const py::object &place) {
    constexpr const char *kFunction = "Imu.calibrate";
    mien_imu_mounts mounts{};
    mounts.struct_size = sizeof mounts;
    mounts.sensors = static_cast<int32_t>(count_);
    take<uint8_t>(known, 0, 1, mounts.known, kFunction, "known");
    take<float>(bias, 3, 3, mounts.bias[0], kFunction, "bias");
    take<float>(rotation, 4, 4, mounts.rotation[0], kFunction, "rotation");
    take<float>(place, 3, 3, mounts.place[0], kFunction, "place");
    const std::lock_guard<std::mutex> lock(mutex_);
    bindings::check(mien_imu_calibrate(imu_.get(), &mounts), kFunction);
  }

  int32_t refine(const py::object &t_ns, const py::object &acc, const py::object &gyro) {
    constexpr const char *kFunction = "Imu.refine";
    const Rows in = rows(t_ns, acc, gyro, kFunction);
    int32_t corrected = 0;
    mien_status status;
    {
      const py::gil_scoped_release unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      status = mien_imu_refine(imu_.get(), in.t_ns, in.acc, in.gyro, in.count, &corrected);
    }
    bindings::check(status, kFunction);
    return corrected;
  }

  py::tuple health() {
    mien_imu_health health{};
    health.struct_size = sizeof health;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      bindings::check(mien_imu_check(imu_.get(), &health), "Imu.check");
    }
    py::array_t<uint32_t> faults(static_cast<py::ssize_t>(count_));
    std::memcpy(faults.mutable_data(), health.fault, count_ * sizeof(uint32_t));
    return py::make_tuple(health.units, faults);
  }

 private:
  struct Rows {
    const int64_t *t_ns;
    const float *acc, *gyro;
    size_t count;
  };
  struct Destroy {
    void operator()(mien_imu *imu) const { mien_imu_destroy(imu); }
  };

  Rows rows(const py::object &t_ns, const py::object &acc, const py::object &gyro, const char *function) const {
    const View<int64_t> when = view<int64_t>(t_ns, 0, Access::kRead, function, "t_ns");
    const View<float> a = view<float>(acc, 3, Access::kRead, function, "acc");
    const View<float> g = view<float>(gyro, 3, Access::kRead, function, "gyro");
    expect_rows(a.rows, when.rows * count_, function, "acc");
    expect_rows(g.rows, when.rows * count_, function, "gyro");
    return {when.data, a.data, g.data, when.rows};
  }

  template <typename T>
  py::array_t<T> copied(const T *values, size_t columns) const {
    const auto count = static_cast<py::ssize_t>(count_), width = static_cast<py::ssize_t>(columns);
    py::array_t<T> out(columns == 1 ? std::vector<py::ssize_t>{count} : std::vector<py::ssize_t>{count, width});
    std::memcpy(out.mutable_data(), values, count_ * columns * sizeof(T));
    return out;
  }

  template <typename T>
  void take(const py::object &values, size_t columns, size_t width, T *out, const char *function, const char *name) {
    const View<T> given = view<T>(values, columns, Access::kRead, function, name);
    expect_rows(given.rows, count_, function, name);
    std::memcpy(out, given.data, count_ * width * sizeof(T));
  }

  std::unique_ptr<mien_imu, Destroy> imu_;
  size_t count_ = 0, features_ = 0;
  std::mutex mutex_;
};

}  // namespace

void bind_imu(py::module_ &module) {
  py::class_<Imu>(module, "Imu")
      .def(py::init<const py::object &, const py::object &, float>(), py::arg("places"), py::arg("rotations"),
           py::arg("rate"))
      .def_property_readonly("sensors", &Imu::sensors)
      .def_property_readonly("features", &Imu::features)
      .def("reset", &Imu::reset)
      .def("process", &Imu::process, py::arg("t_ns"), py::arg("acc"), py::arg("gyro"), py::arg("step_ns"),
           py::arg("features"))
      .def("calibration", &Imu::calibration)
      .def("calibrate", &Imu::calibrate, py::arg("known"), py::arg("bias"), py::arg("rotation"), py::arg("place"))
      .def("refine", &Imu::refine, py::arg("t_ns"), py::arg("acc"), py::arg("gyro"))
      .def("check", &Imu::health);
}

}  // namespace mien::bindings
