// Entry: the place of one compiled network in the host's folder, read and written by OpenVINO's own cache (CACHE_DIR).
// OpenVINO notices a blob that is cut short, but takes one with other weights for good: 4 kB of flipped bits in the
// middle of the detector's loaded without a word. So an entry has checksums, and is used only if they fit.
#pragma once

#include <filesystem>
#include <string>

#include "mien/pipeline.h"

namespace mien::openvino {

class Entry {
 public:
  // `folder` may be missing, or unwritable: then there is no cache. NULL or "": none is wanted.
  Entry(const char *folder, const mien_engine_model &model);
  ~Entry();
  Entry(const Entry &) = delete;
  Entry &operator=(const Entry &) = delete;

  // The value of CACHE_DIR; empty: compile without.
  std::string directory() const;
  // Call when the network has been compiled: what was made is put in its place, whole.
  void keep();

 private:
  std::filesystem::path place_, draft_;  // draft_: a folder of this process; empty if the entry is whole
};

}  // namespace mien::openvino
