// Reads the part of a manifest that all tasks share, and checks the blobs against it.
#include "bundle/manifest.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "bundle/digest.h"
#include "refusal.h"

namespace mien::bundle {
namespace {

constexpr double kLargest = 1e30;  // of a scale or bias: every pixel value stays finite in float32

std::vector<uint8_t> read_file(const std::string &path) {
  const auto fail = [&](const char *why) { throw Refusal(MIEN_E_FILE, "cannot read " + path + ": " + why); };
  errno = 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) fail(std::strerror(errno));
  // Bounded before anything is reserved, and in portions, since not every file tells its size.
  constexpr size_t kPortion = size_t{1} << 20;
  std::vector<uint8_t> bytes;
  size_t size = 0, got = kPortion;
  while (got == kPortion) {
    if (size > kMaxBytes) throw Refusal(MIEN_E_BUNDLE, path + ": is too large for a bundle");
    bytes.resize(size + kPortion);
    got = std::fread(bytes.data() + size, 1, kPortion, file.get());
    size += got;
  }
  if (std::ferror(file.get()) != 0) fail(std::strerror(errno));
  bytes.resize(size);
  return bytes;
}

void check_member(const Section &section, const char *field, const std::string &member, const Section &blobs) {
  if (!blobs.has(member)) section.refuse(field, member + " is not a member of the bundle");
}

// The channels' factors, in the tensor's order.
void read_channels(const Section &image, const char *name, size_t channels, float out[3]) {
  const std::vector<double> values = image.numbers(name, kLargest);
  if (values.size() != channels) image.refuse(name, "expected " + std::to_string(channels) + " numbers");
  for (size_t i = 0; i < channels; ++i) out[i] = static_cast<float>(values[i]);
}

void read_image(const Section &section, Port *port) {
  const Section image = section.section("image");
  mien_tensor *tensor = &port->image;
  *tensor = mien_tensor{};
  tensor->struct_size = sizeof *tensor;
  tensor->layout = image.text("layout", nullptr, {"nchw", "nhwc"}) == "nchw" ? MIEN_NCHW : MIEN_NHWC;
  const std::string color = image.text("color", nullptr, {"rgb", "bgr", "gray"});
  tensor->color = color == "rgb" ? MIEN_COLOR_RGB : color == "bgr" ? MIEN_COLOR_BGR : MIEN_COLOR_GRAY;
  const int32_t channels = color == "gray" ? 1 : 3;
  const std::vector<int32_t> &shape = port->shape;
  const size_t rows = tensor->layout == MIEN_NCHW ? 2 : 1, at = tensor->layout == MIEN_NCHW ? 1 : 3;
  if (shape.size() != 4 || shape[0] != 1 || shape[at] != channels ||
      *std::max_element(shape.begin(), shape.end()) > MIEN_MAX_EXTENT) {
    section.refuse("shape", "does not fit the image's layout and color");
  }
  tensor->height = shape[rows];
  tensor->width = shape[rows + 1];
  read_channels(image, "scale", static_cast<size_t>(channels), tensor->scale);
  read_channels(image, "bias", static_cast<size_t>(channels), tensor->bias);
  port->corner = image.text("align", "center", {"center", "corner"}) == "corner";
  tensor->border = image.text("border", "replicate", {"replicate", "constant"}) == "replicate" ? MIEN_BORDER_REPLICATE
                                                                                               : MIEN_BORDER_CONSTANT;
  tensor->sampling =
      image.text("sampling", "fine", {"fine", "8bit"}) == "fine" ? MIEN_SAMPLING_FINE : MIEN_SAMPLING_8BIT;
  tensor->quant_scale = static_cast<float>(image.number("quant_scale", 1e-12, kLargest, 1.0));
  tensor->quant_zero = image.integer("quant_zero", -128, 255, 0);
  if (port->dtype == "float32") {
    tensor->dtype = MIEN_F32;
  } else if (port->dtype == "float16") {
    tensor->dtype = MIEN_F16;
  } else if (port->dtype == "uint8") {
    tensor->dtype = MIEN_U8;
  } else if (port->dtype == "int8") {
    tensor->dtype = MIEN_I8;
  } else {
    section.refuse("dtype", "pixels cannot go into " + port->dtype);
  }
  port->takes_pixels = true;
}

std::vector<Port> read_ports(const Section &ports) {
  std::vector<Port> out;
  for (const std::string &name : ports.names()) {
    const Section section = ports.section(name);
    Port port;
    port.name = name;
    port.shape = section.integers("shape", 1, 1 << 24);
    port.count = 1;
    for (const int32_t extent : port.shape) {
      port.count *= static_cast<size_t>(extent);
      if (port.count > size_t{1} << 28) section.refuse("shape", "is no possible tensor shape");
    }
    if (port.shape.empty() || port.shape.size() > MIEN_MAX_RANK) {
      section.refuse("shape", "expected 1.." + std::to_string(MIEN_MAX_RANK) + " extents");
    }
    port.dtype = section.text("dtype", "float32", {"float32", "float16", "uint8", "int8", "int32", "int64"});
    if (section.has("image")) read_image(section, &port);
    out.push_back(port);
  }
  return out;
}

NetworkSpec read_network(const std::string &name, const Section &section, const Section &blobs) {
  NetworkSpec network;
  network.name = name;
  network.path = section.path();
  network.inputs = read_ports(section.section("inputs"));
  network.outputs = read_ports(section.section("outputs"));
  for (const Section &target : section.sections("targets")) {
    Target made;
    made.path = target.path();
    made.engine = target.text("engine");
    target.text("precision");
    made.blob = target.text("blob");
    check_member(target, "blob", made.blob, blobs);
    made.weights = target.text("weights", "");
    if (!made.weights.empty()) check_member(target, "weights", made.weights, blobs);
    made.device = target.text("device", "");
    const Section tensors = target.section("tensors");
    for (const std::vector<Port> *ports : {&network.inputs, &network.outputs}) {
      for (const Port &port : *ports) made.tensors[port.name] = tensors.text(port.name);
    }
    if (target.has("options")) {
      const Section options = target.section("options");
      for (const std::string &key : options.names()) made.options[key] = options.text(key);
    }
    network.targets.push_back(made);
  }
  if (network.targets.empty()) section.refuse("targets", "expected at least one");
  return network;
}

}  // namespace

const Port &NetworkSpec::image_input() const {
  const Port *found = nullptr;
  size_t count = 0;
  for (const Port &port : inputs) {
    if (!port.takes_pixels) continue;
    found = &port;
    ++count;
  }
  if (count != 1) throw Refusal(MIEN_E_MANIFEST, path + ".inputs: expected one that takes an image");
  return *found;
}

const Port &NetworkSpec::output(std::string_view wanted) const {
  for (const Port &port : outputs) {
    if (port.name == wanted) return port;
  }
  throw Refusal(MIEN_E_MANIFEST, path + ".outputs: " + std::string(wanted) + " is missing");
}

Bundle::Bundle(const std::string &path) : Bundle(path, read_file(path)) {}

Bundle::Bundle(const std::string &where, std::vector<uint8_t> file) : path_(where), file_(std::move(file)) {
  members_ = read_archive(where, {file_.data(), file_.size()});
  const Bytes text = members_.at("manifest.json");
  members_.erase("manifest.json");
  // The signature is the host's to check, who knows whom it trusts; docs/bundle.md says what it covers.
  members_.erase("signature.ed25519");
  try {
    read({reinterpret_cast<const char *>(text.data), text.size}, false);
  } catch (const Refusal &refusal) {
    if (refusal.status() != MIEN_E_MANIFEST) throw;
    throw Refusal(MIEN_E_MANIFEST, where + ": " + refusal.what());
  }
}

Bundle::Bundle(const std::string &where, std::string_view manifest, std::map<std::string, Bytes> members)
    : path_(where), members_(std::move(members)) {
  read(manifest, true);
}

void Bundle::read(std::string_view text, bool checked) {
  root_ = parse_json(text);
  const Section manifest = root();
  manifest.integer("schema", 1, 1);
  name_ = manifest.text("name");
  task_ = manifest.text("task");
  manifest.text("training_data", "");
  manifest.pass("metrics");
  const Section blobs = manifest.section("blobs");
  for (const auto &member : members_) {
    if (!blobs.has(member.first)) throw Refusal(MIEN_E_BUNDLE, path_ + ": " + member.first + " is not in the manifest");
  }
  for (const std::string &name : blobs.names()) {
    const std::string digest = blobs.text(name);
    if (!has_blob(name)) throw Refusal(MIEN_E_BUNDLE, path_ + ": " + name + " is missing from the file");
    const Bytes bytes = blob(name);
    if (!checked && sha256(bytes.data, bytes.size) != digest) {
      throw Refusal(MIEN_E_BUNDLE, path_ + ": " + name + " differs from its SHA-256");
    }
  }
  const Section licence = manifest.section("licence");
  licence_ = licence.text("spdx");
  licence.text("source", "");
  if (licence.has("texts")) {
    for (const std::string &member : licence.texts("texts")) check_member(licence, "texts", member, blobs);
  }
  const Section networks = manifest.section("networks");
  for (const std::string &name : networks.names()) {
    networks_.emplace(name, read_network(name, networks.section(name), blobs));
  }
}

const NetworkSpec &Bundle::network(const std::string &name) const {
  const auto found = networks_.find(name);
  if (found == networks_.end()) {
    throw Refusal(MIEN_E_MANIFEST, path_ + ": the manifest describes no network '" + name + "'");
  }
  return found->second;
}

}  // namespace mien::bundle
