# Tables for the core from the SDK's one place for them, data/: the layouts' names and the canonical faces that ship.
# They become tracker/tables.h in the build folder.
set(_data ${CMAKE_CURRENT_SOURCE_DIR}/../sdk/mien/data)
set(_arrays "")
set(_layouts "")
file(READ ${_data}/layouts.json _json)
string(JSON _members LENGTH "${_json}")
math(EXPR _last_member "${_members} - 1")
foreach(_m RANGE ${_last_member})
  string(JSON _layout MEMBER "${_json}" ${_m})
  if(_layout STREQUAL "source")
    continue()
  endif()
  string(JSON _count LENGTH "${_json}" ${_layout} arkit)
  math(EXPR _last "${_count} - 1")
  set(_names "")
  foreach(_i RANGE ${_last})
    string(JSON _name GET "${_json}" ${_layout} arkit ${_i})
    if(_name STREQUAL "")
      string(APPEND _names "    nullptr,\n")
    else()
      string(APPEND _names "    \"${_name}\",\n")
    endif()
  endforeach()
  string(APPEND _arrays "constexpr const char *kArkit_${_layout}[] = {\n${_names}};\n\n")
  string(APPEND _layouts "    {\"${_layout}\", kArkit_${_layout}, ${_count}},\n")
endforeach()
set(_faces "")
file(GLOB _canonical CONFIGURE_DEPENDS ${_data}/canonical_*.json)
foreach(_file ${_canonical})
  get_filename_component(_name ${_file} NAME_WE)
  string(REPLACE "canonical_" "" _name ${_name})
  file(READ ${_file} _json)
  string(JSON _count LENGTH "${_json}" points)
  math(EXPR _last "${_count} - 1")
  set(_rows "")
  foreach(_i RANGE ${_last})
    string(JSON _row GET "${_json}" points ${_i})
    string(REGEX REPLACE "[][ \n]" "" _row "${_row}")
    string(APPEND _rows "    ${_row},\n")
  endforeach()
  string(APPEND _arrays "constexpr float kCanonical_${_name}[] = {\n${_rows}};\n\n")
  string(APPEND _faces "    {\"${_name}\", kCanonical_${_name}, ${_count}},\n")
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${_data}/layouts.json ${_canonical})
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/generated/tracker/tables.h CONTENT
"// Made by cmake/names.cmake from sdk/mien/data.
#pragma once

#include <cstddef>

namespace mien::tracker {

@_arrays@// A layout: of each slot the ARKit coefficient that it carries, or NULL.
struct Layout {
  const char *name;
  const char *const *arkit;
  size_t count;
};
constexpr Layout kLayouts[] = {
@_layouts@};

// A face at rest: rows of x, y, z (centimetres), weight.
struct Canonical {
  const char *name;
  const float *rows;
  size_t count;
};
constexpr Canonical kCanonical[] = {
@_faces@};

}  // namespace mien::tracker
" @ONLY)
target_include_directories(mien_core PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated)
