// Checks of NumPy arrays at the border of the native core.
#include "arrays.h"

#include "mien/mien.h"

namespace mien::bindings {

void raise(mien_status status, const char *function, const std::string &text) {
  const py::object error =
      py::module_::import("mien.errors").attr("from_native")(static_cast<int>(status), function, text);
  PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
  throw py::error_already_set();
}

void raise_refusal(mien_status status, const char *text, bool unread) {
  const py::object error =
      py::module_::import("mien.errors").attr("from_refusal")(static_cast<int>(status), text, unread);
  PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
  throw py::error_already_set();
}

void check(mien_status status, const char *function) {
  if (status != MIEN_OK) raise(status, function, mien_status_text(status));
}

py::array as_array(const py::handle &object, const char *function, const char *name) {
  if (!py::isinstance<py::array>(object)) {
    raise(MIEN_E_ARGUMENT, function,
          std::string(name) + " must be a numpy array, not " +
              py::str(py::type::of(object).attr("__name__")).cast<std::string>());
  }
  return py::reinterpret_borrow<py::array>(object);
}

namespace {

std::string described(const py::array &array) {
  return py::str(array.dtype()).cast<std::string>() + " of shape " + py::str(array.attr("shape")).cast<std::string>();
}

}  // namespace

template <typename T>
View<T> view(const py::handle &object, size_t columns, Access access, const char *function, const char *name) {
  const py::array array = as_array(object, function, name);
  const std::string subject = std::string(name);
  // NumPy's bool is a byte of 0 or 1, so a mask may be either.
  const bool mask = sizeof(T) == 1 && array.dtype().kind() == 'b';
  if (!mask && !py::dtype::of<T>().equal(array.dtype())) {
    raise(MIEN_E_ARGUMENT, function,
          subject + " must be " + py::str(py::dtype::of<T>()).cast<std::string>() + ", not " + described(array));
  }
  if (columns > 0 && (array.ndim() < 2 || static_cast<size_t>(array.shape(array.ndim() - 1)) != columns)) {
    raise(MIEN_E_ARGUMENT, function,
          subject + " must have rows of " + std::to_string(columns) + ", not " + described(array));
  }
  if ((array.flags() & py::array::c_style) == 0) raise(MIEN_E_STRIDE, function, subject + " must be C-contiguous");
  if (access == Access::kWrite && !array.writeable()) raise(MIEN_E_ARGUMENT, function, subject + " must be writeable");
  if (reinterpret_cast<uintptr_t>(array.data()) % alignof(T) != 0) {
    raise(MIEN_E_STRIDE, function, subject + " must be aligned");
  }
  View<T> result;
  result.data = const_cast<T *>(static_cast<const T *>(array.data()));
  result.rows = static_cast<size_t>(array.size()) / (columns > 0 ? columns : 1);
  return result;
}

template <typename T>
const T *optional(const py::handle &object, size_t rows, const char *function, const char *name) {
  if (object.is_none()) return nullptr;
  const View<T> values = view<T>(object, 0, Access::kRead, function, name);
  expect_rows(values.rows, rows, function, name);
  return values.data;
}

void expect_rows(size_t rows, size_t expected, const char *function, const char *name) {
  if (rows != expected) {
    raise(MIEN_E_ARGUMENT, function,
          std::string(name) + " must have " + std::to_string(expected) + " entries, not " + std::to_string(rows));
  }
}

const double *affine_of(const py::handle &object, const char *function) {
  const View<double> affine = view<double>(object, 3, Access::kRead, function, "affine");
  expect_rows(affine.rows, 2, function, "affine");
  return affine.data;
}

template View<float> view<float>(const py::handle &, size_t, Access, const char *, const char *);
template View<double> view<double>(const py::handle &, size_t, Access, const char *, const char *);
template View<int32_t> view<int32_t>(const py::handle &, size_t, Access, const char *, const char *);
template View<int64_t> view<int64_t>(const py::handle &, size_t, Access, const char *, const char *);
template View<uint8_t> view<uint8_t>(const py::handle &, size_t, Access, const char *, const char *);
template const float *optional<float>(const py::handle &, size_t, const char *, const char *);
template const uint8_t *optional<uint8_t>(const py::handle &, size_t, const char *, const char *);

}  // namespace mien::bindings
