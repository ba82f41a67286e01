// The whole way with an engine of the host's own: what a state holds, and that no engine, argument or file breaks it.
// The default bundle is used, with an engine that makes its results up, so no inference library is needed.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "checker.h"
#include "mien/mien.h"

namespace {

enum class Mode { kFace, kNobody, kLoadFails, kRunFails, kNan, kShort, kSilent };

struct Toy {
  Mode mode = Mode::kFace;
  int loaded = 0;
  std::atomic<int> runs{0};  // two networks may run at once
};

struct ToyNetwork {
  Toy *toy;
};

mien_status load(void *user, const mien_engine_model *model, void **network, char *why, size_t why_size) {
  Toy *toy = static_cast<Toy *>(user);
  CHECK(model->struct_size == sizeof *model && model->data_size > 1000 && model->input_count == 1);
  CHECK(model->inputs[0].rank == 4 && model->inputs[0].shape[1] == 3 && model->inputs[0].data == nullptr);
  if (toy->mode == Mode::kLoadFails) {
    std::snprintf(why, why_size, "no\nroom");
    return MIEN_E_MEMORY;
  }
  ++toy->loaded;
  *network = new ToyNetwork{toy};
  return MIEN_OK;
}

void unload(void *network) {
  --static_cast<ToyNetwork *>(network)->toy->loaded;
  delete static_cast<ToyNetwork *>(network);
}

// A detector that sees a face in the middle of its input, and a face network that sees one around the middle of the
// crop.
void make_up(const mien_engine_tensor &tensor, Mode mode) {
  const std::string name = tensor.name;
  float *values = static_cast<float *>(tensor.data);
  const size_t count = tensor.capacity / sizeof(float);
  std::fill_n(values, count, 0.0f);
  if (name == "cls_32" || name == "obj_32") values[35] = mode == Mode::kNobody ? 0.0f : 1.0f;
  if (name == "box_32") values[4 * 35 + 2] = values[4 * 35 + 3] = 1.0f;
  if (name == "points_32") values[10 * 35 + 2] = 1.0f;
  if (name == "points") {
    // As large as the crop that they ask for wants them, so that it rests.
    for (size_t i = 0; i < count / 2; ++i) {
      values[2 * i] = static_cast<float>(12 + (i * 37) % 120);
      values[2 * i + 1] = static_cast<float>(12 + (i * 53) % 120);
    }
    // The outer corners of the eyes, which turn the crop.
    values[2 * 36] = 40, values[2 * 36 + 1] = 60, values[2 * 45] = 100, values[2 * 45 + 1] = 60;
  }
  if (name == "presence") values[0] = mode == Mode::kNobody ? -9.0f : 9.0f;
  if (name == "visibility") std::fill_n(values, count, 3.0f), values[0] = -3.0f;
  if (name == "coefficients") {
    for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i) / 50.0f;
  }
  if (name == "gaze") values[2] = values[5] = 2.0f;
  if (name == "rotation") values[0] = values[4] = values[8] = 1.0f;
}

mien_status run(void *network, const mien_engine_tensor *inputs, size_t input_count, mien_engine_tensor *outputs,
                size_t output_count, char *why, size_t why_size) {
  Toy *toy = static_cast<ToyNetwork *>(network)->toy;
  CHECK(input_count == 1 && inputs[0].size == inputs[0].capacity && inputs[0].data != nullptr);
  ++toy->runs;
  if (toy->mode == Mode::kRunFails) {
    std::snprintf(why, why_size, "the device is gone");
    return MIEN_E_UNSUPPORTED;
  }
  for (size_t i = 0; i < output_count; ++i) {
    make_up(outputs[i], toy->mode);
    outputs[i].size = outputs[i].capacity;
  }
  mien_engine_tensor &last = outputs[output_count - 1];
  if (toy->mode == Mode::kNan) static_cast<float *>(last.data)[0] = NAN;
  if (toy->mode == Mode::kShort) last.size -= sizeof(float);
  if (toy->mode == Mode::kSilent) last.size = 0;
  return MIEN_OK;
}

mien_engine engine_of(Toy *toy) {
  return {sizeof(mien_engine), "openvino", toy, load, run, unload};
}

constexpr int32_t kSide = 320;

struct Picture {
  std::vector<uint8_t> pixels = std::vector<uint8_t>(kSide * kSide * 3 / 2, 128);
  mien_image image{
      sizeof(mien_image), MIEN_FORMAT_NV12, kSide,           kSide, {pixels.data(), pixels.data() + kSide * kSide},
      {kSide, kSide},     MIEN_YUV_BT601,   MIEN_YUV_LIMITED};
};

mien_face_state blank() {
  mien_face_state state{};
  state.struct_size = sizeof state;
  return state;
}

const std::string kFace = std::string(MIEN_MODELS) + "/face.mien";

bool contains(const char *text, const char *part) {
  return std::strstr(text, part) != nullptr;
}

void a_face() {
  Toy toy;
  const mien_engine engine = engine_of(&toy);
  mien_pipeline *pipeline = nullptr;
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &engine, &pipeline) == MIEN_OK);
  if (pipeline == nullptr) return;
  CHECK(toy.loaded == 2);
  mien_pipeline_info info{};
  CHECK(mien_pipeline_describe(pipeline, &info) == MIEN_E_STRUCT);
  info.struct_size = sizeof info;
  CHECK(mien_pipeline_describe(pipeline, &info) == MIEN_OK);
  CHECK(info.coefficient_count == 57 && info.landmark_count == 220 && info.region_count == 9);
  CHECK(std::strcmp(info.coefficient_names[17], "jawOpen") == 0);
  CHECK(std::strcmp(info.coefficient_names[56], "tongueRoll") == 0);
  const Picture picture;
  std::vector<float> landmarks(3 * info.landmark_count);
  mien_face_state state = blank();
  state.landmarks = landmarks.data();
  state.landmark_capacity = info.landmark_count;
  CHECK(mien_pipeline_process(pipeline, &picture.image, 1000, &state) == MIEN_OK);
  CHECK(toy.runs == 2);  // the detector, and the crop that it gives, in which the landmarks rest
  CHECK(state.found == 1 && state.id == 0 && state.t_ns == 1000 && state.presence > 0.99f);
  // The made-up landmarks are no head's, so there is no pose, and no number that looks like one.
  CHECK(state.measured ==
        (MIEN_HAS_COEFFICIENTS | MIEN_HAS_VISIBILITY | MIEN_HAS_GAZE | MIEN_HAS_EYES | MIEN_HAS_LANDMARKS));
  CHECK(std::isnan(state.rotation[3]) && std::isnan(state.translation[2]) && std::isnan(state.residual));
  CHECK(check::near(state.raw[17], 0.34, 1e-6) && state.valid[17] == 1 && state.coefficient[17] == state.raw[17]);
  CHECK(state.raw[56] == 1.0f);
  // The left eye's region is hidden: the guess is kept as such.
  CHECK(state.visibility[0] < 0.1f && state.valid[0] == 0 && std::isnan(state.coefficient[0]) && state.valid[7] == 1);
  CHECK(check::near(state.gaze[1][2], 1, 1e-6));
  CHECK(state.box[0] < landmarks[0] + 1 && state.box[2] > landmarks[0] - 1);
  CHECK(mien_pipeline_process(pipeline, &picture.image, 2000, &state) == MIEN_OK && toy.runs == 3 && state.id == 0);

  toy.mode = Mode::kNobody;
  CHECK(mien_pipeline_process(pipeline, &picture.image, 3000, &state) == MIEN_OK);
  CHECK(state.found == 0 && state.id == -1 && state.measured == 0 && state.presence == 0 && state.t_ns == 3000);
  CHECK(std::isnan(state.coefficient[17]) && std::isnan(state.raw[17]) && state.valid[17] == 0);
  CHECK(std::isnan(state.gaze[0][0]) && std::isnan(state.rotation[3]) && std::isnan(state.box[0]));
  toy.mode = Mode::kFace;
  CHECK(mien_pipeline_process(pipeline, &picture.image, 4000, &state) == MIEN_OK && state.id == 0);
  mien_pipeline_close(pipeline);
  CHECK(toy.loaded == 0);
}

void wrong_calls() {
  Toy toy;
  const mien_engine engine = engine_of(&toy);
  mien_pipeline *pipeline = nullptr;
  CHECK(mien_pipeline_open(nullptr, nullptr, &engine, &pipeline) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, nullptr, &pipeline) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &engine, nullptr) == MIEN_E_ARGUMENT);
  mien_engine lacking = engine;
  lacking.run = nullptr;
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &lacking, &pipeline) == MIEN_E_ARGUMENT);
  lacking = engine;
  lacking.struct_size = 3;
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &lacking, &pipeline) == MIEN_E_STRUCT);
  lacking = engine;
  lacking.name = "mine";
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &lacking, &pipeline) == MIEN_E_MANIFEST);
  CHECK(contains(mien_pipeline_error(nullptr), "none was made for the engine mine"));
  for (const mien_pipeline_options &options :
       {mien_pipeline_options{0, 0, 0, 0}, mien_pipeline_options{sizeof(mien_pipeline_options), 8, 0, 0},
        mien_pipeline_options{sizeof(mien_pipeline_options), 0, 257, 0},
        mien_pipeline_options{sizeof(mien_pipeline_options), 0, 0, 33}}) {
    CHECK(mien_pipeline_open(kFace.c_str(), &options, &engine, &pipeline) ==
          (options.struct_size == 0 ? MIEN_E_STRUCT : MIEN_E_ARGUMENT));
  }
  CHECK(mien_pipeline_open("/nonexistent/face.mien", nullptr, &engine, &pipeline) == MIEN_E_FILE);
  CHECK(contains(mien_pipeline_error(nullptr), "/nonexistent/face.mien"));
  CHECK(mien_pipeline_open(MIEN_MODELS, nullptr, &engine, &pipeline) == MIEN_E_FILE);  // a folder
  CHECK(pipeline == nullptr && toy.loaded == 0);

  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &engine, &pipeline) == MIEN_OK);
  if (pipeline == nullptr) return;
  const Picture picture;
  mien_face_state state = blank();
  state.presence = 0.25f;
  CHECK(mien_pipeline_process(nullptr, &picture.image, 1, &state) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_process(pipeline, nullptr, 1, &state) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_process(pipeline, &picture.image, 1, nullptr) == MIEN_E_ARGUMENT);
  state.struct_size = 7;
  CHECK(mien_pipeline_process(pipeline, &picture.image, 1, &state) == MIEN_E_STRUCT);
  state.struct_size = sizeof state;
  mien_image odd = picture.image;
  odd.width = 319;
  CHECK(mien_pipeline_process(pipeline, &odd, 1, &state) == MIEN_E_SHAPE);
  odd = picture.image;
  odd.stride[0] = 10;
  CHECK(mien_pipeline_process(pipeline, &odd, 1, &state) == MIEN_E_STRIDE);
  odd = picture.image;
  odd.plane[1] = nullptr;
  CHECK(mien_pipeline_process(pipeline, &odd, 1, &state) == MIEN_E_ARGUMENT);
  float few[3];
  state.landmarks = few;
  state.landmark_capacity = 1;
  CHECK(mien_pipeline_process(pipeline, &picture.image, 1, &state) == MIEN_E_CAPACITY);
  state.landmarks = nullptr;
  CHECK(state.presence == 0.25f && toy.runs == 0);
  CHECK(mien_pipeline_process(pipeline, &picture.image, 1, &state) == MIEN_OK);  // none of these took the time
  state.presence = 0.25f;
  CHECK(mien_pipeline_process(pipeline, &picture.image, 1, &state) == MIEN_E_TIME);
  CHECK(mien_pipeline_process(pipeline, &picture.image, -5, &state) == MIEN_E_TIME);
  CHECK(state.presence == 0.25f && contains(mien_pipeline_error(pipeline), "mien_pipeline_reset"));
  CHECK(mien_pipeline_reset(pipeline) == MIEN_OK && mien_pipeline_reset(nullptr) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_process(pipeline, &picture.image, INT64_MIN, &state) == MIEN_OK);
  CHECK(mien_pipeline_process(pipeline, &picture.image, INT64_MAX, &state) == MIEN_OK && state.found == 1);
  mien_pipeline_close(pipeline);
  mien_pipeline_close(nullptr);
}

void bad_engines() {
  Toy toy;
  const mien_engine engine = engine_of(&toy);
  mien_pipeline *pipeline = nullptr;
  toy.mode = Mode::kLoadFails;
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &engine, &pipeline) == MIEN_E_ENGINE && pipeline == nullptr);
  CHECK(contains(mien_pipeline_error(nullptr), "openvino: network detector does not load: no room"));
  toy.mode = Mode::kFace;
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &engine, &pipeline) == MIEN_OK);
  if (pipeline == nullptr) return;
  const Picture picture;
  mien_face_state state = blank();
  int64_t t_ns = 0;
  const auto next = [&] { return mien_pipeline_process(pipeline, &picture.image, t_ns += 1000, &state); };
  CHECK(next() == MIEN_OK && state.found == 1);
  const struct {
    Mode mode;
    const char *text;
  } cases[] = {{Mode::kRunFails, "network face failed: the device is gone"},
               {Mode::kNan, "network face gave NaN or infinity in presence"},
               {Mode::kShort, "network face gave 0 bytes of presence, promised are 4"},
               {Mode::kSilent, "network face gave 0 bytes of presence, promised are 4"}};
  for (const auto &wrong : cases) {
    toy.mode = wrong.mode;
    const int64_t before = state.t_ns;
    CHECK(next() == MIEN_E_ENGINE && state.t_ns == before && state.found == 1);
    CHECK(contains(mien_pipeline_error(pipeline), wrong.text));
    toy.mode = Mode::kFace;
    CHECK(next() == MIEN_OK && state.found == 1);
  }
  mien_pipeline_close(pipeline);
  CHECK(toy.loaded == 0);
}

void shared_weights() {
  Toy toy;
  const mien_engine engine = engine_of(&toy);
  mien_pipeline *first = nullptr, *second = nullptr;
  CHECK(mien_pipeline_open(kFace.c_str(), nullptr, &engine, &first) == MIEN_OK);
  if (first == nullptr) return;
  CHECK(mien_pipeline_fork(nullptr, &second) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_fork(first, nullptr) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_fork(first, &second) == MIEN_OK && toy.loaded == 2);
  const Picture picture;
  mien_face_state states[2] = {blank(), blank()};
  const auto follow = [&](mien_pipeline *stream, mien_face_state *state) {
    for (int64_t t = 0; t < 50; ++t) CHECK(mien_pipeline_process(stream, &picture.image, t, state) == MIEN_OK);
  };
  std::thread other([&] { follow(second, &states[1]); });
  follow(first, &states[0]);
  other.join();
  CHECK(states[0].found == 1 && states[1].found == 1 && states[0].id == 0 && states[1].id == 0);
  CHECK(std::memcmp(states[0].coefficient, states[1].coefficient, sizeof states[0].coefficient) == 0);
  CHECK(std::memcmp(states[0].box, states[1].box, sizeof states[0].box) == 0);
  mien_pipeline_close(first);
  CHECK(toy.loaded == 2);  // the other one still needs them
  CHECK(mien_pipeline_process(second, &picture.image, 50, &states[1]) == MIEN_OK);
  mien_pipeline_close(second);
  CHECK(toy.loaded == 0);
}

void several_faces_and_repeats() {
  Toy toy;
  const mien_engine engine = engine_of(&toy);
  mien_pipeline_options two{sizeof(mien_pipeline_options), 0, 0, 2};
  mien_pipeline *pipeline = nullptr;
  CHECK(mien_pipeline_open(kFace.c_str(), &two, &engine, &pipeline) == MIEN_OK);
  if (pipeline == nullptr) return;
  const Picture picture;
  mien_face_state states[2] = {blank(), blank()};
  size_t count = 7;
  CHECK(mien_pipeline_faces(pipeline, &picture.image, 1, states, 1, &count) == MIEN_E_CAPACITY);
  CHECK(mien_pipeline_faces(pipeline, &picture.image, 1, states, 2, nullptr) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_faces(pipeline, &picture.image, 1, nullptr, 2, &count) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_repeat(pipeline, 1, states, 2, nullptr) == MIEN_E_ARGUMENT);
  states[1].struct_size = 0;
  CHECK(mien_pipeline_faces(pipeline, &picture.image, 1, states, 2, &count) == MIEN_E_STRUCT && count == 7);
  states[1].struct_size = sizeof states[1];
  CHECK(mien_pipeline_faces(pipeline, &picture.image, 1, states, 2, &count) == MIEN_OK && count == 1);
  const int runs = toy.runs;
  CHECK(mien_pipeline_repeat(pipeline, 1, states, 2, &count) == MIEN_E_TIME);
  CHECK(mien_pipeline_repeat(pipeline, 5, states, 0, &count) == MIEN_E_CAPACITY);
  CHECK(mien_pipeline_repeat(pipeline, 5, states, 2, &count) == MIEN_OK && count == 1 && toy.runs == runs);
  CHECK(states[0].t_ns == 5 && states[0].found == 1 && states[0].id == 0);
  CHECK(mien_pipeline_faces(pipeline, &picture.image, 5, states, 2, &count) == MIEN_E_TIME);
  mien_expression expression{};
  CHECK(mien_pipeline_expression(pipeline, 0, &expression) == MIEN_E_STRUCT);
  expression.struct_size = sizeof expression;
  CHECK(mien_pipeline_expression(pipeline, 1, &expression) == MIEN_E_ARGUMENT);
  CHECK(mien_pipeline_expression(pipeline, 0, &expression) == MIEN_OK);
  CHECK(expression.aus == nullptr && std::isnan(expression.valence));  // the bundle says nothing of it
  const float embedding[4] = {};
  CHECK(mien_pipeline_neutral(pipeline, embedding, 4) == MIEN_E_ARGUMENT);
  CHECK(contains(mien_pipeline_error(pipeline), "takes no neutral embedding"));
  toy.mode = Mode::kRunFails;
  CHECK(mien_pipeline_faces(pipeline, &picture.image, 6, states, 2, &count) == MIEN_E_ENGINE);
  CHECK(mien_pipeline_repeat(pipeline, 7, states, 2, &count) == MIEN_OK && count == 0);
  mien_pipeline_close(pipeline);

  // A program that was compiled before there was max_faces.
  mien_pipeline_options before{offsetof(mien_pipeline_options, max_faces), 0, 0, 1000};
  toy.mode = Mode::kFace;
  CHECK(mien_pipeline_open(kFace.c_str(), &before, &engine, &pipeline) == MIEN_OK);
  mien_pipeline_close(pipeline);
}

void a_lonely_bundle() {
  Toy toy;
  const mien_engine engine = engine_of(&toy);
  const std::string path = "mien_pipeline_test_alone.mien";
  {
    std::ifstream in(kFace, std::ios::binary);
    std::ofstream out(path, std::ios::binary);
    out << in.rdbuf();
  }
  mien_pipeline *pipeline = nullptr;
  CHECK(mien_pipeline_open(path.c_str(), nullptr, &engine, &pipeline) == MIEN_E_FILE && pipeline == nullptr);
  CHECK(contains(mien_pipeline_error(nullptr), "detect.mien"));
  std::remove(path.c_str());
}

}  // namespace

int main() {
  a_face();
  wrong_calls();
  bad_engines();
  shared_weights();
  several_faces_and_repeats();
  a_lonely_bundle();
  return check::finish();
}
