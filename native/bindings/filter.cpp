// Filters. The C handles are for one thread at a time; since the GIL is released around each call, every object here
// has a mutex of its own.
#include <memory>
#include <mutex>

#include "arrays.h"

namespace mien::bindings {
namespace {

// A partial overlap would read what was just written.
void expect_same_or_apart(const float *in, const float *out, size_t count, const char *function) {
  if (in != out && in < out + count && out < in + count) {
    raise(MIEN_E_ARGUMENT, function, "out overlaps values without being the same array");
  }
}

class OneEuro {
 public:
  OneEuro(const py::object &min_cutoff, const py::object &beta, float derivative_cutoff, bool settle, bool catch_up) {
    const View<float> cutoffs = view<float>(min_cutoff, 0, Access::kRead, "OneEuro", "min_cutoff");
    const View<float> betas = view<float>(beta, 0, Access::kRead, "OneEuro", "beta");
    expect_rows(betas.rows, cutoffs.rows, "OneEuro", "beta");
    count_ = cutoffs.rows;
    mien_one_euro *made = nullptr;
    check(mien_one_euro_create(count_, cutoffs.data, betas.data, derivative_cutoff, &made), "OneEuro");
    filter_.reset(made);
    check(mien_one_euro_settle(made, settle ? 1 : 0), "OneEuro");
    check(mien_one_euro_catch_up(made, catch_up ? 1 : 0), "OneEuro");
  }

  void reset() {
    const py::gil_scoped_release unlocked;
    const std::lock_guard<std::mutex> lock(mutex_);
    mien_one_euro_reset(filter_.get());
  }

  void apply(int64_t t_ns, const py::object &values, const py::object &out, const py::object &valid,
             float value_scale) {
    constexpr const char *kFunction = "OneEuro.apply";
    const View<float> in = view<float>(values, 0, Access::kRead, kFunction, "values");
    const View<float> target = view<float>(out, 0, Access::kWrite, kFunction, "out");
    expect_rows(in.rows, count_, kFunction, "values");
    expect_rows(target.rows, count_, kFunction, "out");
    expect_same_or_apart(in.data, target.data, count_, kFunction);
    const uint8_t *mask = optional<uint8_t>(valid, count_, kFunction, "valid");
    mien_status status;
    {
      const py::gil_scoped_release unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      status = mien_one_euro_apply(filter_.get(), t_ns, value_scale, in.data, mask, target.data);
    }
    check(status, kFunction);
  }

  size_t count() const { return count_; }

 private:
  struct Destroy {
    void operator()(mien_one_euro *filter) const { mien_one_euro_destroy(filter); }
  };
  std::unique_ptr<mien_one_euro, Destroy> filter_;
  std::mutex mutex_;
  size_t count_ = 0;
};

class Hold {
 public:
  Hold(size_t count, int64_t hold_ns) : count_(count) {
    mien_hold *made = nullptr;
    check(mien_hold_create(count, hold_ns, &made), "Hold");
    filter_.reset(made);
  }

  void reset() {
    const py::gil_scoped_release unlocked;
    const std::lock_guard<std::mutex> lock(mutex_);
    mien_hold_reset(filter_.get());
  }

  void apply(int64_t t_ns, const py::object &values, const py::object &valid, const py::object &out,
             const py::object &out_valid) {
    constexpr const char *kFunction = "Hold.apply";
    const View<float> in = view<float>(values, 0, Access::kRead, kFunction, "values");
    const View<uint8_t> mask = view<uint8_t>(valid, 0, Access::kRead, kFunction, "valid");
    const View<float> target = view<float>(out, 0, Access::kWrite, kFunction, "out");
    const View<uint8_t> target_mask = view<uint8_t>(out_valid, 0, Access::kWrite, kFunction, "out_valid");
    expect_rows(in.rows, count_, kFunction, "values");
    expect_rows(mask.rows, count_, kFunction, "valid");
    expect_rows(target.rows, count_, kFunction, "out");
    expect_rows(target_mask.rows, count_, kFunction, "out_valid");
    expect_same_or_apart(in.data, target.data, count_, kFunction);
    mien_status status;
    {
      const py::gil_scoped_release unlocked;
      const std::lock_guard<std::mutex> lock(mutex_);
      status = mien_hold_apply(filter_.get(), t_ns, in.data, mask.data, target.data, target_mask.data);
    }
    check(status, kFunction);
  }

  size_t count() const { return count_; }

 private:
  struct Destroy {
    void operator()(mien_hold *filter) const { mien_hold_destroy(filter); }
  };
  std::unique_ptr<mien_hold, Destroy> filter_;
  std::mutex mutex_;
  size_t count_;
};

void constrain(const py::object &values, const py::object &valid, float low, float high, const py::object &lower,
               const py::object &upper) {
  constexpr const char *kFunction = "constrain";
  const View<float> target = view<float>(values, 0, Access::kWrite, kFunction, "values");
  const uint8_t *mask = optional<uint8_t>(valid, target.rows, kFunction, "valid");
  const View<int32_t> below = view<int32_t>(lower, 0, Access::kRead, kFunction, "lower");
  const View<int32_t> above = view<int32_t>(upper, 0, Access::kRead, kFunction, "upper");
  expect_rows(above.rows, below.rows, kFunction, "upper");
  mien_status status;
  {
    const py::gil_scoped_release unlocked;
    status = mien_constrain(target.data, mask, target.rows, low, high, below.data, above.data, below.rows);
  }
  check(status, kFunction);
}

}  // namespace

void bind_filter(py::module_ &module) {
  py::class_<OneEuro>(module, "OneEuro")
      .def(py::init<const py::object &, const py::object &, float, bool, bool>(), py::arg("min_cutoff"),
           py::arg("beta"), py::arg("derivative_cutoff"), py::arg("settle") = false, py::arg("catch_up") = false)
      .def_property_readonly("count", &OneEuro::count)
      .def("reset", &OneEuro::reset)
      .def("apply", &OneEuro::apply, py::arg("t_ns"), py::arg("values"), py::arg("out"), py::arg("valid") = py::none(),
           py::arg("value_scale") = 1.0f);
  py::class_<Hold>(module, "Hold")
      .def(py::init<size_t, int64_t>(), py::arg("count"), py::arg("hold_ns"))
      .def_property_readonly("count", &Hold::count)
      .def("reset", &Hold::reset)
      .def("apply", &Hold::apply, py::arg("t_ns"), py::arg("values"), py::arg("valid"), py::arg("out"),
           py::arg("out_valid"));
  module.def("constrain", &constrain, py::arg("values"), py::arg("valid"), py::arg("low"), py::arg("high"),
             py::arg("lower"), py::arg("upper"));
}

}  // namespace mien::bindings
