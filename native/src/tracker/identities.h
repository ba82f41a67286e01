// Identities: who is who from frame to frame, and over short absences.
#pragma once

#include <cstdint>
#include <vector>

#include "tracker/region.h"

namespace mien::tracker {

// Gives boxes ids: greedy matching by overlap with the boxes last seen.
class Identities {
 public:
  // Forgets all faces; ids start again at 0.
  void forget();
  // One id for each box, in order; that of a recently seen box which it overlaps, or a new one.
  std::vector<int32_t> assign(const std::vector<Box> &boxes, int64_t t_ns);

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

}  // namespace mien::tracker
