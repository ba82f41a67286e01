// Per face: crop around where it was, or where the detector finds it -> landmark network -> landmarks in frame pixels
// -> the bundle's filter -> coefficients, visibility, gaze and head pose. The next crop comes from the unfiltered
// landmarks, so that the filter's lag never moves it.
#include "pipeline/face.h"

#include <algorithm>
#include <limits>

#include "refusal.h"

namespace mien::pipeline {
namespace {

using bundle::Bundle;
using bundle::Section;

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

// The bundle that another one refers to by name: its neighbour in the same folder.
std::string beside(const Bundle &bundle, const Section &section) {
  const std::string name = section.text("bundle");
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  });
  if (!plain) section.refuse("bundle", "is not the name of a bundle");
#if defined(_WIN32)
  const size_t slash = bundle.path().find_last_of("/\\");
#else
  const size_t slash = bundle.path().find_last_of('/');
#endif
  return (slash == std::string::npos ? "" : bundle.path().substr(0, slash + 1)) + name + ".mien";
}

std::unique_ptr<Detector> load_detector(const Bundle &bundle, const Section &section, const mien_engine &engine,
                                        int32_t threads) {
  if (!section.has("bundle")) return std::make_unique<Detector>(bundle, section, engine, threads);
  const Bundle other(beside(bundle, section));
  auto detector = std::make_unique<Detector>(other, other.root().section("detect"), engine, threads);
  other.root().done();
  return detector;
}

}  // namespace

FaceTask::FaceTask(const Bundle &bundle, const mien_engine &engine, int32_t threads, bool tracking, bool smoothing)
    : tracking_(tracking) {
  const Section root = bundle.root();
  if (bundle.task() != "face") root.refuse("task", "this library runs face, not " + bundle.task());
  const Section face = root.section("face");
  if (root.has("detect")) {
    detector_ = load_detector(bundle, root.section("detect"), engine, threads);
    from_detection_.emplace(face.section("crop_from_detection"), detector_->points());
  }
  stage_ = std::make_unique<LandmarkStage>(bundle, face.section("landmarks"), engine, threads);
  const size_t count = stage_->count();
  from_landmarks_.emplace(face.section("crop_from_landmarks"), static_cast<int>(count));
  passes_ = 1 + face.integer("refine", 0, 8, 0);
  if (face.has("landmark_filter")) {
    const Section filter = face.section("landmark_filter");
    filter.text("kind", "one_euro", {"one_euro"});
    const std::vector<float> cutoff(3 * count, static_cast<float>(filter.number("min_cutoff", 1e-6, 1e6)));
    const std::vector<float> beta(3 * count, static_cast<float>(filter.number("beta", 0, 1e6)));
    OneEuro made = make_one_euro(cutoff, beta, static_cast<float>(filter.number("derivative_cutoff", 1e-6, 1e6, 1.0)));
    if (tracking && smoothing) landmark_filter_ = std::move(made);
  }
  if (face.has("coefficients")) {
    coefficients_.emplace(face.section("coefficients"), *stage_);
    coefficient_names_ = coefficients_->names();
  }
  if (face.has("visibility")) {
    visibility_.emplace(face.section("visibility"), *stage_, coefficients_ ? coefficient_names_ : arkit_names());
    region_names_ = visibility_->regions();
  }
  if (face.has("gaze")) gaze_.emplace(face.section("gaze"), *stage_);
  if (face.has("pose")) head_.emplace(bundle, face.section("pose"), *stage_);
  if (face.has("coefficient_filter")) {
    Smoothing filter(face.section("coefficient_filter"));
    if (tracking && smoothing && coefficients_) smoothing_.emplace(std::move(filter));
  }
  root.done();
  scratch_.resize(3 * std::max(count, size_t{MIEN_MAX_POINTS}));
}

void FaceTask::forget() {
  followed_ = false;
  identities_ = Identities();
  primary_ = -1;
  if (smoothing_) smoothing_->forget();
}

// Whether the face is really there. With more than one pass it is looked at again in the crop that its own landmarks
// ask for; a face that was there in the frame before has its crop follow with the bundle's slack.
bool FaceTask::follow(const mien_image &frame, Region region, int passes, int64_t t_ns) {
  for (int pass = 0; pass < passes; ++pass) {
    if (!stage_->find(region, frame, &face_)) return false;
    const float *points = face_.landmarks.data();
    region = followed_ ? from_landmarks_->next(region, face_.box, points, stage_->count(), 3, scratch_.data())
                       : from_landmarks_->region(face_.box, points, stage_->count(), 3, scratch_.data());
  }
  region_ = region;
  if (landmark_filter_) smooth_landmarks(t_ns);
  return true;
}

void FaceTask::smooth_landmarks(int64_t t_ns) {
  if (!followed_) mien_one_euro_reset(landmark_filter_.get());
  const double size = (face_.box[2] - face_.box[0] + face_.box[3] - face_.box[1]) / 2;
  if (!(size > 1e-6)) return;
  float *points = face_.landmarks.data();
  const mien_status status =
      mien_one_euro_apply(landmark_filter_.get(), t_ns, static_cast<float>(1.0 / size), points, nullptr, points);
  if (status != MIEN_OK) throw Refusal(status, std::string("landmark_filter: ") + mien_status_text(status));
}

// Where the detector sees a face; without a detector, the whole frame.
std::optional<Region> FaceTask::search(const mien_image &frame) {
  if (detector_ == nullptr) {
    const Network &network = stage_->network();
    return whole_frame(frame.width, frame.height, network.columns(), network.rows(), network.corner());
  }
  const mien_detection *best = detector_->find(frame);
  if (best == nullptr) return std::nullopt;
  const Box box = {best->box[0], best->box[1], best->box[2], best->box[3]};
  const size_t points = static_cast<size_t>(detector_->points());
  return from_detection_->region(box, best->point, points, 2, scratch_.data());
}

void FaceTask::process(const mien_image &frame, int64_t t_ns, mien_face_state *state) {
  if (!tracking_) {
    followed_ = false;
    identities_.forget();
  }
  bool found = followed_ && follow(frame, region_, 1, t_ns);
  if (!found) {
    followed_ = false;
    const std::optional<Region> region = search(frame);
    found = region && follow(frame, *region, passes_, t_ns);
  }
  followed_ = found;
  describe(frame, t_ns, state);
}

void FaceTask::describe(const mien_image &frame, int64_t t_ns, mien_face_state *state) {
  mien_face_state made{};
  made.struct_size = sizeof made;
  made.landmarks = state->landmarks;
  made.landmark_capacity = state->landmark_capacity;
  made.t_ns = t_ns;
  made.id = -1;
  made.coefficient_count = static_cast<uint32_t>(coefficient_names_.size());
  made.landmark_count = static_cast<uint32_t>(stage_->count());
  made.region_count = static_cast<uint32_t>(region_names_.size());
  for (float *values : {made.coefficient, made.raw}) std::fill_n(values, MIEN_MAX_COEFFICIENTS, kNone);
  std::fill_n(made.visibility, MIEN_MAX_REGIONS, kNone);
  std::fill_n(made.box, 4, kNone);
  std::fill_n(made.rotation, 4, kNone);
  std::fill_n(made.translation, 3, kNone);
  std::fill_n(made.gaze[0], 6, kNone);
  std::fill_n(made.eyes[0], 4, kNone);
  made.residual = kNone;
  if (!followed_) {
    identities_.pass(t_ns);
    if (smoothing_) smoothing_->pass(primary_, t_ns);
    *state = made;
    return;
  }
  const Network &network = stage_->network();
  const size_t count = coefficient_names_.size();
  made.found = 1;
  made.id = primary_ = identities_.assign(face_.box, t_ns);
  made.presence = static_cast<float>(face_.presence);
  made.measured = MIEN_HAS_LANDMARKS;
  for (size_t i = 0; i < 4; ++i) made.box[i] = static_cast<float>(face_.box[i]);
  uint8_t valid[MIEN_MAX_COEFFICIENTS];
  std::fill_n(valid, MIEN_MAX_COEFFICIENTS, uint8_t{1});
  if (visibility_) {
    visibility_->read(network, made.visibility, valid);
    made.measured |= MIEN_HAS_VISIBILITY;
  }
  if (coefficients_) {
    coefficients_->read(network, made.raw);
    std::copy_n(made.raw, count, made.coefficient);
    std::copy_n(valid, count, made.valid);
    if (smoothing_) smoothing_->apply(made.id, t_ns, made.coefficient, valid);
    for (size_t i = 0; i < count; ++i) {
      if (valid[i] == 0) made.coefficient[i] = kNone;
    }
    made.measured |= MIEN_HAS_COEFFICIENTS;
  }
  if (gaze_) {
    made.measured |= MIEN_HAS_EYES;
    if (gaze_->read(network, face_, made.gaze, made.eyes)) made.measured |= MIEN_HAS_GAZE;
  }
  if (head_ && head_->read(network, face_, frame, made.rotation, made.translation, &made.residual)) {
    made.measured |= MIEN_HAS_HEAD;
  }
  if (state->landmarks != nullptr) std::copy(face_.landmarks.begin(), face_.landmarks.end(), state->landmarks);
  *state = made;
}

}  // namespace mien::pipeline
