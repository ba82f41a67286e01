// Compiles one model ahead of time for an Intel NPU, on a machine without one. proof.py runs it under Wine.
//
//     compile.exe MODEL PLATFORM OUT.blob     MODEL: .xml with its .bin beside it, or .onnx; PLATFORM: NPU4000, NPU3720
//
// One line of JSON on stdout, exit code 0 or 1:
//
//     {"ok":true,"seconds":2.51,"bytes":1234567}     the time of the compilation alone, the size of OUT.blob
//     {"ok":false,"error":"..."}

#include <openvino/c/openvino.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void print_json_string(const char *text) {
  putchar('"');
  for (; *text != '\0'; ++text) {
    const unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\')
      printf("\\%c", byte);
    else if (byte < 0x20)
      printf("\\u%04x", byte);
    else
      putchar(byte);
  }
  putchar('"');
}

static int fail(const char *error) {
  printf("{\"ok\":false,\"error\":");
  print_json_string(error);
  printf("}\n");
  return EXIT_FAILURE;
}

// The last message says more than the status; it is empty where the C API itself refused an argument.
static int fail_with(ov_status_e status) {
  const char *message = ov_get_last_err_msg();
  return fail(message != NULL && *message != '\0' ? message : ov_get_error_info(status));
}

// -1: there is no such file.
static long size_of(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return -1;
  const long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  fclose(file);
  return size;
}

static int compile(const ov_core_t *core, const ov_model_t *model, const char *platform, const char *blob) {
  // PLUGIN: the compiler that comes with OpenVINO; the default asks the device's driver, and here is neither.
  ov_compiled_model_t *compiled = NULL;
  const clock_t start = clock();  // on Windows clock() is wall time
  ov_status_e status =
      ov_core_compile_model(core, model, "NPU", 4, &compiled, "NPU_PLATFORM", platform, "NPU_COMPILER_TYPE", "PLUGIN");
  const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  if (status != OK) return fail_with(status);
  status = ov_compiled_model_export_model(compiled, blob);
  ov_compiled_model_free(compiled);
  if (status != OK) return fail_with(status);
  const long bytes = size_of(blob);
  if (bytes <= 0) return fail("the exported model is empty");
  printf("{\"ok\":true,\"seconds\":%.2f,\"bytes\":%ld}\n", seconds, bytes);
  return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
  if (argc != 4) return fail("usage: compile.exe MODEL PLATFORM OUT.blob");
  ov_core_t *core = NULL;
  ov_status_e status = ov_core_create(&core);
  if (status != OK) return fail_with(status);
  ov_model_t *model = NULL;
  status = ov_core_read_model(core, argv[1], NULL, &model);
  const int exit_code = status == OK ? compile(core, model, argv[2], argv[3]) : fail_with(status);
  ov_model_free(model);
  ov_core_free(core);
  return exit_code;
}
