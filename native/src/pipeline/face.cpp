// The loop around the tracker, and states.
#include "pipeline/face.h"

#include <algorithm>
#include <limits>

#include "refusal.h"

namespace mien::pipeline {
namespace {

using bundle::Bundle;

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

// The file of the bundle that another one refers to by name: its neighbour in the same folder.
std::string beside(const Bundle &bundle, const std::string &name) {
#if defined(_WIN32)
  const size_t slash = bundle.path().find_last_of("/\\");
#else
  const size_t slash = bundle.path().find_last_of('/');
#endif
  return (slash == std::string::npos ? "" : bundle.path().substr(0, slash + 1)) + name + ".mien";
}

template <class From, class To>
void copy(const From *from, size_t count, To *to) {
  for (size_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

}  // namespace

FaceModel::FaceModel(const Bundle &bundle, const mien_engine &engine, int32_t threads) {
  const bundle::Section root = bundle.root();
  std::unique_ptr<Bundle> other;
  if (const std::optional<std::string> name = tracker::neighbour(bundle)) {
    other = std::make_unique<Bundle>(beside(bundle, *name));
  }
  model = std::make_shared<tracker::Model>(bundle, other.get());
  if (model->coefficients().size() > MIEN_MAX_COEFFICIENTS || model->regions().size() > MIEN_MAX_REGIONS) {
    root.refuse("face", "has more coefficients or regions than mien_face_state has room for");
  }
  if (root.has("face")) {
    const bundle::Section face = root.section("face");
    if (face.has("coefficient_filter")) {
      const bundle::Section filter = face.section("coefficient_filter");
      smoothing.emplace(filter);
      filter.done();
    }
  }
  root.done();
  if (other) other->root().done();
  for (const tracker::Model::Wanted &wanted : model->networks()) {
    networks.push_back(std::make_unique<Network>(wanted.beside ? *other : bundle, wanted.network, engine, threads));
  }
}

FaceStream::FaceStream(std::shared_ptr<const FaceModel> shared, const tracker::Settings &settings)
    : shared_(std::move(shared)), tracker_(shared_->model, settings) {
  if (settings.tracking && settings.smoothing && shared_->smoothing && !shared_->model->coefficients().empty()) {
    smoothing_.emplace(shared_->smoothing->fresh());
  }
}

void FaceStream::forget() {
  tracker_.forget();
  primary_ = -1;
  if (smoothing_) smoothing_->forget();
}

const std::vector<tracker::Face> &FaceStream::process(const mien_image &frame, int64_t t_ns) {
  tracker_.begin(frame, t_ns);
  while (tracker_.wants()) {
    Network &network = *shared_->networks[tracker_.wanted()];
    const std::lock_guard<std::mutex> turn(network.turn);
    tracker_.answer(network.run(&tracker_.inputs(tracker_.wanted())));
  }
  return tracker_.faces();
}

float *FaceStream::neutral(size_t *count) {
  const tracker::Model &model = *shared_->model;
  for (size_t n = 0; n < model.networks().size(); ++n) {
    const std::vector<bundle::Port> &inputs = model.networks()[n].network.inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].name != "neutral" || inputs[i].takes_pixels) continue;
      *count = inputs[i].count;
      return reinterpret_cast<float *>(tracker_.inputs(n).data(i));
    }
  }
  return nullptr;
}

void clear(int64_t t_ns, mien_face_state *state) {
  mien_face_state made{};
  made.struct_size = sizeof made;
  made.landmarks = state->landmarks;
  made.landmark_capacity = state->landmark_capacity;
  made.t_ns = t_ns;
  made.id = -1;
  for (float *values : {made.coefficient, made.raw}) std::fill_n(values, MIEN_MAX_COEFFICIENTS, kNone);
  std::fill_n(made.visibility, MIEN_MAX_REGIONS, kNone);
  std::fill_n(made.box, 4, kNone);
  std::fill_n(made.rotation, 4, kNone);
  std::fill_n(made.translation, 3, kNone);
  std::fill_n(made.gaze[0], 6, kNone);
  std::fill_n(made.eyes[0], 4, kNone);
  made.residual = kNone;
  *state = made;
}

void FaceStream::describe(const tracker::Face *face, int64_t t_ns, mien_face_state *state) {
  const tracker::Model &model = *shared_->model;
  const size_t count = model.coefficients().size();
  mien_face_state made = *state;
  clear(t_ns, &made);
  made.coefficient_count = static_cast<uint32_t>(count);
  made.landmark_count = static_cast<uint32_t>(model.landmarks());
  made.region_count = static_cast<uint32_t>(model.regions().size());
  if (face == nullptr) {
    if (smoothing_) smoothing_->pass(primary_, t_ns);
    *state = made;
    return;
  }
  made.found = 1;
  made.id = face->id;
  made.presence = static_cast<float>(face->presence);
  made.measured = MIEN_HAS_LANDMARKS;
  copy(face->box.data(), 4, made.box);
  if (!face->visibility.empty()) {
    copy(face->visibility.data(), made.region_count, made.visibility);
    made.measured |= MIEN_HAS_VISIBILITY;
  }
  if (count > 0) {
    for (size_t i = 0; i < count; ++i) made.raw[i] = model.gives(i) ? face->coefficients[i] : kNone;
    copy(face->coefficients.data(), count, made.coefficient);
    copy(face->valid.data(), count, made.valid);
    if (smoothing_) smoothing_->apply(made.id, t_ns, made.coefficient, made.valid);
    for (size_t i = 0; i < count; ++i) {
      if (made.valid[i] == 0) made.coefficient[i] = kNone;
    }
    made.measured |= MIEN_HAS_COEFFICIENTS;
  }
  if (model.looks()) {
    copy(face->eyes[0], 4, made.eyes[0]);
    made.measured |= MIEN_HAS_EYES;
  }
  if (face->has_gaze) {
    copy(face->gaze[0], 6, made.gaze[0]);
    made.measured |= MIEN_HAS_GAZE;
  }
  if (face->has_head) {
    copy(face->rotation, 4, made.rotation);
    copy(face->translation, 3, made.translation);
    made.residual = static_cast<float>(face->residual);
    made.measured |= MIEN_HAS_HEAD;
  }
  if (state->landmarks != nullptr) std::copy(face->landmarks.begin(), face->landmarks.end(), state->landmarks);
  *state = made;
}

}  // namespace mien::pipeline
