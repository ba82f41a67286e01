// Version and status texts of the C interface.
#include "mien/mien.h"

uint32_t mien_abi_version(void) {
  return MIEN_ABI_VERSION;
}

const char *mien_version(void) {
  return MIEN_VERSION;
}

const char *mien_status_text(mien_status status) {
  switch (status) {
    case MIEN_OK:
      return "done";
    case MIEN_E_ARGUMENT:
      return "a pointer is null, an enum value is unknown, or a number is out of range";
    case MIEN_E_STRUCT:
      return "struct_size is not one that this library knows";
    case MIEN_E_FORMAT:
      return "the pixel format is unknown or not usable here";
    case MIEN_E_SHAPE:
      return "width, height or parity is impossible for the format";
    case MIEN_E_STRIDE:
      return "a stride is negative or shorter than a row";
    case MIEN_E_CAPACITY:
      return "an output buffer is too small";
    case MIEN_E_NOT_FINITE:
      return "a value is NaN or infinite where a number is needed";
    case MIEN_E_TIME:
      return "the time is not after that of the call before";
    case MIEN_E_DEGENERATE:
      return "the fit does not follow from these points";
    case MIEN_E_MEMORY:
      return "memory could not be allocated";
    case MIEN_E_UNSUPPORTED:
      return "this processor or build does not have what was asked for";
    case MIEN_E_FILE:
      return "a file is missing or cannot be read";
    case MIEN_E_BUNDLE:
      return "the bundle is damaged or was altered";
    case MIEN_E_MANIFEST:
      return "the bundle's manifest is wrong, or asks for what this library does not do";
    case MIEN_E_ENGINE:
      return "the inference engine failed, or gave what the bundle does not promise";
    case MIEN_E_UNITS:
      return "the samples are not in m/s^2 and rad/s";
  }
  return "the status is unknown";
}
