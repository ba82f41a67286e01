// The structural checks of a bundle; the same ones as sdk/mien/bundle.py makes.
#include "bundle/archive.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "bundle/digest.h"
#include "refusal.h"

namespace mien::bundle {
namespace {

constexpr size_t kEnd = 22, kEntry = 46, kLocal = 30;
constexpr size_t kAlignment = 64, kMaxMembers = 256, kMaxName = 200, kMaxManifest = size_t{4} << 20;
constexpr unsigned kPaddingField = 0xd935;  // the extra-field id that Android's zipalign uses for padding

struct Entry {
  std::string name;
  uint32_t crc, size, offset;
  const uint8_t *extra;
  size_t extra_size;
};

[[noreturn]] void refuse(const std::string &where, const std::string &what) {
  throw Refusal(MIEN_E_BUNDLE, where + ": " + what);
}

unsigned u16(const uint8_t *at) {
  return at[0] | static_cast<unsigned>(at[1]) << 8;
}

uint32_t u32(const uint8_t *at) {
  return u16(at) | static_cast<uint32_t>(u16(at + 2)) << 16;
}

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A plain relative path: no empty part, and each part begins with a letter or digit, so none is "..".
bool plain(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  bool begins = true;
  for (const char c : name) {
    if (begins ? !alphanumeric(c) : !alphanumeric(c) && c != '.' && c != '_' && c != '-' && c != '/') return false;
    begins = c == '/';
  }
  return !begins;
}

std::string lower(std::string text) {
  for (char &c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

// One row of the directory, of which `left` bytes are there; *used receives its length.
Entry read_entry(const std::string &where, const uint8_t *at, size_t left, size_t *used) {
  if (left < kEntry || u32(at) != 0x02014b50u) refuse(where, "the zip directory is damaged");
  const unsigned flags = u16(at + 8), method = u16(at + 10), name_size = u16(at + 28), extra_size = u16(at + 30),
                 comment = u16(at + 32), disk = u16(at + 34), mode = u32(at + 38) >> 16;
  *used = kEntry + name_size + extra_size + comment;
  if (left < *used) refuse(where, "the zip directory is damaged");
  Entry entry{std::string(reinterpret_cast<const char *>(at + kEntry), name_size),
              u32(at + 16),
              u32(at + 24),
              u32(at + 42),
              at + kEntry + name_size,
              extra_size};
  if (!plain(entry.name)) refuse(where, "a member's name is not a plain relative path");
  if (method != 0 || u32(at + 20) != entry.size) refuse(where, entry.name + " is compressed");
  if ((flags & 1) != 0) refuse(where, entry.name + " is encrypted");
  const unsigned kind = mode & 0170000;
  if (kind != 0 && kind != 0100000) refuse(where, entry.name + " is not a regular file");
  if (comment != 0 || disk != 0) refuse(where, entry.name + " has a comment, or lies on another disk");
  return entry;
}

bool is_padding(const uint8_t *extra, size_t size, size_t padding) {
  if (size != padding + 4 || u16(extra) != kPaddingField || u16(extra + 2) != padding) return false;
  return std::all_of(extra + 4, extra + size, [](uint8_t byte) { return byte == 0; });
}

// The data of a member whose local header must stand at `at`; all members lie in front of `limit`.
Bytes read_member(const std::string &where, Bytes file, const Entry &entry, size_t at, size_t limit) {
  if (entry.offset != at) refuse(where, entry.name + " does not follow the member before it");
  if (limit - at < kLocal) refuse(where, "ends inside " + entry.name);
  const uint8_t *head = file.data + at;
  const size_t name_size = u16(head + 26), extra_size = u16(head + 28);
  const size_t extra_at = at + kLocal + name_size, start = extra_at + extra_size;
  if (start > limit || entry.size > limit - start) refuse(where, "ends inside " + entry.name);
  if (u32(head) != 0x04034b50u ||
      entry.name != std::string_view(reinterpret_cast<const char *>(head + kLocal), name_size)) {
    refuse(where, "the two headers of " + entry.name + " differ");
  }
  if ((entry.name == "manifest.json" || entry.name == "signature.ed25519") && entry.size > kMaxManifest) {
    refuse(where, entry.name + " is too large");
  }
  const size_t padding = (kAlignment - (extra_at + 4) % kAlignment) % kAlignment;
  if (!is_padding(file.data + extra_at, extra_size, padding) || !is_padding(entry.extra, entry.extra_size, padding)) {
    refuse(where, entry.name + " is not aligned to 64 bytes");
  }
  const Bytes member{file.data + start, entry.size};
  if (crc32(member.data, member.size) != entry.crc) refuse(where, entry.name + " fails its checksum");
  return member;
}

}  // namespace

std::map<std::string, Bytes> read_archive(const std::string &where, Bytes file) {
  if (file.size > kMaxBytes) refuse(where, "is too large for a bundle");
  if (file.size < kEnd) refuse(where, "is not a complete bundle");
  const size_t end = file.size - kEnd;
  const uint8_t *tail = file.data + end;
  if (u32(tail) != 0x06054b50u) refuse(where, "does not end as a bundle does");
  const size_t count = u16(tail + 10), size = u32(tail + 12), directory = u32(tail + 16);
  if (count > kMaxMembers) refuse(where, "has " + std::to_string(count) + " members");
  if (u16(tail + 4) != 0 || u16(tail + 6) != 0 || u16(tail + 8) != count || u16(tail + 20) != 0 || size > end ||
      directory != end - size) {
    refuse(where, "the zip directory is not where it should be");
  }
  std::vector<Entry> entries;
  std::set<std::string> seen;
  size_t at = directory;
  for (size_t i = 0; i < count; ++i) {
    size_t used = 0;
    entries.push_back(read_entry(where, file.data + at, end - at, &used));
    at += used;
    // Some file systems take names for one another that differ in case only.
    if (!seen.insert(lower(entries.back().name)).second) refuse(where, "has two members " + entries.back().name);
  }
  if (at != end) refuse(where, "the zip directory is damaged");
  std::stable_sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) { return a.offset < b.offset; });
  std::map<std::string, Bytes> members;
  at = 0;
  for (const Entry &entry : entries) {
    const Bytes member = read_member(where, file, entry, at, directory);
    at = static_cast<size_t>(member.data - file.data) + member.size;
    members.emplace(entry.name, member);
  }
  if (at != directory) refuse(where, "holds bytes that belong to no member");
  if (members.count("manifest.json") == 0) refuse(where, "has no manifest.json");
  return members;
}

}  // namespace mien::bundle
