// The zip around a bundle, as docs/bundle.md describes it: stored members, aligned, back to back, nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace mien::bundle {

struct Bytes {
  const uint8_t *data = nullptr;
  size_t size = 0;
};

constexpr size_t kMaxBytes = size_t{512} << 20;

// The members by name, as views of `file`. Throws Refusal (MIEN_E_BUNDLE) if anything is not as it should be; `where`
// begins each text.
std::map<std::string, Bytes> read_archive(const std::string &where, Bytes file);

}  // namespace mien::bundle
