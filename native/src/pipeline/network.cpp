// The only place that calls the engine. What it gives is untrusted: sizes and values are checked before anyone reads.
#include "pipeline/network.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "refusal.h"

namespace mien::pipeline {
namespace {

constexpr size_t kWhy = 400;

mien_engine_tensor describe(const bundle::Port &port, const std::string &name) {
  mien_engine_tensor tensor{};
  tensor.struct_size = sizeof tensor;
  tensor.dtype = port.takes_pixels ? port.image.dtype : MIEN_F32;
  tensor.name = name.c_str();
  tensor.rank = static_cast<int32_t>(port.shape.size());
  std::copy(port.shape.begin(), port.shape.end(), tensor.shape);
  return tensor;
}

// What an engine wrote about a failure, as one line.
std::string line(const char *why, size_t size) {
  std::string text(why, std::find(why, why + size, '\0'));
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text.empty() ? "it did not say why" : text;
}

// A float's sum of squares is finite only if every value is, and below 1e19; then no later sum overflows either.
bool usable(const float *values, size_t count) {
  float sum = 0;
  for (size_t i = 0; i < count; ++i) sum += values[i] * values[i];
  return std::isfinite(sum);
}

}  // namespace

Network::Network(const bundle::Bundle &bundle, const std::string &name, const mien_engine &engine, int32_t threads)
    : engine_(engine), name_(name) {
  const bundle::NetworkSpec &spec = bundle.network(name);
  path_ = bundle.path() + ": " + spec.path;
  input_ports_ = spec.inputs;
  const auto takes_pixels = [](const bundle::Port &port) { return port.takes_pixels; };
  if (std::any_of(input_ports_.begin(), input_ports_.end(), takes_pixels)) {
    const bundle::Port &pixels = spec.image_input();
    if (input_ports_.size() != 1) {
      throw Refusal(MIEN_E_MANIFEST, path_ + ".inputs: beside an image this library feeds nothing");
    }
    image_ = pixels.image;
    corner_ = pixels.corner;
  }
  const bundle::Target &target = choose(spec);
  ports_ = spec.outputs;
  for (const bundle::Port &port : input_ports_) {
    if (!port.takes_pixels && port.dtype != "float32") {
      throw Refusal(MIEN_E_MANIFEST, path_ + ".inputs." + port.name + ".dtype: not float32");
    }
    names_.push_back(target.tensors.at(port.name));
  }
  for (const bundle::Port &port : ports_) {
    if (port.dtype != "float32")
      throw Refusal(MIEN_E_MANIFEST, path_ + ".outputs." + port.name + ".dtype: not float32");
    names_.push_back(target.tensors.at(port.name));
  }
  static constexpr size_t kBytes[] = {4, 2, 1, 1};  // of mien_dtype
  const size_t fed = input_ports_.size();
  for (size_t i = 0; i < fed; ++i) inputs_.push_back(describe(input_ports_[i], names_[i]));
  for (size_t i = 0; i < ports_.size(); ++i) outputs_.push_back(describe(ports_[i], names_[fed + i]));

  mien_engine_model model{};
  model.struct_size = sizeof model;
  model.threads = threads;
  model.network = name_.c_str();
  const bundle::Bytes data = bundle.blob(target.blob);
  model.data = data.data;
  model.data_size = data.size;
  if (!target.weights.empty()) {
    const bundle::Bytes weights = bundle.blob(target.weights);
    model.weights = weights.data;
    model.weights_size = weights.size;
  }
  model.inputs = inputs_.data();
  model.input_count = inputs_.size();
  model.outputs = outputs_.data();
  model.output_count = outputs_.size();

  for (size_t i = 0; i < fed; ++i) fed_.emplace_back(input_ports_[i].count * kBytes[inputs_[i].dtype]);
  image_.data = fed_.front().data();
  image_.capacity = fed_.front().size();
  for (const bundle::Port &port : ports_) values_.emplace_back(port.count);
  given_.resize(outputs_.size());
  char why[kWhy] = "";
  if (engine_.load(engine_.user, &model, &network_, why, sizeof why) != MIEN_OK) {
    fail("does not load: " + line(why, sizeof why));
  }
  for (size_t i = 0; i < fed; ++i) {
    inputs_[i].data = fed_[i].data();
    inputs_[i].capacity = inputs_[i].size = fed_[i].size();
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    outputs_[i].data = values_[i].data();
    outputs_[i].capacity = values_[i].size() * sizeof(float);
  }
}

Network::~Network() {
  engine_.unload(network_);
}

const bundle::Target &Network::choose(const bundle::NetworkSpec &spec) const {
  for (const bundle::Target &target : spec.targets) {
    if (target.engine != engine_.name) continue;
    if (!target.device.empty()) throw Refusal(MIEN_E_MANIFEST, target.path + ".device: this library has no say in it");
    if (!target.options.empty()) throw Refusal(MIEN_E_MANIFEST, target.path + ".options: this library passes none");
    return target;
  }
  throw Refusal(MIEN_E_MANIFEST, path_ + ".targets: none was made for the engine " + engine_.name);
}

void Network::fail(const std::string &what) const {
  throw Refusal(MIEN_E_ENGINE, std::string(engine_.name) + ": network " + name_ + " " + what);
}

bool Network::has(std::string_view output) const {
  return std::any_of(ports_.begin(), ports_.end(), [&](const bundle::Port &port) { return port.name == output; });
}

size_t Network::size(std::string_view output) const {
  for (const bundle::Port &port : ports_) {
    if (port.name == output) return port.count;
  }
  return 0;
}

size_t Network::expect(std::string_view output, size_t size) const {
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].name != output) continue;
    if (ports_[i].count == size) return i;
    throw Refusal(MIEN_E_MANIFEST,
                  path_ + ".outputs." + ports_[i].name + ".shape: expected " + std::to_string(size) + " values");
  }
  throw Refusal(MIEN_E_MANIFEST, path_ + ".outputs: " + std::string(output) + " is missing");
}

size_t Network::expect(std::string_view output, size_t cells, size_t width) const {
  const size_t number = expect(output, cells * width);
  const std::vector<int32_t> &shape = ports_[number].shape;
  if (shape.size() < 2 || static_cast<size_t>(shape.back()) != width) {
    throw Refusal(MIEN_E_MANIFEST, path_ + ".outputs." + ports_[number].name + ".shape: expected (1, " +
                                       std::to_string(cells) + ", " + std::to_string(width) + ")");
  }
  return number;
}

void check_frame(const mien_image &frame) {
  // The checks of an image stand in front of its sampling: of one pixel here.
  constexpr double kFirst[6] = {1, 0, 0, 0, 1, 0};
  uint8_t pixel = 0;
  mien_tensor tensor{};
  tensor.struct_size = sizeof tensor;
  tensor.width = tensor.height = 1;
  tensor.dtype = MIEN_U8;
  tensor.color = MIEN_COLOR_GRAY;
  tensor.scale[0] = tensor.quant_scale = 1;
  tensor.data = &pixel;
  tensor.capacity = sizeof pixel;
  const mien_status status = mien_image_to_tensor(&frame, kFirst, &tensor);
  if (status != MIEN_OK) throw Refusal(status, std::string("the frame: ") + mien_status_text(status));
}

void Network::prepare(const mien_image &frame, const Affine &affine) {
  const mien_status status = mien_image_to_tensor(&frame, affine.data(), &image_);
  if (status != MIEN_OK) throw Refusal(status, std::string("the frame: ") + mien_status_text(status));
}

float *Network::values(std::string_view input, size_t size) {
  for (size_t i = 0; i < input_ports_.size(); ++i) {
    const bundle::Port &port = input_ports_[i];
    if (port.name != input || port.takes_pixels) continue;
    if (port.count == size) return reinterpret_cast<float *>(fed_[i].data());
    throw Refusal(MIEN_E_MANIFEST,
                  path_ + ".inputs." + port.name + ".shape: expected " + std::to_string(size) + " values");
  }
  throw Refusal(MIEN_E_MANIFEST, path_ + ".inputs: " + std::string(input) + " is missing");
}

void Network::run() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    // What an engine leaves out must not be taken for the result of the frame before.
    std::fill(values_[i].begin(), values_[i].end(), std::numeric_limits<float>::quiet_NaN());
    outputs_[i].size = 0;
  }
  std::copy(outputs_.begin(), outputs_.end(), given_.begin());
  char why[kWhy] = "";
  if (engine_.run(network_, inputs_.data(), inputs_.size(), given_.data(), given_.size(), why, sizeof why) != MIEN_OK) {
    fail("failed: " + line(why, sizeof why));
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (given_[i].size != outputs_[i].capacity) {
      fail("gave " + std::to_string(given_[i].size) + " bytes of " + ports_[i].name + ", promised are " +
           std::to_string(outputs_[i].capacity));
    }
    if (!usable(values_[i].data(), values_[i].size())) fail("gave NaN or infinity in " + ports_[i].name);
  }
}

}  // namespace mien::pipeline
