// Faces in frames: the tracker's wants, met by the host's engine; and the state of each face as the C interface has it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/network.h"
#include "pipeline/smoothing.h"
#include "tracker/tracker.h"

namespace mien::pipeline {

// What all streams of a bundle share: how it is read, and its weights.
struct FaceModel {
  // Throws Refusal: what is wrong with the bundle, or with the one beside it, or does not load.
  FaceModel(const bundle::Bundle &bundle, const mien_engine &engine, int32_t threads);

  std::shared_ptr<const tracker::Model> model;
  std::vector<std::unique_ptr<Network>> networks;  // as in model->networks()
  std::optional<Smoothing> smoothing;              // without memory
};

// One stream of frames.
class FaceStream {
 public:
  FaceStream(std::shared_ptr<const FaceModel> shared, const tracker::Settings &settings);

  void forget();
  // The faces of a frame, the longest-followed first. Throws Refusal: MIEN_E_ENGINE, or the status of a frame that is
  // none.
  const std::vector<tracker::Face> &process(const mien_image &frame, int64_t t_ns);
  // A face as a state, all but struct_size and what the caller set for landmarks; NULL: there is none.
  void describe(const tracker::Face *face, int64_t t_ns, mien_face_state *state);
  // Remembers whose filters a frame without a face goes through.
  void prefer(int32_t id) { primary_ = id; }
  // The memory of the landmark network's input `neutral`, and its size; NULL if it has none.
  float *neutral(size_t *count);
  const tracker::Tracker &tracker() const { return tracker_; }

 private:
  std::shared_ptr<const FaceModel> shared_;
  tracker::Tracker tracker_;
  std::optional<Smoothing> smoothing_;
  int32_t primary_ = -1;  // the face that was there last
};

// A state of which nothing was measured; struct_size and the caller's landmarks stay.
void clear(int64_t t_ns, mien_face_state *state);

}  // namespace mien::pipeline
