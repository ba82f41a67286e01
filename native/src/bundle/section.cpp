// Strict reading of the manifest's fields.
#include "bundle/section.h"

#include <algorithm>
#include <cmath>

#include "refusal.h"

namespace mien::bundle {
namespace {

// Names and texts are shown on terminals and web pages: no control characters, no marks that turn the direction of the
// writing. `text` is UTF-8.
bool printable(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    const unsigned a = byte(i), b = byte(i + 1), c = byte(i + 2);
    if (a < 0x20 || a == 0x7f || (a == 0xc2 && b < 0xa0)) return false;  // C0, DEL, C1
    if (a == 0xe2 && b == 0x80 && ((c >= 0x8b && c <= 0x8f) || (c >= 0xa8 && c <= 0xae))) return false;
    if (a == 0xe2 && b == 0x81 && c >= 0xa0 && c <= 0xaf) return false;
    if (a == 0xef && b == 0xbb && c == 0xbf) return false;
  }
  return true;
}

void check_done(const Json &value, const std::string &path) {
  if (!value.opened) return;
  for (size_t i = 0; i < value.items.size(); ++i) {
    const bool named = value.kind == Json::Kind::kObject;
    const std::string inner = named ? path + "." + value.names[i] : path + "[" + std::to_string(i) + "]";
    if (named && !value.items[i].read) throw Unread(inner);
    check_done(value.items[i], inner);
  }
}

bool integral(const Json &value) {
  return value.kind == Json::Kind::kNumber && value.whole;
}

}  // namespace

Section::Section(const Json &object, std::string path) : object_(&object), path_(std::move(path)) {
  if (object.kind != Json::Kind::kObject) throw Refusal(MIEN_E_MANIFEST, path_ + ": expected an object");
  for (const std::string &name : object.names) {
    if (!printable(name)) throw Refusal(MIEN_E_MANIFEST, path_ + ": expected names of printable characters");
  }
  object.read = object.opened = true;
}

void Section::refuse(std::string_view name, const std::string &what) const {
  throw Refusal(MIEN_E_MANIFEST, path_ + "." + std::string(name) + ": " + what);
}

const Json &Section::field(std::string_view name, Json::Kind kind, const char *expected) const {
  const Json *found = object_->find(name);
  if (found == nullptr || found->kind != kind) {
    refuse(name, std::string("expected ") + expected + (found == nullptr ? ", got nothing" : ""));
  }
  found->read = true;
  return *found;
}

const Json &Section::list(std::string_view name, Json::Kind kind, const char *expected) const {
  const Json &values = field(name, Json::Kind::kList, expected);
  for (const Json &value : values.items) {
    if (value.kind != kind) refuse(name, std::string("expected ") + expected);
  }
  return values;
}

Section Section::section(std::string_view name) const {
  return Section(field(name, Json::Kind::kObject, "an object"), path_ + "." + std::string(name));
}

std::vector<Section> Section::sections(std::string_view name) const {
  const Json &values = list(name, Json::Kind::kObject, "a list of objects");
  values.opened = true;
  std::vector<Section> out;
  for (size_t i = 0; i < values.items.size(); ++i) {
    out.emplace_back(values.items[i], path_ + "." + std::string(name) + "[" + std::to_string(i) + "]");
  }
  return out;
}

std::string Section::text(std::string_view name, const char *fallback,
                          std::initializer_list<std::string_view> among) const {
  if (fallback != nullptr && !has(name)) return fallback;
  const std::string &value = field(name, Json::Kind::kText, "a text").text;
  if (!printable(value)) refuse(name, "expected a text of printable characters");
  if (among.size() > 0 && std::find(among.begin(), among.end(), value) == among.end()) {
    std::string known;
    for (const std::string_view word : among) known += (known.empty() ? "" : ", ") + std::string(word);
    refuse(name, "this library knows " + known + ", not " + value.substr(0, 80));
  }
  return value;
}

std::vector<std::string> Section::texts(std::string_view name) const {
  std::vector<std::string> out;
  for (const Json &value : list(name, Json::Kind::kText, "a list of texts").items) {
    if (!printable(value.text)) refuse(name, "expected texts of printable characters");
    out.push_back(value.text);
  }
  return out;
}

double Section::number(std::string_view name, double low, double high) const {
  const double value = field(name, Json::Kind::kNumber, "a number").number;
  if (!(low <= value && value <= high)) {
    refuse(name, "expected a number in " + std::to_string(low) + ".." + std::to_string(high));
  }
  return value;
}

double Section::number(std::string_view name, double low, double high, double fallback) const {
  return has(name) ? number(name, low, high) : fallback;
}

int32_t Section::integer(std::string_view name, int32_t low, int32_t high) const {
  const Json &value = field(name, Json::Kind::kNumber, "an integer");
  if (!integral(value) || !(low <= value.number && value.number <= high)) {
    refuse(name, "expected an integer in " + std::to_string(low) + ".." + std::to_string(high));
  }
  return static_cast<int32_t>(value.number);
}

int32_t Section::integer(std::string_view name, int32_t low, int32_t high, int32_t fallback) const {
  return has(name) ? integer(name, low, high) : fallback;
}

bool Section::flag(std::string_view name, bool fallback) const {
  return has(name) ? field(name, Json::Kind::kFlag, "true or false").flag : fallback;
}

std::vector<double> Section::numbers(std::string_view name, double limit) const {
  std::vector<double> out;
  for (const Json &value : list(name, Json::Kind::kNumber, "a list of numbers").items) {
    if (std::fabs(value.number) > limit) refuse(name, "a number is out of range");
    out.push_back(value.number);
  }
  return out;
}

std::vector<int32_t> Section::integers(std::string_view name, int32_t low, int32_t high) const {
  std::vector<int32_t> out;
  for (const Json &value : list(name, Json::Kind::kNumber, "a list of integers").items) {
    if (value.number != std::floor(value.number) || !(low <= value.number && value.number <= high)) {
      refuse(name, "expected integers in " + std::to_string(low) + ".." + std::to_string(high));
    }
    out.push_back(static_cast<int32_t>(value.number));
  }
  return out;
}

void Section::pass(std::string_view name) const {
  if (has(name)) field(name, Json::Kind::kObject, "an object");
}

void Section::done() const {
  check_done(*object_, path_);
}

}  // namespace mien::bundle
