// The steps from a frame to its faces, in between which networks are run.
#include "tracker/tracker.h"

#include <algorithm>

#include "refusal.h"

namespace mien::tracker {
namespace {

// With room for more faces the detector looks again this often; every frame would cost a third of the net time.
constexpr int kDetectEvery = 8;
constexpr double kSameFaceIou = 0.5;

}  // namespace

void check_frame(const mien_image &frame) {
  // The checks of an image stand in front of its sampling: of one pixel here.
  constexpr double kFirst[6] = {1, 0, 0, 0, 1, 0};
  uint8_t pixel = 0;
  mien_tensor tensor{};
  tensor.struct_size = sizeof tensor;
  tensor.width = tensor.height = 1;
  tensor.dtype = MIEN_U8;
  tensor.color = MIEN_COLOR_GRAY;
  tensor.scale[0] = tensor.quant_scale = 1;
  tensor.data = &pixel;
  tensor.capacity = sizeof pixel;
  const mien_status status = mien_image_to_tensor(&frame, kFirst, &tensor);
  if (status != MIEN_OK) throw Refusal(status, std::string("the frame: ") + mien_status_text(status));
}

Tracker::Tracker(std::shared_ptr<const Model> model, const Settings &settings)
    : model_(std::move(model)), settings_(settings) {
  for (const Model::Wanted &wanted : model_->networks()) inputs_.emplace_back(wanted.network);
  scratch_.resize(3 * std::max(model_->landmarks(), size_t{MIEN_MAX_POINTS}));
}

void Tracker::forget() {
  tracks_.clear();
  identities_ = Identities();
  since_detection_ = 0;
  further_ = 0;
  stage_ = Stage::kIdle;
  waiting_ = false;
  faces_.clear();
}

void Tracker::begin(const mien_image &frame, int64_t t_ns) {
  check_frame(frame);
  frame_ = frame;
  t_ns_ = t_ns;
  if (!settings_.tracking) {
    tracks_.clear();
    identities_.forget();
  }
  candidates_ = tracks_;
  followed_ = true;
  searched_ = detected_ = false;
  looked_ = 0;
  if (!settings_.tracking) further_ = 0;
  next_ = 0;
  pass_ = 0;
  faces_.clear();
  stage_ = Stage::kFollow;
  waiting_ = false;
}

bool Tracker::wants() {
  if (!waiting_) waiting_ = prepare();
  return waiting_;
}

// What is wanted next, with its inputs.
bool Tracker::prepare() {
  if (stage_ == Stage::kIdle) return false;
  if (stage_ == Stage::kCoefficients) {
    wanted_ = model_->coefficients_at_;
    model_->coefficients_->points(current_, reinterpret_cast<float *>(inputs_[wanted_].data(0)));
    return true;
  }
  if (next_ < candidates_.size() && faces_.size() < settings_.max_faces) {
    wanted_ = model_->lands_;
    inputs_[wanted_].prepare(frame_, model_->stage_->affine(candidates_[next_].region));
    return true;
  }
  if (!searched_) {
    searched_ = true;
    ++since_detection_;
    if (faces_.size() < settings_.max_faces && (faces_.empty() || since_detection_ >= kDetectEvery)) {
      since_detection_ = 0;
      followed_ = false;
      next_ = 0;
      if (!model_->detector_) {
        candidates_.assign(1, {model_->stage_->whole(frame_), nullptr});
        return prepare();
      }
      return wants_detector(0);
    }
  }
  if (faces_.empty() && detected_ && looked_ < most_looks()) {
    ++looked_;
    further_ = further_ % (model_->detector_->looks() - 1) + 1;
    return wants_detector(further_);
  }
  finish();
  return false;
}

// A frame of a stream in which nothing was found is looked at in one further way, another one each time; a picture in
// all.
size_t Tracker::most_looks() const {
  const size_t further = model_->detector_->looks() - 1;
  return settings_.tracking ? std::min<size_t>(further, 1) : further;
}

bool Tracker::wants_detector(size_t look) {
  stage_ = Stage::kDetect;
  detected_ = true;
  look_ = look;
  next_ = 0;
  followed_ = false;
  wanted_ = model_->detects_;
  inputs_[wanted_].prepare(frame_, model_->detector_->affine(frame_, look));
  return true;
}

void Tracker::answer(const Outputs &outputs) {
  if (!waiting_) throw Refusal(MIEN_E_ARGUMENT, "the tracker wants no network");
  waiting_ = false;
  try {
    if (stage_ == Stage::kDetect) {
      take_detections(outputs);
    } else if (stage_ == Stage::kFollow) {
      take_landmarks(outputs);
    } else if (stage_ == Stage::kCoefficients) {
      model_->coefficients_->read(outputs, &current_);
      accept();
    }
  } catch (...) {
    stage_ = Stage::kIdle;
    faces_.clear();
    throw;
  }
}

void Tracker::accept() {
  faces_.push_back(std::move(current_));
  ++next_;
  stage_ = Stage::kFollow;
}

void Tracker::take_detections(const Outputs &outputs) {
  model_->detector_->decode(outputs, frame_, look_, &detections_);
  detections_.resize(std::min(detections_.size(), settings_.max_faces));
  candidates_.clear();
  const size_t points = static_cast<size_t>(model_->detector_->points());
  for (const mien_detection &one : detections_) {
    const Box box = {one.box[0], one.box[1], one.box[2], one.box[3]};
    if (model_->stage_) {
      candidates_.push_back({model_->from_detection_.region(box, one.point, points, 2, scratch_.data()), nullptr});
      continue;
    }
    Face face;  // there is no more to know of it
    face.box = box;
    face.presence = one.score;
    face.valid.assign(MIEN_ARKIT_COUNT, 0);
    face.landmarks.assign(3 * points, 0.0f);
    for (size_t i = 0; i < points; ++i) std::copy_n(one.point + 2 * i, 2, &face.landmarks[3 * i]);
    faces_.push_back(std::move(face));
  }
  stage_ = Stage::kFollow;
}

// With more than one pass a face that was detected is looked at again in the crop that its own landmarks ask for, until
// that crop rests; one that never does holds no face that stands upright in it. The crop of a face that was there in
// the frame before follows it with the bundle's slack.
void Tracker::take_landmarks(const Outputs &outputs) {
  Track &track = candidates_[next_];
  current_ = Face();
  bool found = model_->stage_->find(outputs, track.region, frame_, scratch_.data(), &current_);
  if (found) {
    const Region seen_in = track.region;
    const Crop &crop = model_->from_landmarks_;
    const float *points = current_.landmarks.data();
    const size_t count = model_->stage_->count();
    track.region = followed_ ? crop.next(track.region, current_.box, points, count, 3, scratch_.data())
                             : crop.region(current_.box, points, count, 3, scratch_.data());
    const bool rests = model_->rest_ > 0 && seen_in.away(track.region) <= model_->rest_;
    if (!followed_ && !rests) {
      if (++pass_ < model_->passes_) return;
      found = model_->rest_ <= 0;
    }
  }
  pass_ = 0;
  if (!found || known(current_)) {
    ++next_;
    return;
  }
  current_.track = track;
  smooth(&current_);
  current_.valid.assign(model_->coefficients_ ? model_->coefficients().size() : MIEN_ARKIT_COUNT,
                        model_->coefficients_ ? 1 : 0);
  if (model_->visibility_) model_->visibility_->read(outputs, &current_);
  if (model_->gaze_) model_->gaze_->read(outputs, &current_);
  if (model_->head_) model_->head_->read(outputs, &current_);
  if (model_->expression_) model_->expression_->read(outputs, &current_);
  if (model_->own_coefficients_) {
    stage_ = Stage::kCoefficients;
    return;
  }
  if (model_->coefficients_) model_->coefficients_->read(outputs, &current_);
  accept();
}

bool Tracker::known(const Face &face) const {
  return std::any_of(faces_.begin(), faces_.end(),
                     [&](const Face &other) { return overlap(face.box, other.box) > kSameFaceIou; });
}

// Scale-free: speed is measured in face sizes per second.
void Tracker::smooth(Face *face) const {
  if (!settings_.tracking || !settings_.smoothing || !(model_->min_cutoff_ > 0)) return;
  const size_t count = face->landmarks.size();
  OneEuro &smoother = face->track.smoother;
  if (smoother == nullptr) {
    const std::vector<float> cutoffs(count, model_->min_cutoff_), betas(count, model_->beta_);
    mien_one_euro *made = nullptr;
    const mien_status status =
        mien_one_euro_create(count, cutoffs.data(), betas.data(), model_->derivative_cutoff_, &made);
    if (status != MIEN_OK) throw Refusal(status, std::string("landmark_filter: ") + mien_status_text(status));
    smoother.reset(made, mien_one_euro_destroy);
  }
  const double size = (face->box[2] - face->box[0] + face->box[3] - face->box[1]) / 2;
  if (!(size > 1e-6)) return;
  float *points = face->landmarks.data();
  const mien_status status =
      mien_one_euro_apply(smoother.get(), t_ns_, static_cast<float>(1.0 / size), points, nullptr, points);
  if (status != MIEN_OK) throw Refusal(status, std::string("landmark_filter: ") + mien_status_text(status));
}

void Tracker::finish() {
  stage_ = Stage::kIdle;
  std::vector<Box> boxes;
  tracks_.clear();
  for (Face &face : faces_) {
    boxes.push_back(face.box);
    tracks_.push_back(face.track);
    if (model_->gaze_) model_->gaze_->place(&face);
    if (model_->head_) model_->head_->fit(frame_, &scratch_, &face);
  }
  if (!model_->stage_) tracks_.clear();  // every frame is searched
  const std::vector<int32_t> ids = identities_.assign(boxes, t_ns_);
  for (size_t i = 0; i < faces_.size(); ++i) faces_[i].id = ids[i];
}

}  // namespace mien::tracker
