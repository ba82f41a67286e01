/* Facial coefficients from sensors on the skin, in C: samples from a file, one JSON object per row.
 *
 *   imu_states imu.mien samples.bin
 *
 * The file holds, for each moment, int64 t_ns, then for each of the bundle's sensors (printed by --sensors instead of
 * the file) float acc[3] in m/s^2, then for each float gyro[3] in rad/s; NaN where one gave nothing. Little-endian.
 */
#include <math.h>
#include <mien/openvino.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, const mien_pipeline *pipeline) {
  fprintf(stderr, "%s: %s\n", what, mien_pipeline_error(pipeline));
  return 1;
}

static void print_state(const mien_face_state *state, const mien_pipeline_info *info) {
  printf("{\"t_ns\": %lld, \"found\": %s, \"coefficients\": {", (long long)state->t_ns,
         state->found ? "true" : "false");
  for (uint32_t i = 0; i < info->coefficient_count; ++i) {
    printf("%s\"%s\": ", i ? ", " : "", info->coefficient_names[i]);
    if (isnan(state->coefficient[i])) {
      printf("null");
    } else {
      printf("%.7g", (double)state->coefficient[i]);
    }
  }
  printf("}, \"confidence\": {");
  for (uint32_t i = 0; state->found && i < info->region_count; ++i) {
    printf("%s\"%s\": %.7g", i ? ", " : "", info->region_names[i], (double)state->visibility[i]);
  }
  printf("}}\n");
}

static int run(mien_pipeline *pipeline, FILE *file) {
  mien_pipeline_info info = {.struct_size = sizeof info};
  const char *const *names = NULL;
  size_t sensors = 0;
  mien_pipeline_describe(pipeline, &info);
  mien_pipeline_sensors(pipeline, &names, &sensors);
  if (sensors == 0 || sensors > MIEN_IMU_MAX_SENSORS) {
    fprintf(stderr, "%s takes no samples of sensors\n", info.bundle);
    return 1;
  }
  if (file == NULL) {
    for (size_t i = 0; i < sensors; ++i) printf("%s\n", names[i]);
    return 0;
  }
  mien_face_state state = {.struct_size = sizeof state};
  float acc[3 * MIEN_IMU_MAX_SENSORS], gyro[3 * MIEN_IMU_MAX_SENSORS];
  int64_t t_ns;
  while (fread(&t_ns, sizeof t_ns, 1, file) == 1 && fread(acc, 3 * sizeof *acc, sensors, file) == sensors &&
         fread(gyro, 3 * sizeof *gyro, sensors, file) == sensors) {
    if (mien_pipeline_samples(pipeline, &t_ns, acc, gyro, 1, &state) != MIEN_OK) return fail("samples", pipeline);
    print_state(&state, &info);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s imu.mien samples.bin | --sensors\n", argv[0]);
    return 2;
  }
  mien_pipeline *pipeline = NULL;
  if (mien_pipeline_open(argv[1], NULL, mien_openvino_engine(), &pipeline) != MIEN_OK) return fail(argv[1], NULL);
  FILE *file = strcmp(argv[2], "--sensors") == 0 ? NULL : fopen(argv[2], "rb");
  int status = 1;
  if (file == NULL && strcmp(argv[2], "--sensors") != 0) {
    perror(argv[2]);
  } else {
    status = run(pipeline, file);
  }
  if (file != NULL) fclose(file);
  mien_pipeline_close(pipeline);
  return status;
}
