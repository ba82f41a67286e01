// C++17 around the C interface: a pipeline that closes itself, errors as exceptions, and an engine of the program's
// own.
//
//   ./own_engine face.mien film.nv12 1280 720 [openvino]
//
// The own engine stands for whatever a product already has (ONNX Runtime, TensorRT, an NPU's library): replace its
// three functions. As it is, it makes its results up: a face in the middle of the frame, jaw half open. With "openvino"
// the real networks run, if this was built with mien::openvino.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "mien/mien.h"
#ifdef WITH_OPENVINO
#include "mien/openvino.h"
#endif

namespace {

// ---- the engine ------------------------------------------------------------------------------------------------

constexpr int kJawOpen = 17;
constexpr int kRightEye = 36, kLeftEye = 45;  // outer corners
constexpr size_t kMiddle = 12;                // of the detector's coarsest grid, 5 x 4 cells

struct MadeUp {
  std::string network;
};

mien_status load(void *, const mien_engine_model *model, void **network, char *why, size_t why_size) {
  try {
    *network = new MadeUp{model->network};
    return MIEN_OK;
  } catch (const std::exception &error) {  // nothing may be thrown through the C interface
    std::snprintf(why, why_size, "%s", error.what());
    return MIEN_E_MEMORY;
  }
}

mien_status run(void *, const mien_engine_tensor *, size_t, mien_engine_tensor *outputs, size_t output_count, char *,
                size_t) {
  for (size_t i = 0; i < output_count; ++i) {
    mien_engine_tensor &tensor = outputs[i];
    const std::string name = tensor.name;
    float *values = static_cast<float *>(tensor.data);
    const size_t count = tensor.capacity / sizeof(float);
    std::fill_n(values, count, 0.0f);
    if (name == "cls_64" || name == "obj_64") values[kMiddle] = 1.0f;
    if (name == "points_64") values[10 * kMiddle + 2] = 1.0f;  // the left eye is to the right of the right one
    if (name == "presence") values[0] = 9.0f;
    if (name == "visibility") std::fill_n(values, count, 9.0f);
    if (name == "coefficients") values[kJawOpen] = 0.5f;
    if (name == "points") {  // landmarks that fill the crop as a face does, with level eyes
      for (size_t k = 0; k < count / 2; ++k) {
        values[2 * k] = static_cast<float>(12 + (k * 37) % 120);
        values[2 * k + 1] = static_cast<float>(12 + (k * 53) % 120);
      }
      values[2 * kLeftEye + 1] = values[2 * kRightEye + 1];
    }
    tensor.size = tensor.capacity;
  }
  return MIEN_OK;
}

void unload(void *network) {
  delete static_cast<MadeUp *>(network);
}

// It takes what the bundle has for OpenVINO: ONNX files.
const mien_engine kMadeUp = {sizeof(mien_engine), "openvino", nullptr, load, run, unload};

const mien_engine *choose(bool openvino) {
  if (!openvino) return &kMadeUp;
#ifdef WITH_OPENVINO
  return mien_openvino_engine();
#else
  throw std::runtime_error("built without mien::openvino");
#endif
}

// ---- the pipeline ----------------------------------------------------------------------------------------------

class Pipeline {
 public:
  Pipeline(const std::string &path, const mien_engine *engine) {
    mien_pipeline *made = nullptr;
    if (mien_pipeline_open(path.c_str(), nullptr, engine, &made) != MIEN_OK) {
      throw std::runtime_error(mien_pipeline_error(nullptr));
    }
    handle_.reset(made);
  }

  mien_face_state process(const mien_image &frame, int64_t t_ns) {
    mien_face_state state{};
    state.struct_size = sizeof state;
    if (mien_pipeline_process(handle_.get(), &frame, t_ns, &state) != MIEN_OK) {
      throw std::runtime_error(mien_pipeline_error(handle_.get()));
    }
    return state;
  }

 private:
  struct Close {
    void operator()(mien_pipeline *pipeline) const { mien_pipeline_close(pipeline); }
  };
  std::unique_ptr<mien_pipeline, Close> handle_;
};

void run_film(const std::string &bundle, const std::string &film, int width, int height, bool openvino) {
  Pipeline pipeline(bundle, choose(openvino));
  std::ifstream file(film, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + film);
  const size_t luma = static_cast<size_t>(width) * static_cast<size_t>(height);
  std::vector<uint8_t> pixels(luma + luma / 2);
  mien_image frame{};
  frame.struct_size = sizeof frame;
  frame.format = MIEN_FORMAT_NV12;
  frame.width = width;
  frame.height = height;
  frame.plane[0] = pixels.data();
  frame.plane[1] = pixels.data() + luma;
  frame.stride[0] = frame.stride[1] = width;
  const std::streamsize size = static_cast<std::streamsize>(pixels.size());
  for (int64_t t_ns = 0; file.read(reinterpret_cast<char *>(pixels.data()), size); t_ns += 33333333) {
    const mien_face_state state = pipeline.process(frame, t_ns);
    if (state.found != 0 && state.valid[kJawOpen] != 0) {
      std::printf("%lld face %d jawOpen %.6f\n", static_cast<long long>(t_ns), state.id,
                  static_cast<double>(state.coefficient[kJawOpen]));
    } else {
      std::printf("%lld %s\n", static_cast<long long>(t_ns), state.found != 0 ? "jaw hidden" : "no face");
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s face.mien film.nv12 width height [openvino]\n", argv[0]);
    return 2;
  }
  try {
    const int width = std::stoi(argv[3]), height = std::stoi(argv[4]);
    if (width < 2 || height < 2 || width > MIEN_MAX_EXTENT || height > MIEN_MAX_EXTENT) {
      throw std::runtime_error("width and height are impossible");
    }
    run_film(argv[1], argv[2], width, height, argc > 5 && std::string(argv[5]) == "openvino");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
