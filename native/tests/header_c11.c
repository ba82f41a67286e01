/* mien.h must compile as C11, alone and first. */
#include "mien/mien.h"

int mien_header_c11(void);

int mien_header_c11(void) {
  mien_image image = {.struct_size = sizeof image, .format = MIEN_FORMAT_NV12};
  mien_tensor tensor = {.struct_size = sizeof tensor, .dtype = MIEN_I8};
  mien_pose pose = {.struct_size = sizeof pose};
  mien_detection detection = {.score = 1.0f};
  mien_engine engine = {.struct_size = sizeof engine, .name = "mine"};
  mien_pipeline_options options = {.struct_size = sizeof options, .flags = MIEN_PIPELINE_NO_TRACKING};
  mien_face_state state = {.struct_size = sizeof state, .landmarks = NULL};
  if (engine.struct_size + options.struct_size + state.struct_size == 0) return 0;
  return (int)(image.struct_size + tensor.struct_size + pose.struct_size) + (int)detection.score;
}
