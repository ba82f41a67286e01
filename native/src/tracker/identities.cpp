// Matching of boxes with those of the last second.
#include "tracker/identities.h"

#include <algorithm>

namespace mien::tracker {
namespace {

constexpr uint64_t kForgetNs = 1000000000;  // a face that comes back to its place within a second keeps its id
constexpr double kSameIou = 0.3;

}  // namespace

void Identities::forget() {
  seen_.clear();
  next_ = 0;
}

std::vector<int32_t> Identities::assign(const std::vector<Box> &boxes, int64_t t_ns) {
  // A face of the frame before is never forgotten, however slow the stream. Time only grows, so the unsigned difference
  // is the true one.
  const auto gone = [&](const Seen &seen) {
    return static_cast<uint64_t>(t_ns) - static_cast<uint64_t>(seen.t_ns) > kForgetNs && seen.t_ns != last_ns_;
  };
  seen_.erase(std::remove_if(seen_.begin(), seen_.end(), gone), seen_.end());
  last_ns_ = t_ns;
  struct Pair {
    double iou;
    size_t box, seen;
  };
  std::vector<Pair> pairs;
  for (size_t i = 0; i < boxes.size(); ++i) {
    for (size_t k = 0; k < seen_.size(); ++k) {
      const double iou = overlap(boxes[i], seen_[k].box);
      if (iou >= kSameIou) pairs.push_back({iou, i, k});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair &a, const Pair &b) { return a.iou > b.iou; });
  std::vector<int32_t> ids(boxes.size(), -1);
  std::vector<bool> taken(seen_.size(), false);
  for (const Pair &pair : pairs) {
    if (ids[pair.box] >= 0 || taken[pair.seen]) continue;
    Seen &seen = seen_[pair.seen];
    ids[pair.box] = seen.id;
    taken[pair.seen] = true;
    seen.box = boxes[pair.box];
    seen.t_ns = t_ns;
  }
  for (size_t i = 0; i < boxes.size(); ++i) {
    if (ids[i] >= 0) continue;
    ids[i] = next_++;
    seen_.push_back({ids[i], boxes[i], t_ns});
  }
  return ids;
}

}  // namespace mien::tracker
