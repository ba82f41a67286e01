// Tracker: one stream of frames, and the faces that it follows. It never runs a network but says what it wants:
//
//   tracker.begin(frame, t_ns);
//   while (tracker.wants()) {
//     ... the host runs model.networks()[tracker.wanted()] on tracker.inputs() ...
//     tracker.answer(outputs);
//   }
//   tracker.faces();
//
// Per face: crop around where it was, or where the detector finds it -> landmark network -> landmarks in frame pixels
// -> the bundle's filter -> coefficients, visibility, gaze, head pose and expression. The next crop comes from the
// unfiltered landmarks, so that the filter's lag never moves it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tracker/identities.h"
#include "tracker/model.h"

namespace mien::tracker {

struct Settings {
  size_t max_faces = 1;
  bool tracking = true;   // false: each frame is a picture of its own
  bool smoothing = true;  // the bundle's filter on landmarks
};

class Tracker {
 public:
  Tracker(std::shared_ptr<const Model> model, const Settings &settings);

  // Forgets all faces.
  void forget();

  // Takes a frame, which is borrowed until nothing is wanted any more; what was wanted for the one before is given up,
  // as if that had not come. Throws Refusal with the status of a frame that is none.
  void begin(const mien_image &frame, int64_t t_ns);
  // Whether a network has to be run, and its inputs are ready. Throws Refusal.
  bool wants();
  size_t wanted() const { return wanted_; }
  Inputs &inputs(size_t network) { return inputs_[network]; }
  // Takes what the wanted network gave: finite values of the promised sizes. Throws Refusal (MIEN_E_ENGINE), and the
  // frame is given up; or MIEN_E_ARGUMENT where none is wanted.
  void answer(const Outputs &outputs);

  // The faces of the frame, the longest-followed first, once nothing is wanted any more.
  const std::vector<Face> &faces() const { return faces_; }
  const Model &model() const { return *model_; }

 private:
  enum class Stage { kIdle, kFollow, kCoefficients, kDetect };

  bool wants_detector(size_t look);
  size_t most_looks() const;
  bool prepare();
  void take_landmarks(const Outputs &outputs);
  void take_detections(const Outputs &outputs);
  void smooth(Face *face) const;
  bool known(const Face &face) const;
  void accept();
  void finish();

  std::shared_ptr<const Model> model_;
  Settings settings_;
  std::vector<Inputs> inputs_;  // of each of the model's networks

  // What belongs to the stream.
  std::vector<Track> tracks_;
  Identities identities_;
  int since_detection_ = 0;
  size_t further_ = 0;  // the last of the detector's further looks

  // What belongs to the frame.
  mien_image frame_{};
  int64_t t_ns_ = 0;
  Stage stage_ = Stage::kIdle;
  size_t wanted_ = 0;
  bool waiting_ = false;  // for it
  std::vector<Track> candidates_;
  size_t next_ = 0;        // of them
  bool followed_ = false;  // whether they were there in the frame before
  bool searched_ = false;  // whether it was time to look for more faces
  bool detected_ = false;  // whether the detector was asked
  size_t look_ = 0;        // in which way
  size_t looked_ = 0;      // in how many further ways than the plain one
  int pass_ = 0;
  Face current_;
  std::vector<Face> faces_;
  std::vector<mien_detection> detections_;
  std::vector<float> scratch_;
};

// Throws Refusal with the status of what is wrong with a frame.
void check_frame(const mien_image &frame);

}  // namespace mien::tracker
