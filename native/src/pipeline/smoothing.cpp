// One-Euro filters, one for each face of late.
#include "pipeline/smoothing.h"

#include <algorithm>
#include <array>

#include "refusal.h"
#include "tracker/readings.h"

namespace mien::pipeline {
namespace {

// Faces whose filters are kept, so that a day of passers-by does not fill the memory.
constexpr size_t kRemembered = 64;

bool begins(const std::string &name, const std::string &prefix) {
  return name.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

OneEuro Smoothing::make() const {
  mien_one_euro *filter = nullptr;
  const mien_status status =
      mien_one_euro_create(min_cutoff_.size(), min_cutoff_.data(), beta_.data(), derivative_cutoff_, &filter);
  if (status != MIEN_OK) throw Refusal(status, std::string("One-Euro: ") + mien_status_text(status));
  mien_one_euro_settle(filter, settle_ ? 1 : 0);
  mien_one_euro_catch_up(filter, catch_up_ ? 1 : 0);
  return OneEuro(filter, mien_one_euro_destroy);
}

Smoothing Smoothing::fresh() const {
  Smoothing other;
  other.min_cutoff_ = min_cutoff_;
  other.beta_ = beta_;
  other.derivative_cutoff_ = derivative_cutoff_;
  other.settle_ = settle_;
  other.catch_up_ = catch_up_;
  return other;
}

Smoothing::Smoothing(const bundle::Section &section)
    : min_cutoff_(MIEN_ARKIT_COUNT, static_cast<float>(section.number("min_cutoff", 1e-6, 1e6))),
      beta_(MIEN_ARKIT_COUNT, static_cast<float>(section.number("beta", 0, 1e6))),
      derivative_cutoff_(static_cast<float>(section.number("derivative_cutoff", 1e-6, 1e6, 1.0))),
      settle_(section.flag("settle", false)),
      catch_up_(section.flag("catch_up", false)) {
  if (!section.has("groups")) return;
  const bundle::Section groups = section.section("groups");
  std::vector<size_t> longest(MIEN_ARKIT_COUNT, 0);
  for (const std::string &prefix : groups.names()) {
    const std::vector<double> pair = groups.numbers(prefix, 1e6);
    if (pair.size() != 2 || pair[0] < 1e-6 || pair[1] < 0) groups.refuse(prefix, "expected min_cutoff and beta");
    for (size_t i = 0; i < MIEN_ARKIT_COUNT; ++i) {
      if (!begins(tracker::arkit_names()[i], prefix) || prefix.size() < longest[i]) continue;
      longest[i] = prefix.size();
      min_cutoff_[i] = static_cast<float>(pair[0]);
      beta_[i] = static_cast<float>(pair[1]);
    }
  }
}

void Smoothing::apply(int32_t id, int64_t t_ns, float *values, const uint8_t *valid) {
  const auto known = std::find_if(chains_.begin(), chains_.end(), [&](const auto &chain) { return chain.first == id; });
  if (known != chains_.end()) {
    std::rotate(known, known + 1, chains_.end());
  } else {
    chains_.emplace_back(id, make());
    if (chains_.size() > kRemembered) chains_.erase(chains_.begin());
  }
  const mien_status status = mien_one_euro_apply(chains_.back().second.get(), t_ns, 1.0f, values, valid, values);
  if (status != MIEN_OK) throw Refusal(status, std::string("One-Euro: ") + mien_status_text(status));
}

void Smoothing::pass(int32_t id, int64_t t_ns) {
  for (const auto &chain : chains_) {
    if (chain.first != id) continue;
    std::array<float, MIEN_ARKIT_COUNT> values{};
    const std::array<uint8_t, MIEN_ARKIT_COUNT> invalid{};
    mien_one_euro_apply(chain.second.get(), t_ns, 1.0f, values.data(), invalid.data(), values.data());
  }
}

}  // namespace mien::pipeline
