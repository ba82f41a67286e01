// What a bundle says of itself: its networks, their tensors, and what they were made for. The tasks' own sections are
// read by who needs them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/archive.h"
#include "bundle/section.h"
#include "mien/mien.h"

namespace mien::bundle {

// One input or output by its logical name. For an input that takes pixels, `image` is all of it but the memory.
struct Port {
  std::string name;
  std::vector<int32_t> shape;
  size_t count = 0;   // values
  std::string dtype;  // as in the manifest
  bool takes_pixels = false;
  bool corner = false;  // align: tensor index 0 samples the crop's edge, not the middle of its first cell
  mien_tensor image{};
};

// The same network made for one engine: which blobs, and the engine's name for each logical one.
struct Target {
  std::string path;  // where in the manifest it stands
  std::string engine, blob, weights, device;
  std::map<std::string, std::string> tensors, options;
};

struct NetworkSpec {
  std::string name, path;
  std::vector<Port> inputs, outputs;
  std::vector<Target> targets;  // the best first

  // The one input that takes pixels; an output by name. Both throw Refusal (MIEN_E_MANIFEST) if there is none.
  const Port &image_input() const;
  const Port &output(std::string_view name) const;
};

// An opened file whose members fit their digests.
class Bundle {
 public:
  // Throws Refusal: MIEN_E_FILE, MIEN_E_BUNDLE, MIEN_E_MANIFEST.
  explicit Bundle(const std::string &path);
  Bundle(const std::string &where, std::vector<uint8_t> file);
  // Of a manifest and members that somebody has checked already; they must outlive the bundle.
  Bundle(const std::string &where, std::string_view manifest, std::map<std::string, Bytes> members);
  Bundle(const Bundle &) = delete;
  Bundle &operator=(const Bundle &) = delete;

  const std::string &path() const { return path_; }
  Section root() const { return Section(root_, "manifest"); }
  const std::string &name() const { return name_; }
  const std::string &task() const { return task_; }
  const std::string &licence() const { return licence_; }
  const NetworkSpec &network(const std::string &name) const;
  bool has_blob(const std::string &name) const { return members_.count(name) != 0; }
  Bytes blob(const std::string &name) const { return members_.at(name); }

 private:
  void read(std::string_view text, bool checked);

  std::string path_;
  std::vector<uint8_t> file_;
  std::map<std::string, Bytes> members_;
  Json root_;
  std::string name_, task_, licence_;
  std::map<std::string, NetworkSpec> networks_;
};

}  // namespace mien::bundle
