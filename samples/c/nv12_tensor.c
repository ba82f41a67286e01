/* Reads one raw NV12 frame, makes the 128x128 float32 NCHW tensor of its centred square, and prints the tensor's size
 * and a checksum (FNV-1a, 64 bit, of its bytes). No part of mien but the C header and library is used.
 *
 *   cc -std=c11 nv12_tensor.c -I../../native/include -lmien -o nv12_tensor
 *   ./nv12_tensor frame.nv12 1280 720
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mien/mien.h"

enum { SIDE = 128, CHANNELS = 3 };

static uint64_t fnv1a(const unsigned char *bytes, size_t count) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < count; ++i) {
    hash = (hash ^ bytes[i]) * 0x100000001b3u;
  }
  return hash;
}

/* The whole frame in one allocation, or NULL. */
static unsigned char *read_frame(const char *path, size_t size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  unsigned char *frame = malloc(size);
  if (frame != NULL && fread(frame, 1, size, file) != size) {
    free(frame);
    frame = NULL;
  }
  fclose(file);
  return frame;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s frame.nv12 width height\n", argv[0]);
    return 2;
  }
  const long width = strtol(argv[2], NULL, 10), height = strtol(argv[3], NULL, 10);
  if (width < 2 || height < 2 || width > MIEN_MAX_EXTENT || height > MIEN_MAX_EXTENT) {
    fprintf(stderr, "width and height must be 2..%d\n", MIEN_MAX_EXTENT);
    return 2;
  }
  const size_t luma = (size_t)width * (size_t)height;
  unsigned char *frame = read_frame(argv[1], luma + luma / 2);
  if (frame == NULL) {
    fprintf(stderr, "cannot read %zu bytes from %s\n", luma + luma / 2, argv[1]);
    return 1;
  }

  const mien_image image = {
      .struct_size = sizeof image,
      .format = MIEN_FORMAT_NV12,
      .width = (int32_t)width,
      .height = (int32_t)height,
      .plane = {frame, frame + luma},
      .stride = {width, width},
      .yuv_matrix = MIEN_YUV_BT601,
      .yuv_range = MIEN_YUV_LIMITED,
  };
  static float data[CHANNELS * SIDE * SIDE];
  mien_tensor tensor = {
      .struct_size = sizeof tensor,
      .width = SIDE,
      .height = SIDE,
      .dtype = MIEN_F32,
      .layout = MIEN_NCHW,
      .color = MIEN_COLOR_RGB,
      .border = MIEN_BORDER_REPLICATE,
      .scale = {1.0f / 127.5f, 1.0f / 127.5f, 1.0f / 127.5f},
      .bias = {-1.0f, -1.0f, -1.0f},
      .data = data,
      .capacity = sizeof data,
  };
  /* Tensor pixel -> frame pixel: the middles of the square's pixels, so the half pixels matter. */
  const double side = (double)(width < height ? width : height), scale = side / SIDE;
  const double left = ((double)width - side) / 2, top = ((double)height - side) / 2;
  const double crop[6] = {scale, 0, left + (scale - 1) / 2, 0, scale, top + (scale - 1) / 2};

  const mien_status status = mien_image_to_tensor(&image, crop, &tensor);
  free(frame);
  if (status != MIEN_OK) {
    fprintf(stderr, "mien_image_to_tensor: %s\n", mien_status_text(status));
    return 1;
  }
  printf("bytes %zu\nchecksum %016llx\n", sizeof data, (unsigned long long)fnv1a((unsigned char *)data, sizeof data));
  return 0;
}
