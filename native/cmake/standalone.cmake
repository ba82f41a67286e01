# The shared library `mien` and its CMake package, for programs in C and C++: find_package(mien) -> mien::mien.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(mien SHARED $<TARGET_OBJECTS:mien_core>)
target_include_directories(mien INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                          $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(mien PRIVATE $<BUILD_INTERFACE:mien_options>)
set_target_properties(mien PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
if(UNIX AND NOT APPLE AND NOT MIEN_SANITIZE)
  # std:: templates instantiated in the core would otherwise be exported as weak symbols.
  target_link_options(mien PRIVATE "LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/cmake/exports.map")
endif()
add_library(mien::mien ALIAS mien)

install(TARGETS mien EXPORT mien-targets)
install(FILES include/mien/mien.h include/mien/pipeline.h include/mien/imu.h
              include/mien/reenact.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mien)
install(EXPORT mien-targets NAMESPACE mien:: FILE mien-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mien)
# The engine plug-ins are there if they were built and installed.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/mien-config.cmake "include(\${CMAKE_CURRENT_LIST_DIR}/mien-targets.cmake)
include(\${CMAKE_CURRENT_LIST_DIR}/mien-openvino-targets.cmake OPTIONAL)
")
# pkg-config --cflags --libs mien; relative to the file, so that an installed tree may be moved.
file(RELATIVE_PATH _up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/mien.pc @ONLY CONTENT "prefix=\${pcfiledir}/@_up@
Name: mien
Description: Facial expression on the device
Version: @PROJECT_VERSION@
Cflags: -I\${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
Libs: -L\${prefix}/@CMAKE_INSTALL_LIBDIR@ -lmien
")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mien.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
write_basic_package_version_file(mien-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mien-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/mien-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mien)
