/* Reads raw NV12 frames one behind the other and prints the state of the face in each as one line of JSON. C11, the C
 * interface of mien, and OpenVINO behind it.
 *
 *   ./face_states face.mien film.nv12 1280 720 [ns per frame [cache folder]]
 *
 * detect.mien, to which face.mien refers, must lie beside it. What was not measured is null.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mien/openvino.h"

static void print_numbers(const char *name, const float *values, size_t count, int measured) {
  printf(", \"%s\": ", name);
  if (!measured) {
    printf("null");
    return;
  }
  for (size_t i = 0; i < count; ++i) printf("%s%.9g", i == 0 ? "[" : ", ", (double)values[i]);
  printf("]");
}

static void print_named(const char *title, const char *const *names, const float *values, size_t count) {
  printf(", \"%s\": {", title);
  for (size_t i = 0; i < count; ++i) {
    printf("%s\"%s\": ", i == 0 ? "" : ", ", names[i]);
    if (isnan(values[i])) {
      printf("null");
    } else {
      printf("%.9g", (double)values[i]);
    }
  }
  printf("}");
}

static void print_state(const mien_face_state *state, const mien_pipeline_info *info) {
  const unsigned measured = state->measured;
  printf("{\"t_ns\": %lld, \"found\": %s, \"id\": %d, \"presence\": %.9g", (long long)state->t_ns,
         state->found ? "true" : "false", (int)state->id, (double)state->presence);
  print_numbers("box", state->box, 4, (measured & MIEN_HAS_LANDMARKS) != 0);
  print_named("coefficients", info->coefficient_names, state->coefficient, state->coefficient_count);
  print_named("visibility", info->region_names, state->visibility, state->region_count);
  print_numbers("rotation_xyzw", state->rotation, 4, (measured & MIEN_HAS_HEAD) != 0);
  print_numbers("translation_m", state->translation, 3, (measured & MIEN_HAS_HEAD) != 0);
  print_numbers("gaze", state->gaze[0], 6, (measured & MIEN_HAS_GAZE) != 0);
  print_numbers("eyes", state->eyes[0], 4, (measured & MIEN_HAS_EYES) != 0);
  print_numbers("landmarks", state->landmarks, 3 * (size_t)state->landmark_count,
                (measured & MIEN_HAS_LANDMARKS) != 0 && state->landmarks != NULL);
  printf("}\n");
}

/* All frames of the file; 0 if all went well. */
static int run(mien_pipeline *pipeline, FILE *film, int32_t width, int32_t height, int64_t step_ns) {
  mien_pipeline_info info = {.struct_size = sizeof info};
  if (mien_pipeline_describe(pipeline, &info) != MIEN_OK) return 1;
  const size_t luma = (size_t)width * (size_t)height, size = luma + luma / 2;
  unsigned char *pixels = malloc(size);
  float *landmarks = malloc(3 * info.landmark_count * sizeof *landmarks);
  int failed = pixels == NULL || landmarks == NULL;
  if (failed) fprintf(stderr, "out of memory\n");
  for (int64_t t_ns = 0; !failed && fread(pixels, 1, size, film) == size; t_ns += step_ns) {
    const mien_image frame = {
        .struct_size = sizeof frame,
        .format = MIEN_FORMAT_NV12,
        .width = width,
        .height = height,
        .plane = {pixels, pixels + luma},
        .stride = {width, width},
        .yuv_matrix = MIEN_YUV_BT601,
        .yuv_range = MIEN_YUV_LIMITED,
    };
    mien_face_state state = {
        .struct_size = sizeof state, .landmarks = landmarks, .landmark_capacity = info.landmark_count};
    const mien_status status = mien_pipeline_process(pipeline, &frame, t_ns, &state);
    if (status == MIEN_OK) {
      print_state(&state, &info);
    } else {
      fprintf(stderr, "%s: %s\n", mien_status_text(status), mien_pipeline_error(pipeline));
      failed = 1;
    }
  }
  free(landmarks);
  free(pixels);
  return failed;
}

int main(int argc, char **argv) {
  if (argc < 5 || argc > 7) {
    fprintf(stderr, "usage: %s face.mien film.nv12 width height [ns per frame [cache folder]]\n", argv[0]);
    return 2;
  }
  const long width = strtol(argv[3], NULL, 10), height = strtol(argv[4], NULL, 10);
  const long long step_ns = argc > 5 ? strtoll(argv[5], NULL, 10) : 33333333;
  if (width < 2 || height < 2 || width > MIEN_MAX_EXTENT || height > MIEN_MAX_EXTENT) {
    fprintf(stderr, "width and height must be 2..%d\n", MIEN_MAX_EXTENT);
    return 2;
  }
  FILE *film = fopen(argv[2], "rb");
  if (film == NULL) {
    fprintf(stderr, "cannot read %s\n", argv[2]);
    return 1;
  }
  const mien_openvino_options options = {.struct_size = sizeof options, .cache_folder = argc > 6 ? argv[6] : NULL};
  mien_engine engine = {.struct_size = sizeof engine};
  mien_pipeline *pipeline = NULL;
  mien_status status = mien_openvino_configure(&options, &engine);
  if (status == MIEN_OK) status = mien_pipeline_open(argv[1], NULL, &engine, &pipeline);
  int failed = status != MIEN_OK;
  if (failed) {
    fprintf(stderr, "%s: %s\n", mien_status_text(status), mien_pipeline_error(NULL));
  } else {
    failed = run(pipeline, film, (int32_t)width, (int32_t)height, step_ns);
  }
  mien_pipeline_close(pipeline);
  fclose(film);
  return failed;
}
