// How the bundle reader and the pipeline refuse something: thrown inside the library, turned into a status and a line
// of text where the C interface begins.
#pragma once

#include <stdexcept>
#include <string>

#include "mien/mien.h"

namespace mien {

class Refusal : public std::runtime_error {
 public:
  Refusal(mien_status status, const std::string &text) : std::runtime_error(text), status_(status) {}
  mien_status status() const { return status_; }

 private:
  mien_status status_;
};

// A manifest's field that nobody reads, so that a misspelt one is not ignored.
class Unread : public Refusal {
 public:
  explicit Unread(const std::string &path) : Refusal(MIEN_E_MANIFEST, path + " means nothing here") {}
};

}  // namespace mien
