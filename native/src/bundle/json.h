// JSON as RFC 8259 has it and no more: UTF-8, no comments, no doubled fields, no NaN. For manifests of untrusted
// origin, so depth and the number of values are bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mien::bundle {

struct Json {
  enum class Kind : uint8_t { kNull, kFlag, kNumber, kText, kList, kObject };

  Kind kind = Kind::kNull;
  bool flag = false;
  bool whole = false;  // a number written without fraction and exponent
  double number = 0;
  std::string text;
  std::vector<std::string> names;  // of an object's fields; its values are `items`
  std::vector<Json> items;

  // Whoever reads a manifest notes it here, so that what nobody read can be refused.
  mutable bool read = false, opened = false;

  // The value of a field, or NULL.
  const Json *find(std::string_view name) const;
};

// Throws Refusal (MIEN_E_MANIFEST) with the offset of what is wrong.
Json parse_json(std::string_view text);

}  // namespace mien::bundle
