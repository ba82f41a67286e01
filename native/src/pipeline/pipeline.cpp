// The C interface of the whole way: arguments in, statuses and lines of text out; no exception gets past here.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

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

}  // namespace

struct mien_pipeline {
  mien_pipeline(const std::string &path, const mien_engine &engine, int32_t threads, uint32_t flags)
      : mien_pipeline(mien::bundle::Bundle(path), engine, threads, flags) {}

  // The bundle and its bytes are let go of when everything is loaded.
  mien_pipeline(const mien::bundle::Bundle &bundle, const mien_engine &engine, int32_t threads, uint32_t flags)
      : name(bundle.name()), licence(bundle.licence()) {
    const bool smoothing = (flags & MIEN_PIPELINE_NO_SMOOTHING) == 0;
    const bool tracking = (flags & MIEN_PIPELINE_NO_TRACKING) == 0;
    if (bundle.task() == "imu") {
      imu = std::make_unique<mien::pipeline::ImuTask>(bundle, engine, threads, smoothing && tracking);
      coefficient_names = pointers(imu->coefficients());
      region_names = pointers(imu->regions());
      sensor_names = pointers(imu->sensors());
    } else {
      face = std::make_unique<mien::pipeline::FaceTask>(bundle, engine, threads, tracking, smoothing);
      coefficient_names = pointers(face->coefficients());
      region_names = pointers(face->regions());
    }
  }

  // One of the two.
  std::unique_ptr<mien::pipeline::FaceTask> face;
  std::unique_ptr<mien::pipeline::ImuTask> imu;
  std::string name, licence;
  std::vector<const char *> coefficient_names, region_names, sensor_names;
  bool started = false;
  int64_t last_ns = 0;
  Line error;
};

mien_status mien_pipeline_open(const char *path, const mien_pipeline_options *options, const mien_engine *engine,
                               mien_pipeline **pipeline) {
  if (path == nullptr || engine == nullptr || pipeline == nullptr) {
    return said(&last_open, MIEN_E_ARGUMENT, "path, engine or pipeline is NULL");
  }
  if (engine->struct_size != sizeof *engine || (options != nullptr && options->struct_size != sizeof *options)) {
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
  return guarded(&last_open, [&] { *pipeline = new mien_pipeline(std::string(path), *engine, threads, flags); });
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
  mien_pipeline_info made{};
  made.struct_size = sizeof made;
  made.coefficient_count = static_cast<uint32_t>(pipeline->coefficient_names.size());
  made.coefficient_names = pipeline->coefficient_names.data();
  made.landmark_count = pipeline->face ? static_cast<uint32_t>(pipeline->face->landmarks()) : 0;
  made.region_count = static_cast<uint32_t>(pipeline->region_names.size());
  made.region_names = pipeline->region_names.data();
  made.bundle = pipeline->name.c_str();
  made.licence = pipeline->licence.c_str();
  *info = made;
  return MIEN_OK;
}

mien_status mien_pipeline_process(mien_pipeline *pipeline, const mien_image *frame, int64_t t_ns,
                                  mien_face_state *state) {
  if (pipeline == nullptr) return MIEN_E_ARGUMENT;
  Line *line = &pipeline->error;
  if (frame == nullptr || state == nullptr) return said(line, MIEN_E_ARGUMENT, "frame or state is NULL");
  if (frame->struct_size != sizeof *frame || state->struct_size != sizeof *state) {
    return said(line, MIEN_E_STRUCT, "struct_size of the frame or of the state is not set to sizeof");
  }
  if (!pipeline->face) return said(line, MIEN_E_ARGUMENT, "this bundle takes samples of sensors, not frames");
  if (state->landmarks != nullptr && state->landmark_capacity < pipeline->face->landmarks()) {
    return said(line, MIEN_E_CAPACITY, "landmark_capacity is less than landmark_count");
  }
  if (pipeline->started && t_ns <= pipeline->last_ns) {
    return said(line, MIEN_E_TIME, "t_ns is not after the frame before; mien_pipeline_reset begins a new recording");
  }
  return guarded(line, [&] {
    mien::pipeline::check_frame(*frame);
    pipeline->last_ns = t_ns;
    pipeline->started = true;
    pipeline->face->process(*frame, t_ns, state);
  });
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
  *names = pipeline->sensor_names.data();
  *count = pipeline->sensor_names.size();
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
