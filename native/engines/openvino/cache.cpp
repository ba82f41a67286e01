#include "cache.h"

#include <openvino/c/openvino.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "bundle/digest.h"

namespace fs = std::filesystem;

namespace mien::openvino {
namespace {

constexpr char kSums[] = "sums", kDraft[] = ".draft-";

std::string hex(uint64_t value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%08llx", static_cast<unsigned long long>(value));
  return digits;
}

// What a compiled network depends on as far as this folder goes; OpenVINO itself tells processors apart.
std::string name_of(const mien_engine_model &model) {
  std::string name =
      hex(model.data_size) + '-' + hex(bundle::crc32(static_cast<const uint8_t *>(model.data), model.data_size));
  if (model.weights != nullptr) {
    name += '-' + hex(bundle::crc32(static_cast<const uint8_t *>(model.weights), model.weights_size));
  }
  name += '-' + std::to_string(model.threads);
  ov_version_t version{};
  if (ov_get_openvino_version(&version) == OK) {
    const std::string build = version.buildNumber;
    ov_version_free(&version);
    name += '-' + hex(bundle::crc32(reinterpret_cast<const uint8_t *>(build.data()), build.size()));
  }
  return name;
}

// Name, size and CRC-32 of each file but the sums themselves. Throws std::exception.
std::string sums_of(const fs::path &folder) {
  std::string lines;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder)) {
    if (entry.path().filename() == kSums) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    file.exceptions(std::ios::badbit | std::ios::failbit);
    std::vector<char> data(entry.file_size());
    file.read(data.data(), static_cast<std::streamsize>(data.size()));
    const uint32_t sum = bundle::crc32(reinterpret_cast<const uint8_t *>(data.data()), data.size());
    lines += entry.path().filename().string() + ' ' + hex(data.size()) + ' ' + hex(sum) + '\n';
  }
  return lines;
}

bool whole(const fs::path &folder) {
  try {
    std::ifstream file(folder / kSums, std::ios::binary);
    const std::string said{std::istreambuf_iterator<char>(file), {}};
    return !said.empty() && said == sums_of(folder);
  } catch (const std::exception &) {
    return false;
  }
}

// What processes left that were ended while they compiled.
void sweep(const fs::path &top) {
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(24);
  try {
    for (const fs::directory_entry &entry : fs::directory_iterator(top)) {
      const bool draft = entry.path().filename().u8string().rfind(kDraft, 0) == 0;
      if (draft && entry.last_write_time() < old) fs::remove_all(entry.path());
    }
  } catch (const std::exception &) {
    // Another process changes the folder meanwhile: the next start sweeps.
  }
}

// No two drafts meet: neither of threads, nor of processes, whose clocks and heaps differ.
std::string draft_name() {
  static std::atomic<uint64_t> count{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return kDraft + hex(static_cast<uint64_t>(now)) + '-' + hex(reinterpret_cast<uintptr_t>(&count)) + '-' + hex(++count);
}

}  // namespace

Entry::Entry(const char *folder, const mien_engine_model &model) {
  if (folder == nullptr || *folder == '\0') return;
  const fs::path top = fs::u8path(folder);
  place_ = top / name_of(model);
  if (whole(place_)) return;
  std::error_code failed;
  draft_ = top / draft_name();
  fs::create_directories(draft_, failed);
  if (failed) {
    place_.clear(), draft_.clear();
  } else {
    sweep(top);
  }
}

Entry::~Entry() {
  std::error_code ignored;
  if (!draft_.empty()) fs::remove_all(draft_, ignored);
}

std::string Entry::directory() const {
  return (draft_.empty() ? place_ : draft_).u8string();
}

void Entry::keep() {
  if (draft_.empty()) return;
  try {
    const std::string sums = sums_of(draft_);
    if (sums.empty()) return;  // the device does not export
    std::ofstream file(draft_ / kSums, std::ios::binary);
    file.exceptions(std::ios::badbit | std::ios::failbit);
    file << sums;
    file.close();
    std::error_code ignored;
    fs::remove_all(place_, ignored);
    fs::rename(draft_, place_, ignored);  // if another process was faster, its entry stays
  } catch (const std::exception &) {
    // A full disk: nothing is kept, and the network runs all the same.
  }
}

}  // namespace mien::openvino
