// FaceTask: one face, followed from frame to frame, as the manifest's `face` section describes it. As
// sdk/mien/tasks/face.py with max_faces 1.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/detector.h"
#include "pipeline/head.h"
#include "pipeline/landmarks.h"
#include "pipeline/readings.h"
#include "pipeline/tracking.h"

namespace mien::pipeline {

class FaceTask {
 public:
  // Throws Refusal: what is wrong with the bundle or does not load.
  FaceTask(const bundle::Bundle &bundle, const mien_engine &engine, int32_t threads, bool tracking, bool smoothing);

  const std::vector<std::string> &coefficients() const { return coefficient_names_; }
  const std::vector<std::string> &regions() const { return region_names_; }
  size_t landmarks() const { return stage_->count(); }

  void forget();
  // Fills all of *state but struct_size and what the caller set for landmarks. Throws Refusal: MIEN_E_ENGINE, or the
  // status of a frame that is none; *state is then unchanged.
  void process(const mien_image &frame, int64_t t_ns, mien_face_state *state);

 private:
  bool follow(const mien_image &frame, Region region, int passes, int64_t t_ns);
  std::optional<Region> search(const mien_image &frame);
  void smooth_landmarks(int64_t t_ns);
  void describe(const mien_image &frame, int64_t t_ns, mien_face_state *state);

  bool tracking_;
  std::unique_ptr<Detector> detector_;
  std::unique_ptr<LandmarkStage> stage_;
  std::optional<Crop> from_detection_, from_landmarks_;
  int passes_;
  OneEuro landmark_filter_{nullptr, mien_one_euro_destroy};
  std::optional<Coefficients> coefficients_;
  std::optional<Visibility> visibility_;
  std::optional<Gaze> gaze_;
  std::optional<Head> head_;
  std::optional<Smoothing> smoothing_;
  std::vector<std::string> coefficient_names_, region_names_;

  // What belongs to the stream of frames.
  bool followed_ = false;
  Region region_;
  Found face_;
  Identities identities_;
  int32_t primary_ = -1;  // the face that was there last
  std::vector<float> scratch_;
};

}  // namespace mien::pipeline
