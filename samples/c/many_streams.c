/* Several cameras, one set of weights: prints how much memory a stream takes when it is forked from another, and when
 * it is opened anew. C11, Linux (it reads /proc), the C interface of mien, and OpenVINO behind it.
 *
 *   ./many_streams face.mien film.nv12 1280 720 4
 *
 * The film is raw NV12, and every stream gets its first frame, ten times.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mien/openvino.h"

enum { MOST = 32 };

/* Resident memory of this process in megabytes, 0 where there is no /proc. */
static double resident_mb(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  double kilobytes = 0;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "VmRSS: %lf kB", &kilobytes) == 1) break;
  }
  if (file != NULL) fclose(file);
  return kilobytes / 1024;
}

static int complain(const mien_pipeline *pipeline) {
  fprintf(stderr, "%s\n", mien_pipeline_error(pipeline));
  return 1;
}

/* Ten frames through a stream; 0 if all went well. */
static int play(mien_pipeline *pipeline, const mien_image *frame, mien_face_state *state) {
  state->struct_size = sizeof *state;
  for (int64_t k = 0; k < 10; ++k) {
    if (mien_pipeline_process(pipeline, frame, k * 33333333, state) != MIEN_OK) return complain(pipeline);
  }
  return 0;
}

static int run(const char *bundle, const mien_image *frame, int streams) {
  mien_pipeline *stream[MOST] = {NULL};
  mien_face_state state[MOST] = {{0}}, other = {0};
  if (mien_pipeline_open(bundle, NULL, mien_openvino_engine(), &stream[0]) != MIEN_OK) return complain(NULL);
  int failed = play(stream[0], frame, &state[0]);
  const double one = resident_mb();
  for (int i = 1; i < streams && !failed; ++i) {
    failed = mien_pipeline_fork(stream[0], &stream[i]) != MIEN_OK ? complain(NULL) : play(stream[i], frame, &state[i]);
  }
  const double forked = resident_mb();
  for (int i = 1; i < streams; ++i) mien_pipeline_close(stream[i]), stream[i] = NULL;
  for (int i = 1; i < streams && !failed; ++i) {
    failed = mien_pipeline_open(bundle, NULL, mien_openvino_engine(), &stream[i]) != MIEN_OK
                 ? complain(NULL)
                 : play(stream[i], frame, &other);
  }
  const double apart = resident_mb();
  for (int i = 0; i < streams; ++i) mien_pipeline_close(stream[i]);
  if (failed) return 1;
  printf(
      "1 stream: %.1f MB\n%d streams over one set of weights: %.1f MB\n%d streams with weights of their own: %.1f MB\n",
      one, streams, forked, streams, apart);
  for (int i = 0; i < streams; ++i) {
    printf("stream %d: %s, jawOpen %.9g\n", i, state[i].found ? "a face" : "nobody", (double)state[i].raw[17]);
  }
  return 0;
}

int main(int argc, char **argv) {
  const int width = argc == 6 ? atoi(argv[3]) : 0, height = argc == 6 ? atoi(argv[4]) : 0;
  const int streams = argc == 6 ? atoi(argv[5]) : 0;
  if (width < 2 || height < 2 || streams < 2 || streams > MOST) {
    fprintf(stderr, "usage: many_streams face.mien film.nv12 width height streams (2..%d)\n", MOST);
    return 2;
  }
  const size_t luma = (size_t)width * (size_t)height, size = luma + luma / 2;
  unsigned char *pixels = malloc(size);
  FILE *film = fopen(argv[2], "rb");
  if (pixels == NULL || film == NULL || fread(pixels, 1, size, film) != size) {
    fprintf(stderr, "cannot read a frame of %s\n", argv[2]);
    return 1;
  }
  fclose(film);
  const mien_image frame = {.struct_size = sizeof frame,
                            .format = MIEN_FORMAT_NV12,
                            .width = width,
                            .height = height,
                            .plane = {pixels, pixels + luma},
                            .stride = {width, width}};
  const int failed = run(argv[1], &frame, streams);
  free(pixels);
  return failed;
}
