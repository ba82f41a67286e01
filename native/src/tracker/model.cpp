// Reads the manifest's sections about following faces.
#include "tracker/model.h"

#include <algorithm>

#include "refusal.h"

namespace mien::tracker {
namespace {

using bundle::Bundle;
using bundle::Section;

const std::vector<std::string> kNobody;

}  // namespace

std::optional<std::string> neighbour(const Bundle &bundle) {
  const Section root = bundle.root();
  if (!root.has("detect")) return std::nullopt;
  const Section section = root.section("detect");
  if (!section.has("bundle")) return std::nullopt;
  const std::string name = section.text("bundle");
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  });
  if (!plain) section.refuse("bundle", "is not the name of a bundle");
  return name;
}

Model::Model(const Bundle &bundle, const Bundle *beside) {
  const Section root = bundle.root();
  const std::string task = root.text("task", nullptr, {"face", "expression", "detect"});
  if (task == "detect" || root.has("detect")) read_detector(bundle, beside);
  if (task == "detect") return;
  const Section face = root.section("face");
  read_face(bundle, face);
  face.done();
  if (task != "expression") return;
  const Section section = root.section("expression");
  expression_.emplace(section, networks_[lands_].network);
  section.done();
}

size_t Model::want(const Bundle &bundle, const std::string &name, bool beside) {
  networks_.push_back({Interface(bundle, name), beside});
  return networks_.size() - 1;
}

void Model::read_detector(const Bundle &bundle, const Bundle *beside) {
  const Section named = bundle.root().section("detect");
  const bool other = neighbour(bundle).has_value();
  const Section section = other ? beside->root().section("detect") : named;
  detects_ = want(other ? *beside : bundle, section.text("network"), other);
  detector_.emplace(section, networks_[detects_].network);
  section.done();
  named.done();
}

void Model::read_face(const Bundle &bundle, const Section &face) {
  if (detector_) from_detection_ = Crop(face.section("crop_from_detection"), detector_->points());
  const Section landmarks = face.section("landmarks");
  lands_ = want(bundle, landmarks.text("network"), false);
  stage_.emplace(landmarks, networks_[lands_].network);
  const size_t count = stage_->count();
  from_landmarks_ = Crop(face.section("crop_from_landmarks"), static_cast<int>(count));
  passes_ = 1 + face.integer("refine", 0, 8, 0);
  rest_ = face.number("rest", 0, 1, 0.0);
  if (face.has("landmark_filter")) {
    const Section filter = face.section("landmark_filter");
    filter.text("kind", "one_euro", {"one_euro"});
    min_cutoff_ = static_cast<float>(filter.number("min_cutoff", 1e-6, 1e6));
    beta_ = static_cast<float>(filter.number("beta", 0, 1e6));
    derivative_cutoff_ = static_cast<float>(filter.number("derivative_cutoff", 1e-6, 1e6, 1.0));
  }
  if (face.has("coefficients")) {
    const Section section = face.section("coefficients");
    own_coefficients_ = section.has("network");
    if (own_coefficients_) coefficients_at_ = want(bundle, section.text("network"), false);
    const Interface *own = own_coefficients_ ? &networks_[coefficients_at_].network : nullptr;
    coefficients_.emplace(section, networks_[lands_].network, own, count);
  }
  const Interface &network = networks_[lands_].network;
  if (face.has("visibility")) {
    visibility_.emplace(face.section("visibility"), network, coefficients_ ? coefficients() : arkit_names());
  }
  if (face.has("gaze")) gaze_.emplace(face.section("gaze"), network, count);
  if (face.has("pose")) head_.emplace(bundle, face.section("pose"), network, count);
  // How the coefficients are smoothed is for whoever shows them, who may do otherwise.
  if (face.has("coefficient_filter")) face.pass("coefficient_filter");
}

size_t Model::landmarks() const {
  return stage_ ? stage_->count() : static_cast<size_t>(detector_->points());
}

const std::vector<std::string> &Model::coefficients() const {
  return coefficients_ ? coefficients_->names() : kNobody;
}

const std::vector<std::string> &Model::regions() const {
  return visibility_ ? visibility_->regions() : kNobody;
}

const std::vector<Expression::Output> &Model::expression() const {
  static const std::vector<Expression::Output> kNothing;
  return expression_ ? expression_->outputs() : kNothing;
}

}  // namespace mien::tracker
