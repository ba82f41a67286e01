// Model: what a bundle says of following faces: which networks, how their outputs are read. Shared by all streams, and
// nothing in it changes; weights are the host's affair.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tracker/detector.h"
#include "tracker/head.h"
#include "tracker/landmarks.h"
#include "tracker/readings.h"

namespace mien::tracker {

// The bundle that the detector is in, where that is another one: its name, for the host to find.
std::optional<std::string> neighbour(const bundle::Bundle &bundle);

class Model {
 public:
  struct Wanted {
    Interface network;
    bool beside;  // in the neighbour
  };

  // Reads the sections `detect`, `face` and `expression`, as the manifest's `task` asks for, and refuses what in them
  // means nothing. Keeps nothing of the bundles. beside: the neighbour, or NULL. Throws Refusal (MIEN_E_MANIFEST).
  Model(const bundle::Bundle &bundle, const bundle::Bundle *beside);

  // What the host has to load. A stream's wants are told by the number in this list.
  const std::vector<Wanted> &networks() const { return networks_; }
  size_t landmarks() const;
  const std::vector<std::string> &coefficients() const;                               // none, or ARKit's and the extras
  bool gives(size_t coefficient) const { return coefficients_->gives(coefficient); }  // whether an output stands for it
  const std::vector<std::string> &regions() const;
  bool detects() const { return detector_.has_value(); }
  bool looks() const { return gaze_.has_value(); }  // whether there are eyes and gaze
  const std::vector<Expression::Output> &expression() const;

 private:
  friend class Tracker;

  size_t want(const bundle::Bundle &bundle, const std::string &name, bool beside);
  void read_detector(const bundle::Bundle &bundle, const bundle::Bundle *beside);
  void read_face(const bundle::Bundle &bundle, const bundle::Section &face);

  std::vector<Wanted> networks_;
  size_t detects_ = 0, lands_ = 0, coefficients_at_ = 0;  // numbers of networks
  bool own_coefficients_ = false;
  std::optional<Detector> detector_;
  std::optional<LandmarkStage> stage_;
  Crop from_detection_, from_landmarks_;
  int passes_ = 1;
  double rest_ = 0;  // a crop that its own landmarks would move by more than that has not found its face; 0: not asked
  float min_cutoff_ = 0, beta_ = 0, derivative_cutoff_ = 0;  // of the landmark filter; 0: none
  std::optional<Coefficients> coefficients_;
  std::optional<Visibility> visibility_;
  std::optional<Gaze> gaze_;
  std::optional<Head> head_;
  std::optional<Expression> expression_;
};

}  // namespace mien::tracker
