// mien.h must compile as C++17, alone and first, and its structs must be plain memory.
#include <type_traits>

#include "mien/mien.h"

static_assert(std::is_standard_layout_v<mien_image> && std::is_trivial_v<mien_image>);
static_assert(std::is_standard_layout_v<mien_tensor> && std::is_trivial_v<mien_tensor>);
static_assert(std::is_standard_layout_v<mien_pose> && std::is_trivial_v<mien_pose>);
static_assert(sizeof(mien_detection) == 21 * sizeof(float));
static_assert(std::is_standard_layout_v<mien_engine> && std::is_trivial_v<mien_engine>);
static_assert(std::is_standard_layout_v<mien_face_state> && std::is_trivial_v<mien_face_state>);
