// What one stream remembers of faces: who they are, and the filters of their coefficients. As
// sdk/mien/tasks/_tracking.py and the filters of sdk/mien/pipeline.py.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bundle/section.h"
#include "mien/mien.h"
#include "pipeline/region.h"

namespace mien::pipeline {

// Gives a face the id of the recently seen one whose box it overlaps most, over short absences too.
class Identities {
 public:
  void forget();
  int32_t assign(const Box &box, int64_t t_ns);
  // A frame without a face: whoever is away too long is forgotten.
  void pass(int64_t t_ns);

 private:
  struct Seen {
    int32_t id;
    Box box;
    int64_t t_ns;
  };
  std::vector<Seen> seen_;
  int32_t next_ = 0;
  int64_t last_ns_ = 0;
};

using OneEuro = std::unique_ptr<mien_one_euro, void (*)(mien_one_euro *)>;

// Throws Refusal with the status of mien_one_euro_create.
OneEuro make_one_euro(const std::vector<float> &min_cutoff, const std::vector<float> &beta, float derivative_cutoff);

// The bundle's One-Euro filter on ARKit's coefficients, with a memory for each face.
class Smoothing {
 public:
  // Throws Refusal (MIEN_E_MANIFEST).
  explicit Smoothing(const bundle::Section &section);

  void forget() { chains_.clear(); }
  // Smooths the values of a face in place.
  void apply(int32_t id, int64_t t_ns, float *values, const uint8_t *valid);
  // A frame without a face, as seen by the filter of the face that was there last.
  void pass(int32_t id, int64_t t_ns);

 private:
  std::vector<float> min_cutoff_, beta_;
  float derivative_cutoff_;
  bool settle_, catch_up_;
  std::vector<std::pair<int32_t, OneEuro>> chains_;  // the last used stands last
};

}  // namespace mien::pipeline
