// The conformance corpus (tests/conformance) in C: networks that say what a script says, and the states that must come
// of it. Python is held to the same files.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bundle/json.h"
#include "checker.h"
#include "mien/mien.h"

namespace {

using mien::bundle::Json;

const std::string kCorpus = MIEN_CORPUS;
// Relative, since pixels are hundreds and float32 has seven digits.
constexpr double kTolerance = 1e-6;

std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const Json &at(const Json &object, const char *name) {
  static const Json kNothing;
  const Json *found = object.find(name);
  return found != nullptr ? *found : kNothing;
}

// What the case says of the networks of one step, in the order in which they are to run.
struct Script {
  std::string where;
  const Json *runs = nullptr;
  size_t next = 0;

  void complain(const std::string &what) const {
    std::fprintf(stderr, "%s: %s\n", where.c_str(), what.c_str());
    CHECK(!"the case says otherwise");
  }
};

struct Scripted {
  Script *script;
  std::string name;
};

// The values that a case keeps of an input: of a picture its corners and its middle, otherwise the first four.
std::vector<double> samples(const mien_engine_tensor &tensor) {
  const float *values = static_cast<const float *>(tensor.data);
  std::vector<double> out;
  if (tensor.rank != 4) {
    for (size_t i = 0; i < std::min<size_t>(4, tensor.size / sizeof(float)); ++i) out.push_back(values[i]);
    return out;
  }
  const bool planar = tensor.shape[1] == 3;
  const int rows = tensor.shape[planar ? 2 : 1], columns = tensor.shape[planar ? 3 : 2];
  const int places[5][2] = {{0, 0}, {0, columns - 1}, {rows - 1, 0}, {rows - 1, columns - 1}, {rows / 2, columns / 2}};
  for (const int *place : places) {
    for (int c = 0; c < 3; ++c) {
      const int pixel = place[0] * columns + place[1];
      out.push_back(values[planar ? c * rows * columns + pixel : pixel * 3 + c]);
    }
  }
  return out;
}

mien_status load(void *user, const mien_engine_model *model, void **network, char *, size_t) {
  *network = new Scripted{static_cast<Script *>(user), model->network};
  return MIEN_OK;
}

void unload(void *network) {
  delete static_cast<Scripted *>(network);
}

mien_status run(void *network, const mien_engine_tensor *inputs, size_t input_count, mien_engine_tensor *outputs,
                size_t output_count, char *, size_t) {
  const Scripted &self = *static_cast<Scripted *>(network);
  Script &script = *self.script;
  if (script.next >= script.runs->items.size()) {
    script.complain("nobody expected that " + self.name + " is run");
    return MIEN_E_ENGINE;
  }
  const Json &said = script.runs->items[script.next++];
  if (at(said, "network").text != self.name) {
    script.complain(self.name + " is run instead of " + at(said, "network").text);
    return MIEN_E_ENGINE;
  }
  for (size_t i = 0; i < input_count; ++i) {
    const std::vector<double> given = samples(inputs[i]);
    const Json &expected = at(at(said, "inputs"), inputs[i].name);
    bool same = given.size() == expected.items.size();
    for (size_t k = 0; same && k < given.size(); ++k) same = check::near(given[k], expected.items[k].number, 1e-4);
    if (!same) script.complain("input " + std::string(inputs[i].name) + " of run " + std::to_string(script.next));
  }
  for (size_t i = 0; i < output_count; ++i) {
    const Json &values = at(at(said, "outputs"), outputs[i].name);
    float *to = static_cast<float *>(outputs[i].data);
    if (values.items.size() * sizeof(float) != outputs[i].capacity) script.complain("an output has another size");
    for (const Json &value : values.items) *to++ = static_cast<float>(value.number);
    outputs[i].size = values.items.size() * sizeof(float);
  }
  return MIEN_OK;
}

// The picture of all cases, as tests/conformance/scripted.py draws it.
std::vector<uint8_t> gradient(int width, int height) {
  std::vector<uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int channels[3] = {x * 255 / (width - 1), y * 255 / (height - 1), (x + y) * 255 / (width + height - 2)};
      for (const int value : channels) pixels.push_back(static_cast<uint8_t>(value));
    }
  }
  return pixels;
}

// Compares numbers with what a state of the case says; its null is our NaN.
class Comparison {
 public:
  Comparison(const Json &expected, std::string where) : expected_(expected), where_(std::move(where)) {}

  bool says(const char *name) const { return expected_.find(name) != nullptr; }

  void same(const char *name, const float *given, size_t count) const {
    const Json *found = expected_.find(name);
    if (found == nullptr) return;
    const std::vector<Json> one = {*found};
    const std::vector<Json> &values = found->kind == Json::Kind::kList ? found->items : one;
    bool good = values.size() == count;
    for (size_t i = 0; good && i < count; ++i) {
      const bool known = values[i].kind == Json::Kind::kNumber;
      good = known ? std::fabs(given[i] - values[i].number) <= kTolerance * std::max(1.0, std::fabs(values[i].number))
                   : std::isnan(given[i]);
      if (!good) {
        std::fprintf(stderr, "%s.%s[%zu]: %.9g, not %.9g\n", where_.c_str(), name, i, static_cast<double>(given[i]),
                     values[i].number);
      }
    }
    if (!good) std::fprintf(stderr, "%s.%s differs\n", where_.c_str(), name);
    CHECK(good);
  }

 private:
  const Json &expected_;
  std::string where_;
};

void compare(const mien_face_state &state, const Json &expected, const std::string &where) {
  const Comparison is(expected, where);
  CHECK(state.id == static_cast<int32_t>(at(expected, "id").number));
  CHECK(static_cast<double>(state.t_ns) == at(expected, "t_ns").number);
  is.same("presence", &state.presence, 1);
  is.same("box", state.box, 4);
  is.same("landmarks", state.landmarks, 3 * state.landmark_count);
  is.same("visibility", state.visibility, state.region_count);
  is.same("rotation", state.rotation, 4);
  is.same("translation", state.translation, 3);
  is.same("residual", &state.residual, 1);
  is.same("gaze", state.gaze[0], 6);
  is.same("eyes", state.eyes[0], 4);
  CHECK(is.says("rotation") == ((state.measured & MIEN_HAS_HEAD) != 0));
  CHECK(is.says("gaze") == ((state.measured & MIEN_HAS_GAZE) != 0));
  if (!is.says("values")) return;
  const std::vector<Json> &raw = at(expected, "raw").items;
  CHECK(raw.size() == state.coefficient_count);
  for (uint32_t i = 0; i < state.coefficient_count && i < raw.size(); ++i) {
    CHECK(state.valid[i] == (at(expected, "valid").items[i].flag ? 1 : 0));
    // What no output stands for is 0 in Python, and not valid; an extra that is hidden keeps its guess in C.
    if (state.valid[i] != 0) CHECK(check::near(state.raw[i], raw[i].number, kTolerance));
  }
  is.same("values", state.coefficient, state.coefficient_count);
}

void compare_expression(const mien_pipeline *pipeline, size_t face, const Json &expected, const std::string &where) {
  mien_expression said{};
  CHECK(mien_pipeline_expression(pipeline, face, &said) == MIEN_E_STRUCT);
  said.struct_size = sizeof said;
  CHECK(mien_pipeline_expression(pipeline, face, &said) == MIEN_OK);
  const Comparison is(expected, where);
  is.same("aus", said.aus, said.au_count);
  is.same("emotion", said.emotions, said.emotion_count);
  is.same("embedding", said.embedding, said.embedding_count);
  is.same("raw_embedding", said.raw_embedding, said.embedding_count);
  is.same("attention", said.attention, said.attention_rows * said.attention_columns);
  is.same("valence", &said.valence, 1);
  is.same("arousal", &said.arousal, 1);
  is.same("unknown", &said.unknown, 1);
  CHECK(is.says("aus") == (said.aus != nullptr) && is.says("valence") == !std::isnan(said.valence));
}

int32_t option(const Json &options, const char *name, int32_t otherwise) {
  const Json *found = options.find(name);
  return found != nullptr ? static_cast<int32_t>(found->number) : otherwise;
}

mien_status take_samples(mien_pipeline *pipeline, const Json &step, mien_face_state *state) {
  std::vector<int64_t> t_ns;
  std::vector<float> acc, gyro;
  for (const Json &value : at(step, "t_ns").items) t_ns.push_back(static_cast<int64_t>(value.number));
  for (const Json &value : at(step, "acc").items) acc.push_back(static_cast<float>(value.number));
  for (const Json &value : at(step, "gyro").items) gyro.push_back(static_cast<float>(value.number));
  return mien_pipeline_samples(pipeline, t_ns.data(), acc.data(), gyro.data(), t_ns.size(), state);
}

// One state with room for one face, as many as there are with room for more.
mien_status take_frame(mien_pipeline *pipeline, const Json &step, std::vector<mien_face_state> *states, size_t *count) {
  const int64_t t_ns = static_cast<int64_t>(at(step, "t_ns").number);
  if (at(step, "stale").flag) return mien_pipeline_repeat(pipeline, t_ns, states->data(), states->size(), count);
  const int width = option(step, "width", 0), height = option(step, "height", 0);
  const std::vector<uint8_t> pixels = gradient(width, height);
  mien_image image{};
  image.struct_size = sizeof image;
  image.format = MIEN_FORMAT_RGB;
  image.width = width, image.height = height;
  image.plane[0] = pixels.data();
  image.stride[0] = 3 * width;
  if (states->size() > 1) {
    return mien_pipeline_faces(pipeline, &image, t_ns, states->data(), states->size(), count);
  }
  const mien_status status = mien_pipeline_process(pipeline, &image, t_ns, states->data());
  *count = static_cast<size_t>(states->front().found);
  return status;
}

void play(const std::string &name) {
  const Json played = mien::bundle::parse_json(read(kCorpus + "/" + name + "/case.json"));
  const Json &options = at(played, "options");
  Script script;
  const mien_engine engine = {sizeof engine, "scripted", &script, load, run, unload};
  mien_pipeline_options how{};
  how.struct_size = sizeof how;
  if (options.find("tracking") != nullptr && !at(options, "tracking").flag) how.flags |= MIEN_PIPELINE_NO_TRACKING;
  how.max_faces = option(options, "max_faces", 0);
  mien_pipeline *pipeline = nullptr;
  CHECK(mien_pipeline_open((kCorpus + "/" + name + "/main.mien").c_str(), &how, &engine, &pipeline) == MIEN_OK);
  if (pipeline == nullptr) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), mien_pipeline_error(nullptr));
    return;
  }
  if (const Json *neutral = options.find("neutral")) {
    std::vector<float> values;
    for (const Json &value : neutral->items) values.push_back(static_cast<float>(value.number));
    CHECK(mien_pipeline_neutral(pipeline, values.data(), values.size()) == MIEN_OK);
  }
  constexpr size_t kPoints = 256;
  const size_t room = static_cast<size_t>(option(options, "max_faces", 1));
  std::vector<float> landmarks(3 * kPoints * room);
  size_t number = 0;
  for (const Json &step : at(played, "steps").items) {
    script.where = name + "[" + std::to_string(number++) + "]";
    script.runs = &at(step, "runs");
    script.next = 0;
    std::vector<mien_face_state> states(room);
    for (size_t i = 0; i < room; ++i) {
      states[i].struct_size = sizeof(mien_face_state);
      states[i].landmarks = &landmarks[3 * kPoints * i];
      states[i].landmark_capacity = kPoints;
    }
    size_t count = 0;
    const bool sensors = step.find("acc") != nullptr;
    const mien_status status =
        sensors ? take_samples(pipeline, step, states.data()) : take_frame(pipeline, step, &states, &count);
    if (sensors) count = static_cast<size_t>(states[0].found);
    if (script.next != script.runs->items.size()) script.complain("not all networks were run");
    if (step.find("error") != nullptr) {
      CHECK(status == MIEN_E_TIME);
      continue;
    }
    if (status != MIEN_OK) script.complain(mien_pipeline_error(pipeline));
    const std::vector<Json> &expected = at(step, "states").items;
    CHECK(expected.size() == count);
    for (size_t i = 0; i < std::min(count, expected.size()); ++i) {
      const std::string where = script.where + ".states[" + std::to_string(i) + "]";
      compare(states[i], expected[i], where);
      if (!sensors) compare_expression(pipeline, i, expected[i], where);
    }
  }
  mien_pipeline_close(pipeline);
}

}  // namespace

int main() {
  for (const char *name : {"one_face", "tall_frames", "pictures", "passers_by", "several", "heat_maps", "expressions",
                           "detections", "skin", "microseconds"}) {
    play(name);
  }
  return check::finish();
}
