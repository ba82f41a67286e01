// Decoding of the landmark network's further outputs.
#include "pipeline/readings.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "pipeline/arkit_names.h"

namespace mien::pipeline {

const std::vector<std::string> &arkit_names() {
  static const std::vector<std::string> kNames(std::begin(kArkitNames), std::end(kArkitNames));
  return kNames;
}

Coefficients::Coefficients(const bundle::Section &section, const LandmarkStage &stage) : names_(arkit_names()) {
  static_assert(std::size(kArkitNames) == MIEN_ARKIT_COUNT, "the header promises as many");
  section.text("layout", nullptr, {"arkit52"});
  if (section.has("network")) section.refuse("network", "this library reads coefficients of the landmark network only");
  if (section.has("extras")) {
    const std::vector<std::string> extras = section.texts("extras");
    names_.insert(names_.end(), extras.begin(), extras.end());
  }
  if (names_.size() > MIEN_MAX_COEFFICIENTS) section.refuse("extras", "too many for mien_face_state");
  if (std::set<std::string>(names_.begin(), names_.end()).size() != names_.size()) {
    section.refuse("extras", "names stand twice or are ARKit's");
  }
  output_ = stage.network().expect("coefficients", names_.size());
}

void Coefficients::read(const Network &network, float *out) const {
  const float *values = network.output(output_);
  for (size_t i = 0; i < names_.size(); ++i) out[i] = std::max(std::min(values[i], 1.0f), 0.0f);
}

Visibility::Visibility(const bundle::Section &section, const LandmarkStage &stage,
                       const std::vector<std::string> &coefficients)
    : regions_(section.texts("regions")), hides_(regions_.size()) {
  if (regions_.size() > MIEN_MAX_REGIONS) section.refuse("regions", "too many for mien_face_state");
  min_ = static_cast<float>(section.number("min", 0, 1, 0.5));
  output_ = stage.network().expect("visibility", regions_.size());
  const bundle::Section rules = section.section("coefficients");
  for (const std::string &region : rules.names()) {
    const auto at = std::find(regions_.begin(), regions_.end(), region);
    if (at == regions_.end()) rules.refuse(region, "no such region");
    for (const std::string &name : rules.texts(region)) {
      const auto which = std::find(coefficients.begin(), coefficients.end(), name);
      if (which == coefficients.end()) rules.refuse(region, "no coefficient " + name);
      hides_[static_cast<size_t>(at - regions_.begin())].push_back(static_cast<size_t>(which - coefficients.begin()));
    }
  }
}

void Visibility::read(const Network &network, float *visibility, uint8_t *valid) const {
  const float *logits = network.output(output_);
  for (size_t i = 0; i < regions_.size(); ++i) {
    // The sigmoid as a tanh, which cannot overflow.
    visibility[i] = 0.5f + 0.5f * std::tanh(0.5f * logits[i]);
    if (visibility[i] >= min_) continue;
    for (const size_t hidden : hides_[i]) valid[hidden] = 0;
  }
}

Gaze::Gaze(const bundle::Section &section, const LandmarkStage &stage)
    : eyes_(section.integers("eyes", 0, static_cast<int32_t>(stage.count()) - 1)) {
  if (eyes_.size() != 2) section.refuse("eyes", "expected two landmarks");
  output_ = stage.network().expect("gaze", 6);
}

bool Gaze::read(const Network &network, const Found &face, float gaze[2][3], float eyes[2][2]) const {
  const float *said = network.output(output_);
  double turned[2][3];
  for (size_t eye = 0; eye < 2; ++eye) {
    const float *at = &face.landmarks[3 * static_cast<size_t>(eyes_[eye])];
    eyes[eye][0] = at[0];
    eyes[eye][1] = at[1];
    const std::array<double, 3> direction = face.seen_in.to_camera(said[3 * eye], said[3 * eye + 1], said[3 * eye + 2]);
    std::copy(direction.begin(), direction.end(), turned[eye]);
  }
  double length[2];
  for (size_t eye = 0; eye < 2; ++eye) {
    length[eye] =
        std::sqrt(turned[eye][0] * turned[eye][0] + turned[eye][1] * turned[eye][1] + turned[eye][2] * turned[eye][2]);
  }
  if (!(std::min(length[0], length[1]) >= 1e-3)) return false;
  for (size_t eye = 0; eye < 2; ++eye) {
    for (size_t k = 0; k < 3; ++k) gaze[eye][k] = static_cast<float>(turned[eye][k] / length[eye]);
  }
  return true;
}

}  // namespace mien::pipeline
