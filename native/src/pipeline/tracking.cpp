// Identities and smoothing from frame to frame.
#include "pipeline/tracking.h"

#include <algorithm>
#include <array>

#include "pipeline/readings.h"
#include "refusal.h"

namespace mien::pipeline {
namespace {

constexpr uint64_t kForgetNs = 1000000000;  // a face that comes back to its place within a second keeps its id
constexpr double kSameIou = 0.3;
constexpr size_t kRemembered =
    64;  // faces whose filters are kept, so that a day of passers-by does not fill the memory

bool begins(const std::string &name, const std::string &prefix) {
  return name.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

void Identities::forget() {
  seen_.clear();
  next_ = 0;
}

void Identities::pass(int64_t t_ns) {
  // A face of the frame before is never forgotten, however slow the stream. Time only grows, so the unsigned difference
  // is the true one.
  const auto gone = [&](const Seen &seen) {
    return static_cast<uint64_t>(t_ns) - static_cast<uint64_t>(seen.t_ns) > kForgetNs && seen.t_ns != last_ns_;
  };
  seen_.erase(std::remove_if(seen_.begin(), seen_.end(), gone), seen_.end());
  last_ns_ = t_ns;
}

int32_t Identities::assign(const Box &box, int64_t t_ns) {
  pass(t_ns);
  Seen *same = nullptr;
  double most = 0;
  for (Seen &seen : seen_) {
    const double iou = overlap(box, seen.box);
    if (iou < kSameIou || iou <= most) continue;
    same = &seen;
    most = iou;
  }
  if (same == nullptr) {
    seen_.push_back({next_++, box, t_ns});
    return seen_.back().id;
  }
  same->box = box;
  same->t_ns = t_ns;
  return same->id;
}

OneEuro make_one_euro(const std::vector<float> &min_cutoff, const std::vector<float> &beta, float derivative_cutoff) {
  mien_one_euro *filter = nullptr;
  const mien_status status =
      mien_one_euro_create(min_cutoff.size(), min_cutoff.data(), beta.data(), derivative_cutoff, &filter);
  if (status != MIEN_OK) throw Refusal(status, std::string("One-Euro: ") + mien_status_text(status));
  return OneEuro(filter, mien_one_euro_destroy);
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
      if (!begins(arkit_names()[i], prefix) || prefix.size() < longest[i]) continue;
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
    OneEuro filter = make_one_euro(min_cutoff_, beta_, derivative_cutoff_);
    mien_one_euro_settle(filter.get(), settle_ ? 1 : 0);
    mien_one_euro_catch_up(filter.get(), catch_up_ ? 1 : 0);
    chains_.emplace_back(id, std::move(filter));
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
