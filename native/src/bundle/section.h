// Section: one JSON object of the manifest, read strictly. Each call names the field's path, what was expected and what
// came, and notes what was read, so that a field which nothing reads is refused instead of ignored.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/json.h"

namespace mien::bundle {

class Section {
 public:
  // `object` must outlive the section. Throws Refusal (MIEN_E_MANIFEST), as all of the calls below.
  Section(const Json &object, std::string path);

  const std::string &path() const { return path_; }
  const std::vector<std::string> &names() const { return object_->names; }
  bool has(std::string_view name) const { return object_->find(name) != nullptr; }

  Section section(std::string_view name) const;
  std::vector<Section> sections(std::string_view name) const;  // a list of objects
  // The text of a field; of `among`, unless that is empty; `fallback`, unless that is NULL, where there is no field.
  std::string text(std::string_view name, const char *fallback = nullptr,
                   std::initializer_list<std::string_view> among = {}) const;
  std::vector<std::string> texts(std::string_view name) const;
  double number(std::string_view name, double low, double high) const;
  double number(std::string_view name, double low, double high, double fallback) const;
  int32_t integer(std::string_view name, int32_t low, int32_t high) const;
  int32_t integer(std::string_view name, int32_t low, int32_t high, int32_t fallback) const;
  bool flag(std::string_view name, bool fallback) const;
  std::vector<double> numbers(std::string_view name, double limit = std::numeric_limits<double>::max()) const;
  std::vector<int32_t> integers(std::string_view name, int32_t low, int32_t high) const;
  // For a field in which anything may stand, and which nobody looks at.
  void pass(std::string_view name) const;

  // Refuses what nobody read, here and in all sections handed out.
  void done() const;

  // Refuses the field: its path, then what is wrong with it.
  [[noreturn]] void refuse(std::string_view name, const std::string &what) const;

 private:
  const Json &field(std::string_view name, Json::Kind kind, const char *expected) const;
  const Json &list(std::string_view name, Json::Kind kind, const char *expected) const;

  const Json *object_;
  std::string path_;
};

}  // namespace mien::bundle
