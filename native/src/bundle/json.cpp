// A recursive-descent JSON reader.
#include "bundle/json.h"

#include <algorithm>
#include <cmath>
#include <locale>
#include <sstream>

#include "refusal.h"

namespace mien::bundle {
namespace {

constexpr int kMaxDepth = 32;
// The largest manifest of this project has 325 values; each costs 104 bytes of memory and its text.
constexpr size_t kMaxValues = 100000;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json document() {
    Json value;
    read(&value, 0);
    skip();
    if (at_ != text_.size()) fail("text behind the end");
    return value;
  }

 private:
  [[noreturn]] void fail(const char *what) const {
    throw Refusal(MIEN_E_MANIFEST,
                  "manifest.json is not JSON: " + std::string(what) + " at byte " + std::to_string(at_));
  }

  void skip() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  // The next character behind white space; what it is may be taken by ++at_.
  char peek() {
    skip();
    if (at_ == text_.size()) fail("unexpected end");
    return text_[at_];
  }

  void word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) fail("unknown word");
    at_ += expected.size();
  }

  void read(Json *value, int depth) {
    if (depth > kMaxDepth) fail("nested too deeply");
    if (++values_ > kMaxValues) fail("too many values");
    switch (peek()) {
      case '{':
        return object(value, depth);
      case '[':
        return list(value, depth);
      case '"':
        value->kind = Json::Kind::kText;
        value->text = text();
        return;
      case 't':
      case 'f':
        value->kind = Json::Kind::kFlag;
        value->flag = text_[at_] == 't';
        return word(value->flag ? "true" : "false");
      case 'n':
        return word("null");
      default:
        return number(value);
    }
  }

  void object(Json *value, int depth) {
    value->kind = Json::Kind::kObject;
    ++at_;
    if (peek() == '}') {
      ++at_;
      return;
    }
    while (true) {
      if (peek() != '"') fail("a field needs a name");
      value->names.push_back(text());
      if (peek() != ':') fail("':' is missing");
      ++at_;
      value->items.emplace_back();
      read(&value->items.back(), depth + 1);
      if (ends('}')) break;
    }
    std::vector<std::string_view> names(value->names.begin(), value->names.end());
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end()) fail("two fields of the same name");
  }

  void list(Json *value, int depth) {
    value->kind = Json::Kind::kList;
    ++at_;
    if (peek() == ']') {
      ++at_;
      return;
    }
    do {
      value->items.emplace_back();
      read(&value->items.back(), depth + 1);
    } while (!ends(']'));
  }

  bool ends(char close) {
    const char next = peek();
    if (next != ',' && next != close) fail("',' is missing");
    ++at_;
    return next == close;
  }

  size_t digits() {
    const size_t from = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ - from;
  }

  bool take(char a, char b) {
    if (at_ == text_.size() || (text_[at_] != a && text_[at_] != b)) return false;
    ++at_;
    return true;
  }

  void number(Json *value) {
    const size_t from = at_;
    take('-', '-');
    const size_t first = at_;
    const size_t count = digits();
    if (count == 0 || (count > 1 && text_[first] == '0')) fail("no value");
    value->whole = true;
    if (take('.', '.')) {
      value->whole = false;
      if (digits() == 0) fail("no digits behind the point");
    }
    if (take('e', 'E')) {
      value->whole = false;
      take('+', '-');
      if (digits() == 0) fail("no digits in the exponent");
    }
    // strtod would read by the host's locale, and from_chars for doubles is missing in older C++ libraries.
    std::istringstream stream{std::string(text_.substr(from, at_ - from))};
    stream.imbue(std::locale::classic());
    stream >> value->number;
    if (stream.fail() || !std::isfinite(value->number)) fail("a number beyond all bounds");
    value->kind = Json::Kind::kNumber;
  }

  unsigned hex4() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : ' ';
      const char low = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        code = code * 16 + static_cast<unsigned>(c - '0');
      } else if (low >= 'a' && low <= 'f') {
        code = code * 16 + static_cast<unsigned>(low - 'a' + 10);
      } else {
        fail("a wrong \\u escape");
      }
    }
    return code;
  }

  void escaped(std::string *out) {
    if (at_ == text_.size()) fail("unexpected end");
    const char c = text_[at_++];
    const size_t known = std::string_view("\"\\/bfnrt").find(c);
    if (known != std::string_view::npos) {
      out->push_back("\"\\/\b\f\n\r\t"[known]);
      return;
    }
    if (c != 'u') fail("an unknown escape");
    unsigned code = hex4();
    if (code >= 0xd800 && code < 0xdc00) {
      word("\\u");
      const unsigned low = hex4();
      if (low < 0xdc00 || low > 0xdfff) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code <= 0xdfff) {
      fail("half a surrogate pair");
    }
    const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static constexpr unsigned kLead[] = {0, 0xc0, 0xe0, 0xf0};
    out->push_back(static_cast<char>(kLead[more] | (code >> (6 * more))));
    for (int i = more - 1; i >= 0; --i) out->push_back(static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3f)));
  }

  // One UTF-8 sequence (Unicode 15, table 3-7); longer forms, surrogates and what lies beyond U+10FFFF are refused.
  void utf8(std::string *out) {
    const unsigned lead = static_cast<unsigned char>(text_[at_]);
    const size_t more = lead < 0x80 ? 0 : lead >= 0xc2 && lead < 0xe0 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 2 : 3;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || at_ + more >= text_.size()) fail("text that is not UTF-8");
    for (size_t i = 1; i <= more; ++i) {
      const unsigned c = static_cast<unsigned char>(text_[at_ + i]);
      const unsigned least = i > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
      const unsigned most = i > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
      if (c < least || c > most) fail("text that is not UTF-8");
    }
    out->append(text_.substr(at_, more + 1));
    at_ += more + 1;
  }

  std::string text() {
    std::string out;
    ++at_;
    while (true) {
      if (at_ == text_.size()) fail("unexpected end");
      const unsigned char c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) fail("a control character");
      if (c == '"') break;
      if (c == '\\') {
        ++at_;
        escaped(&out);
      } else {
        utf8(&out);
      }
    }
    ++at_;
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t values_ = 0;
};

}  // namespace

const Json *Json::find(std::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? nullptr : &items[static_cast<size_t>(found - names.begin())];
}

Json parse_json(std::string_view text) {
  return Reader(text).document();
}

}  // namespace mien::bundle
