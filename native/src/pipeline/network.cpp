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

Network::Network(const bundle::Bundle &bundle, const tracker::Interface &interface, const mien_engine &engine,
                 int32_t threads)
    : engine_(engine), name_(interface.name()), ports_(interface.outputs()) {
  const bundle::NetworkSpec &spec = bundle.network(name_);
  path_ = bundle.path() + ": " + spec.path;
  const bundle::Target &target = choose(spec);
  const auto name = [&](const bundle::Port &port, const char *kind) {
    if (!port.takes_pixels && port.dtype != "float32") {
      throw Refusal(MIEN_E_MANIFEST, path_ + kind + port.name + ".dtype: not float32");
    }
    names_.push_back(target.tensors.at(port.name));
  };
  for (const bundle::Port &port : interface.inputs()) name(port, ".inputs.");
  for (const bundle::Port &port : ports_) name(port, ".outputs.");
  const size_t fed = interface.inputs().size();
  for (size_t i = 0; i < fed; ++i) inputs_.push_back(describe(interface.inputs()[i], names_[i]));
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

  for (const bundle::Port &port : ports_) values_.emplace_back(port.count);
  char why[kWhy] = "";
  if (engine_.load(engine_.user, &model, &network_, why, sizeof why) != MIEN_OK) {
    fail("does not load: " + line(why, sizeof why));
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    outputs_[i].data = values_[i].data();
    outputs_[i].capacity = values_[i].size() * sizeof(float);
    given_.push_back(values_[i].data());
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

const tracker::Outputs &Network::run(tracker::Inputs *inputs) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    inputs_[i].data = inputs->data(i);
    inputs_[i].capacity = inputs_[i].size = inputs->size(i);
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    // What an engine leaves out must not be taken for the result of the frame before.
    std::fill(values_[i].begin(), values_[i].end(), std::numeric_limits<float>::quiet_NaN());
    outputs_[i].size = 0;
  }
  lent_ = outputs_;
  char why[kWhy] = "";
  if (engine_.run(network_, inputs_.data(), inputs_.size(), lent_.data(), lent_.size(), why, sizeof why) != MIEN_OK) {
    fail("failed: " + line(why, sizeof why));
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (lent_[i].size != outputs_[i].capacity) {
      fail("gave " + std::to_string(lent_[i].size) + " bytes of " + ports_[i].name + ", promised are " +
           std::to_string(outputs_[i].capacity));
    }
    if (!usable(values_[i].data(), values_[i].size())) fail("gave NaN or infinity in " + ports_[i].name);
  }
  return given_;
}

}  // namespace mien::pipeline
