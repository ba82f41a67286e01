// What networks say of a face besides its landmarks: coefficients, visibility of its regions, gaze, expression.
#pragma once

#include <string>
#include <vector>

#include "tracker/face.h"
#include "tracker/interface.h"

namespace mien::tracker {

const std::vector<std::string> &arkit_names();

// Coefficients in some layout, then `extras` that no layout has: the output `coefficients` of the landmark network, or
// `scores` of a network of their own, which takes some landmarks in frame pixels as its input `points`.
class Coefficients {
 public:
  // own: the network of their own, or NULL. Throws Refusal (MIEN_E_MANIFEST), as the others.
  Coefficients(const bundle::Section &section, const Interface &landmarks, const Interface *own, size_t landmark_count);

  const std::vector<std::string> &names() const { return names_; }  // ARKit's, then the extras
  bool gives(size_t name) const { return source_[name] >= 0; }
  // The points that a network of their own takes.
  void points(const Face &face, float *out) const;
  void read(const Outputs &outputs, Face *face) const;

 private:
  std::vector<std::string> names_;
  std::vector<int32_t> source_;  // of each of ARKit's names the value that carries it, or -1; then of the extras
  std::vector<int32_t> chosen_;  // landmarks
  size_t output_;
};

// The output `visibility`, a logit per region. A region below `min` is hidden, and a coefficient is when all regions
// are for which the manifest lists it.
class Visibility {
 public:
  Visibility(const bundle::Section &section, const Interface &network, const std::vector<std::string> &coefficients);

  const std::vector<std::string> &regions() const { return regions_; }
  void read(const Outputs &outputs, Face *face) const;

 private:
  std::vector<std::string> regions_;
  std::vector<std::vector<size_t>> told_by_;  // per coefficient: regions
  float min_;
  size_t output_;
};

// The output `gaze`: left and right eye in the crop's camera axes.
class Gaze {
 public:
  Gaze(const bundle::Section &section, const Interface &network, size_t landmark_count);

  void read(const Outputs &outputs, Face *face) const;
  // Where the eyes are, once the landmarks are filtered.
  void place(Face *face) const;

 private:
  std::vector<int32_t> eyes_;
  size_t output_;
};

// What the face expresses: further outputs of the landmark network.
class Expression {
 public:
  struct Output {
    std::string name;
    std::vector<std::string> values;  // their names, where they have some
    std::vector<int32_t> shape;
    float low, high;
    size_t number, count;
  };

  Expression(const bundle::Section &section, const Interface &network);

  const std::vector<Output> &outputs() const { return outputs_; }
  void read(const Outputs &outputs, Face *face) const;

 private:
  std::vector<Output> outputs_;
};

}  // namespace mien::tracker
