# ARKit's names for the core, from the SDK's one table of names: pipeline/arkit_names.h in the build folder.
set(_table ${CMAKE_CURRENT_SOURCE_DIR}/../sdk/mien/data/layouts.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${_table})
file(READ ${_table} _layouts)
string(JSON _count LENGTH "${_layouts}" arkit52 names)
math(EXPR _last "${_count} - 1")
set(_names "")
foreach(_i RANGE ${_last})
  string(JSON _name GET "${_layouts}" arkit52 names ${_i})
  string(APPEND _names "    \"${_name}\",\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/generated/pipeline/arkit_names.h CONTENT
  "// Made by cmake/names.cmake from sdk/mien/data/layouts.json.\n#pragma once\n\nnamespace mien::pipeline {\n\nconstexpr const char *kArkitNames[] = {\n@_names@};\n\n}  // namespace mien::pipeline\n" @ONLY)
target_include_directories(mien_core PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated)
