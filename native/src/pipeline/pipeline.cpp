// The C interface of the whole way: arguments in, statuses and lines of text out; no exception gets past here.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "check.h"
#include "mien/mien.h"
#include "pipeline/face.h"
#include "pipeline/imu.h"
#include "refusal.h"

namespace {

// A line of bounded length, so that telling of a failure cannot fail.
struct Line {
  char text[1024] = "";

  void write(const char *what) noexcept {
    const size_t size = std::min(std::strlen(what), sizeof text - 1);
    std::memcpy(text, what, size);
    text[size] = '\0';
  }
};

thread_local Line last_open;

template <class Work>
mien_status guarded(Line *line, const Work &work) noexcept {
  try {
    work();
    return MIEN_OK;
  } catch (const mien::Refusal &refusal) {
    line->write(refusal.what());
    return refusal.status();
  } catch (const std::exception &) {
    line->write(mien_status_text(MIEN_E_MEMORY));
    return MIEN_E_MEMORY;
  }
}

mien_status said(Line *line, mien_status status, const char *what) {
  line->write(what);
  return status;
}

std::vector<const char *> pointers(const std::vector<std::string> &names) {
  std::vector<const char *> out;
  for (const std::string &name : names) out.push_back(name.c_str());
  return out;
}

// What streams share; the bundle and its bytes are let go of when everything is loaded.
struct Shared {
  Shared(const mien::bundle::Bundle &bundle, const mien_engine &engine, int32_t threads)
      : name(bundle.name()), licence(bundle.licence()) {
    if (bundle.task() == "imu") {
      imu = std::make_shared<mien::pipeline::ImuModel>(bundle, engine, threads);
      coefficient_names = pointers(mien::tracker::arkit_names());
      region_names = pointers(imu->regions);
      sensor_names = pointers(imu->sensors);
      return;
    }
    face = std::make_shared<mien::pipeline::FaceModel>(bundle, engine, threads);
    coefficient_names = pointers(face->model->coefficients());
    region_names = pointers(face->model->regions());
    for (const mien::tracker::Expression::Output &output : face->model->expression()) {
      if (output.name == "aus") au_names = pointers(output.values);
      if (output.name == "emotion") emotion_names = pointers(output.values);
    }
  }

  // One of the two.
  std::shared_ptr<const mien::pipeline::FaceModel> face;
  std::shared_ptr<const mien::pipeline::ImuModel> imu;
  std::string name, licence;
  std::vector<const char *> coefficient_names, region_names, sensor_names, au_names, emotion_names;
};

}  // namespace

struct mien_pipeline {
  mien_pipeline(std::shared_ptr<const Shared> shared_with, const mien::tracker::Settings &how)
      : shared(std::move(shared_with)), settings(how) {
    if (shared->imu) {
      imu = std::make_unique<mien::pipeline::ImuStream>(shared->imu, settings.smoothing && settings.tracking);
    } else {
      face = std::make_unique<mien::pipeline::FaceStream>(shared->face, settings);
    }
  }

  std::shared_ptr<const Shared> shared;
  mien::tracker::Settings settings;
  // One of the two.
  std::unique_ptr<mien::pipeline::FaceStream> face;
  std::unique_ptr<mien::pipeline::ImuStream> imu;
  bool started = false;
  int64_t last_ns = 0;
  Line error;
};

mien_status mien_pipeline_open(const char *path, const mien_pipeline_options *options, const mien_engine *engine,
                               mien_pipeline **pipeline) {
  if (path == nullptr || engine == nullptr || pipeline == nullptr) {
    return said(&last_open, MIEN_E_ARGUMENT, "path, engine or pipeline is NULL");
  }
  // Programs that were compiled before there was max_faces give a shorter struct.
  constexpr size_t kBefore = offsetof(mien_pipeline_options, max_faces);
  const bool counts = options != nullptr && options->struct_size == sizeof *options;
  if (engine->struct_size != sizeof *engine || (options != nullptr && !counts && options->struct_size != kBefore)) {
    return said(&last_open, MIEN_E_STRUCT, "struct_size of the engine or of the options is not set to sizeof");
  }
  if (engine->name == nullptr || engine->load == nullptr || engine->run == nullptr || engine->unload == nullptr) {
    return said(&last_open, MIEN_E_ARGUMENT, "the engine lacks its name or one of its functions");
  }
  const uint32_t flags = options != nullptr ? options->flags : 0;
  const int32_t threads = options != nullptr && options->threads != 0 ? options->threads : 1;
  if ((flags & ~static_cast<uint32_t>(MIEN_PIPELINE_NO_TRACKING | MIEN_PIPELINE_NO_SMOOTHING)) != 0) {
    return said(&last_open, MIEN_E_ARGUMENT, "options.flags has an unknown bit");
  }
  if (threads < 1 || threads > 256) return said(&last_open, MIEN_E_ARGUMENT, "options.threads is not in 0..256");
  const int32_t faces = counts && options->max_faces != 0 ? options->max_faces : 1;
  if (faces < 1 || faces > 32) return said(&last_open, MIEN_E_ARGUMENT, "options.max_faces is not in 0..32");
  mien::tracker::Settings settings;
  settings.max_faces = static_cast<size_t>(faces);
  settings.tracking = (flags & MIEN_PIPELINE_NO_TRACKING) == 0;
  settings.smoothing = (flags & MIEN_PIPELINE_NO_SMOOTHING) == 0;
  return guarded(&last_open, [&] {
    const mien::bundle::Bundle bundle{std::string(path)};
    *pipeline = new mien_pipeline(std::make_shared<Shared>(bundle, *engine, threads), settings);
  });
}

mien_status mien_pipeline_fork(const mien_pipeline *pipeline, mien_pipeline **other) {
  if (pipeline == nullptr || other == nullptr) return said(&last_open, MIEN_E_ARGUMENT, "pipeline or other is NULL");
  return guarded(&last_open, [&] { *other = new mien_pipeline(pipeline->shared, pipeline->settings); });
}

void mien_pipeline_close(mien_pipeline *pipeline) {
  delete pipeline;
}

const char *mien_pipeline_error(const mien_pipeline *pipeline) {
  return pipeline != nullptr ? pipeline->error.text : last_open.text;
}

mien_status mien_pipeline_describe(const mien_pipeline *pipeline, mien_pipeline_info *info) {
  if (pipeline == nullptr || info == nullptr) return MIEN_E_ARGUMENT;
  if (info->struct_size != sizeof *info) return MIEN_E_STRUCT;
  const Shared &shared = *pipeline->shared;
  mien_pipeline_info made{};
  made.struct_size = sizeof made;
  made.coefficient_count = static_cast<uint32_t>(shared.coefficient_names.size());
  made.coefficient_names = shared.coefficient_names.data();
  made.landmark_count = shared.face ? static_cast<uint32_t>(shared.face->model->landmarks()) : 0;
  made.region_count = static_cast<uint32_t>(shared.region_names.size());
  made.region_names = shared.region_names.data();
  made.bundle = shared.name.c_str();
  made.licence = shared.licence.c_str();
  *info = made;
  return MIEN_OK;
}

namespace {

// What is wrong with the states that a frame is to fill, or with its time.
mien_status unfit(mien_pipeline *pipeline, int64_t t_ns, const mien_face_state *states, size_t capacity) {
  Line *line = &pipeline->error;
  if (states == nullptr) return said(line, MIEN_E_ARGUMENT, "state is NULL");
  if (!pipeline->face) return said(line, MIEN_E_ARGUMENT, "this bundle takes samples of sensors, not frames");
  for (size_t i = 0; i < capacity; ++i) {
    if (states[i].struct_size != sizeof *states) {
      return said(line, MIEN_E_STRUCT, "struct_size of the state is not set to sizeof");
    }
    if (states[i].landmarks != nullptr && states[i].landmark_capacity < pipeline->shared->face->model->landmarks()) {
      return said(line, MIEN_E_CAPACITY, "landmark_capacity is less than landmark_count");
    }
  }
  if (pipeline->started && t_ns <= pipeline->last_ns) {
    return said(line, MIEN_E_TIME, "t_ns is not after the frame before; mien_pipeline_reset begins a new recording");
  }
  return MIEN_OK;
}

// The checks that one state and several share, then the faces of the frame.
template <class Use>
mien_status tracked(mien_pipeline *pipeline, const mien_image *frame, int64_t t_ns, const mien_face_state *states,
                    size_t capacity, const Use &use) {
  Line *line = &pipeline->error;
  if (frame == nullptr) return said(line, MIEN_E_ARGUMENT, "frame is NULL");
  if (frame->struct_size != sizeof *frame) {
    return said(line, MIEN_E_STRUCT, "struct_size of the frame is not set to sizeof");
  }
  const mien_status wrong = unfit(pipeline, t_ns, states, capacity);
  if (wrong != MIEN_OK) return wrong;
  return guarded(line, [&] {
    mien::tracker::check_frame(*frame);
    pipeline->last_ns = t_ns;
    pipeline->started = true;
    use(pipeline->face->process(*frame, t_ns));
  });
}

}  // namespace

mien_status mien_pipeline_process(mien_pipeline *pipeline, const mien_image *frame, int64_t t_ns,
                                  mien_face_state *state) {
  if (pipeline == nullptr) return MIEN_E_ARGUMENT;
  return tracked(pipeline, frame, t_ns, state, 1, [&](const std::vector<mien::tracker::Face> &faces) {
    if (!faces.empty()) pipeline->face->prefer(faces[0].id);
    pipeline->face->describe(faces.empty() ? nullptr : &faces[0], t_ns, state);
  });
}

mien_status mien_pipeline_faces(mien_pipeline *pipeline, const mien_image *frame, int64_t t_ns, mien_face_state *states,
                                size_t capacity, size_t *count) {
  if (pipeline == nullptr) return MIEN_E_ARGUMENT;
  if (count == nullptr) return said(&pipeline->error, MIEN_E_ARGUMENT, "count is NULL");
  if (capacity < pipeline->settings.max_faces) {
    return said(&pipeline->error, MIEN_E_CAPACITY, "there is not room for max_faces states");
  }
  return tracked(pipeline, frame, t_ns, states, capacity, [&](const std::vector<mien::tracker::Face> &faces) {
    for (size_t i = 0; i < faces.size(); ++i) pipeline->face->describe(&faces[i], t_ns, &states[i]);
    *count = faces.size();
  });
}

mien_status mien_pipeline_repeat(mien_pipeline *pipeline, int64_t t_ns, mien_face_state *states, size_t capacity,
                                 size_t *count) {
  if (pipeline == nullptr) return MIEN_E_ARGUMENT;
  Line *line = &pipeline->error;
  if (count == nullptr) return said(line, MIEN_E_ARGUMENT, "count is NULL");
  const mien_status wrong = unfit(pipeline, t_ns, states, capacity);
  if (wrong != MIEN_OK) return wrong;
  const std::vector<mien::tracker::Face> &faces = pipeline->face->tracker().faces();
  if (capacity < faces.size()) return said(line, MIEN_E_CAPACITY, "there are more faces than states");
  pipeline->last_ns = t_ns;
  pipeline->started = true;
  return guarded(line, [&] {
    for (size_t i = 0; i < faces.size(); ++i) pipeline->face->describe(&faces[i], t_ns, &states[i]);
    *count = faces.size();
  });
}

mien_status mien_pipeline_expression(const mien_pipeline *pipeline, size_t face, mien_expression *expression) {
  if (pipeline == nullptr || expression == nullptr) return MIEN_E_ARGUMENT;
  if (expression->struct_size != sizeof *expression) return MIEN_E_STRUCT;
  if (!pipeline->face || face >= pipeline->face->tracker().faces().size()) return MIEN_E_ARGUMENT;
  const Shared &shared = *pipeline->shared;
  const std::vector<mien::tracker::Expression::Output> &outputs = shared.face->model->expression();
  const std::vector<std::vector<float>> &said = pipeline->face->tracker().faces()[face].expression;
  mien_expression made{};
  made.struct_size = sizeof made;
  made.valence = made.arousal = made.unknown = std::numeric_limits<float>::quiet_NaN();
  made.au_names = shared.au_names.data();
  made.au_count = static_cast<uint32_t>(shared.au_names.size());
  made.emotion_names = shared.emotion_names.data();
  made.emotion_count = static_cast<uint32_t>(shared.emotion_names.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const float *values = said[i].data();
    const std::string &name = outputs[i].name;
    if (name == "aus") made.aus = values;
    if (name == "emotion") made.emotions = values;
    if (name == "affect") made.valence = values[0], made.arousal = values[1];
    if (name == "unknown") made.unknown = values[0];
    if (name == "embedding") made.embedding = values;
    if (name == "raw_embedding") made.raw_embedding = values;
    if (name.find("embedding") != std::string::npos) made.embedding_count = static_cast<uint32_t>(said[i].size());
    if (name == "attention") {
      made.attention = values;
      made.attention_rows = static_cast<uint32_t>(outputs[i].shape[1]);
      made.attention_columns = static_cast<uint32_t>(outputs[i].shape[2]);
    }
  }
  *expression = made;
  return MIEN_OK;
}

mien_status mien_pipeline_neutral(mien_pipeline *pipeline, const float *embedding, size_t count) {
  if (pipeline == nullptr) return MIEN_E_ARGUMENT;
  Line *line = &pipeline->error;
  size_t room = 0;
  float *neutral = pipeline->face ? pipeline->face->neutral(&room) : nullptr;
  if (neutral == nullptr) return said(line, MIEN_E_ARGUMENT, "this bundle takes no neutral embedding");
  if (embedding == nullptr) {
    std::fill_n(neutral, room, 0.0f);
    return MIEN_OK;
  }
  if (count != room) return said(line, MIEN_E_ARGUMENT, "a neutral embedding has another size");
  if (!mien::all_finite(embedding, count)) return said(line, MIEN_E_NOT_FINITE, "the neutral embedding is not finite");
  std::copy_n(embedding, count, neutral);
  return MIEN_OK;
}

mien_status mien_pipeline_reset(mien_pipeline *pipeline) {
  if (pipeline == nullptr) return MIEN_E_ARGUMENT;
  if (pipeline->face) pipeline->face->forget();
  if (pipeline->imu) pipeline->imu->forget();
  pipeline->started = false;
  return MIEN_OK;
}

mien_status mien_pipeline_sensors(const mien_pipeline *pipeline, const char *const **names, size_t *count) {
  if (pipeline == nullptr || names == nullptr || count == nullptr) return MIEN_E_ARGUMENT;
  *names = pipeline->shared->sensor_names.data();
  *count = pipeline->shared->sensor_names.size();
  return MIEN_OK;
}

mien_status mien_pipeline_samples(mien_pipeline *pipeline, const int64_t *t_ns, const float *acc, const float *gyro,
                                  size_t rows, mien_face_state *state) {
  if (pipeline == nullptr) return MIEN_E_ARGUMENT;
  Line *line = &pipeline->error;
  if (t_ns == nullptr || acc == nullptr || gyro == nullptr || state == nullptr || rows == 0) {
    return said(line, MIEN_E_ARGUMENT, "t_ns, acc, gyro or state is NULL, or there are no rows");
  }
  if (!pipeline->imu) return said(line, MIEN_E_ARGUMENT, "this bundle takes frames, not samples of sensors");
  if (state->struct_size != sizeof *state) {
    return said(line, MIEN_E_STRUCT, "struct_size of the state is not set to sizeof");
  }
  return guarded(line, [&] { pipeline->imu->process(t_ns, acc, gyro, rows, state); });
}

mien_imu *mien_pipeline_imu(mien_pipeline *pipeline) {
  return pipeline != nullptr && pipeline->imu ? pipeline->imu->preparation() : nullptr;
}
