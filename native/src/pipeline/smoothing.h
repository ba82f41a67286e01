// Smoothing: the bundle's own filter of coefficients, with a memory for each face. As sdk/mien/pipeline.py does it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bundle/section.h"
#include "mien/mien.h"

namespace mien::pipeline {

using OneEuro = std::unique_ptr<mien_one_euro, void (*)(mien_one_euro *)>;

// The bundle's One-Euro filter on ARKit's coefficients, with a memory for each face.
class Smoothing {
 public:
  // Throws Refusal (MIEN_E_MANIFEST).
  explicit Smoothing(const bundle::Section &section);

  // The same filter without memory.
  Smoothing fresh() const;
  void forget() { chains_.clear(); }
  // Smooths the values of a face in place.
  void apply(int32_t id, int64_t t_ns, float *values, const uint8_t *valid);
  // A frame without a face, as seen by the filter of the face that was there last.
  void pass(int32_t id, int64_t t_ns);

 private:
  Smoothing() = default;
  OneEuro make() const;

  std::vector<float> min_cutoff_, beta_;
  float derivative_cutoff_ = 1;
  bool settle_ = false, catch_up_ = false;
  std::vector<std::pair<int32_t, OneEuro>> chains_;  // the last used stands last
};

}  // namespace mien::pipeline
