// Head: the head's pose, as a `pose` section describes it. The canonical face is fitted to landmarks with their depth
// ("depth") or without ("points"); with "network" the rotation is given, and only the translation is fitted.
#pragma once

#include <vector>

#include "tracker/face.h"
#include "tracker/interface.h"

namespace mien::tracker {

class Head {
 public:
  // The canonical face is a blob of float32 rows x, y, z (centimetres), weight, one for each landmark; or the name of
  // one that ships with mien. Throws Refusal (MIEN_E_MANIFEST).
  Head(const bundle::Bundle &bundle, const bundle::Section &section, const Interface &network, size_t landmark_count);

  // Keeps what the network says of the head.
  void read(const Outputs &outputs, Face *face) const;
  // The pose, once the landmarks are filtered; has_head stays false where they do not determine one. Throws Refusal.
  void fit(const mien_image &frame, std::vector<float> *scratch, Face *face) const;

 private:
  enum class Kind { kNetwork, kDepth, kPoints };

  void take(const bundle::Section &section, const float *rows, size_t count, size_t landmark_count);
  bool translate(const mien_image &frame, Face *face) const;

  Kind kind_;
  double fov_;                  // vertical, radians
  std::vector<float> points_;   // x, y, z (centimetres) of the canonical face
  std::vector<float> weights_;  // of each
  std::vector<double> shares_;  // the same, with the sum 1
  size_t output_ = 0;
};

}  // namespace mien::tracker
