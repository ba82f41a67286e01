// Checked, borrowed views of NumPy arrays, and errors as Python exceptions. Nothing here converts or copies: an array
// that does not have the right dtype, shape or order is an error.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "mien/mien.h"
#include "refusal.h"

namespace mien::bindings {

namespace py = pybind11;

// Raises mien.errors.from_native(status, function, text).
[[noreturn]] void raise(mien_status status, const char *function, const std::string &text);

// Raises if `status` is not MIEN_OK.
void check(mien_status status, const char *function);

// Raises mien.errors.from_refusal(status, text, unread).
[[noreturn]] void raise_refusal(mien_status status, const char *text, bool unread);

// The array behind `object`, or an error that names `name`.
py::array as_array(const py::handle &object, const char *function, const char *name);

// A C-contiguous array of T. `columns` is the extent of the last axis (0: the array is flat, any number of axes).
template <typename T>
struct View {
  T *data = nullptr;
  size_t rows = 0;  // elements / max(columns, 1)
};

enum class Access { kRead, kWrite };

template <typename T>
View<T> view(const py::handle &object, size_t columns, Access access, const char *function, const char *name);

// As view, for arguments that may be None (data is then null). The number of rows must be `rows`.
template <typename T>
const T *optional(const py::handle &object, size_t rows, const char *function, const char *name);

// Raises unless `rows` is `expected`.
void expect_rows(size_t rows, size_t expected, const char *function, const char *name);

// Six float64 of a (2, 3) array.
const double *affine_of(const py::handle &object, const char *function);

// The image behind a Python `Image`, which must outlive its use.
const mien_image &image_of(const py::handle &object);

// Calls `work`; a Refusal that it throws is raised.
template <class Work>
auto refusing(const Work &work) -> decltype(work()) {
  try {
    return work();
  } catch (const Unread &refusal) {
    raise_refusal(refusal.status(), refusal.what(), true);
  } catch (const Refusal &refusal) {
    raise_refusal(refusal.status(), refusal.what(), false);
  }
}

void bind_image(py::module_ &module);
void bind_decode(py::module_ &module);
void bind_geometry(py::module_ &module);
void bind_filter(py::module_ &module);
void bind_imu(py::module_ &module);
void bind_reenact(py::module_ &module);
void bind_region(py::module_ &module);
void bind_tracker(py::module_ &module);

}  // namespace mien::bindings
