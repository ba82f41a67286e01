// Decoding of what networks say besides landmarks.
#include "tracker/readings.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>

#include "refusal.h"
#include "tracker/tables.h"

namespace mien::tracker {
namespace {

float clamp(float value, float low, float high) {
  return std::max(std::min(value, high), low);
}

const Layout &layout_named(const bundle::Section &section) {
  const std::string name = section.text("layout");
  for (const Layout &layout : kLayouts) {
    if (name == layout.name) return layout;
  }
  section.refuse("layout", "there is no layout " + name);
}

}  // namespace

const std::vector<std::string> &arkit_names() {
  static const std::vector<std::string> kNames(std::begin(kArkit_arkit52), std::end(kArkit_arkit52));
  return kNames;
}

Coefficients::Coefficients(const bundle::Section &section, const Interface &landmarks, const Interface *own,
                           size_t landmark_count)
    : names_(arkit_names()) {
  static_assert(std::size(kArkit_arkit52) == MIEN_ARKIT_COUNT, "the header promises as many");
  const Layout &layout = layout_named(section);
  for (const std::string &name : arkit_names()) {
    const auto carries = [&](const char *other) { return other != nullptr && name == other; };
    const auto found = std::find_if(layout.arkit, layout.arkit + layout.count, carries);
    source_.push_back(found == layout.arkit + layout.count ? -1 : static_cast<int32_t>(found - layout.arkit));
  }
  if (section.has("extras")) {
    for (const std::string &extra : section.texts("extras")) {
      source_.push_back(static_cast<int32_t>(layout.count + names_.size() - MIEN_ARKIT_COUNT));
      names_.push_back(extra);
    }
  }
  if (std::set<std::string>(names_.begin(), names_.end()).size() != names_.size()) {
    section.refuse("extras", "names stand twice or are ARKit's");
  }
  const size_t count = layout.count + names_.size() - MIEN_ARKIT_COUNT;
  if (own == nullptr) {
    output_ = landmarks.expect("coefficients", count);
    return;
  }
  chosen_ = section.integers("landmarks", 0, static_cast<int32_t>(landmark_count) - 1);
  const std::vector<int32_t> shape = {1, static_cast<int32_t>(chosen_.size()), 2};
  const std::vector<bundle::Port> &inputs = own->inputs();
  if (chosen_.empty() || inputs.size() != 1 || inputs[0].name != "points" || inputs[0].shape != shape ||
      inputs[0].dtype != "float32") {
    section.refuse("network", own->name() + " needs one input, points (1, " + std::to_string(chosen_.size()) + ", 2)");
  }
  output_ = own->expect("scores", count);
}

void Coefficients::points(const Face &face, float *out) const {
  for (const int32_t landmark : chosen_) out = std::copy_n(&face.landmarks[3 * static_cast<size_t>(landmark)], 2, out);
}

void Coefficients::read(const Outputs &outputs, Face *face) const {
  const float *values = outputs[output_];
  face->coefficients.assign(names_.size(), 0.0f);
  face->valid.resize(names_.size(), 1);
  for (size_t i = 0; i < names_.size(); ++i) {
    if (source_[i] >= 0) {
      face->coefficients[i] = clamp(values[source_[i]], 0.0f, 1.0f);
    } else {
      face->valid[i] = 0;
    }
  }
}

Visibility::Visibility(const bundle::Section &section, const Interface &network,
                       const std::vector<std::string> &coefficients)
    : regions_(section.texts("regions")), told_by_(coefficients.size()) {
  min_ = static_cast<float>(section.number("min", 0, 1, 0.5));
  output_ = network.expect("visibility", regions_.size());
  const bundle::Section rules = section.section("coefficients");
  for (const std::string &region : rules.names()) {
    const auto at = std::find(regions_.begin(), regions_.end(), region);
    if (at == regions_.end()) rules.refuse(region, "no such region");
    for (const std::string &name : rules.texts(region)) {
      const auto which = std::find(coefficients.begin(), coefficients.end(), name);
      if (which == coefficients.end()) rules.refuse(region, "no coefficient " + name);
      told_by_[static_cast<size_t>(which - coefficients.begin())].push_back(static_cast<size_t>(at - regions_.begin()));
    }
  }
}

void Visibility::read(const Outputs &outputs, Face *face) const {
  const float *logits = outputs[output_];
  face->visibility.resize(regions_.size());
  // The sigmoid as a tanh, which cannot overflow.
  std::transform(logits, logits + regions_.size(), face->visibility.begin(),
                 [](float logit) { return 0.5f + 0.5f * std::tanh(0.5f * logit); });
  const auto hidden = [&](size_t region) { return face->visibility[region] < min_; };
  for (size_t i = 0; i < std::min(told_by_.size(), face->valid.size()); ++i) {
    const std::vector<size_t> &regions = told_by_[i];
    if (!regions.empty() && std::all_of(regions.begin(), regions.end(), hidden)) face->valid[i] = 0;
  }
}

Gaze::Gaze(const bundle::Section &section, const Interface &network, size_t landmark_count)
    : eyes_(section.integers("eyes", 0, static_cast<int32_t>(landmark_count) - 1)) {
  if (eyes_.size() != 2) section.refuse("eyes", "expected two landmarks");
  output_ = network.expect("gaze", 6);
}

void Gaze::read(const Outputs &outputs, Face *face) const {
  const float *said = outputs[output_];
  double shortest = std::numeric_limits<double>::max();
  for (size_t eye = 0; eye < 2; ++eye) {
    const std::array<double, 3> turned = face->seen_in.to_camera(said[3 * eye], said[3 * eye + 1], said[3 * eye + 2]);
    const double length = std::sqrt(turned[0] * turned[0] + turned[1] * turned[1] + turned[2] * turned[2]);
    for (size_t k = 0; k < 3; ++k) face->gaze[eye][k] = turned[k] / length;
    shortest = std::min(shortest, length);
  }
  face->has_gaze = shortest >= 1e-3;
}

void Gaze::place(Face *face) const {
  for (size_t eye = 0; eye < 2; ++eye) {
    std::copy_n(&face->landmarks[3 * static_cast<size_t>(eyes_[eye])], 2, face->eyes[eye]);
  }
}

Expression::Expression(const bundle::Section &section, const Interface &network) {
  constexpr float kNone = std::numeric_limits<float>::infinity();
  const auto add = [&](const char *name, std::vector<std::string> values, size_t count, float low, float high) {
    const bundle::Port &port = network.output(name);
    outputs_.push_back({name, std::move(values), port.shape, low, high, network.expect(name, count), count});
  };
  for (const auto &[output, field] : {std::pair{"aus", "aus"}, std::pair{"emotion", "emotions"}}) {
    if (!section.has(field)) continue;
    std::vector<std::string> names = section.texts(field);
    const size_t count = names.size();
    add(output, std::move(names), count, 0, 1);
  }
  if (network.has("affect")) add("affect", {}, 2, -1, 1);
  if (network.has("unknown")) add("unknown", {}, 1, 0, 1);
  for (const char *name : {"embedding", "raw_embedding", "attention"}) {
    if (network.has(name)) add(name, {}, network.output(name).count, -kNone, kNone);
  }
  if (network.has("attention") && network.output("attention").shape.size() != 3) {
    section.refuse("attention", "output attention has to have the shape (1, H, W)");
  }
  if (outputs_.empty()) throw Refusal(MIEN_E_MANIFEST, section.path() + ": the network has no output for it");
}

void Expression::read(const Outputs &outputs, Face *face) const {
  face->expression.resize(outputs_.size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Output &one = outputs_[i];
    face->expression[i].resize(one.count);
    for (size_t k = 0; k < one.count; ++k) face->expression[i][k] = clamp(outputs[one.number][k], one.low, one.high);
  }
}

}  // namespace mien::tracker
