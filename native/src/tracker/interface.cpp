// Names and shapes of a network's tensors, and the memory of its inputs.
#include "tracker/interface.h"

#include <algorithm>

#include "refusal.h"

namespace mien::tracker {
namespace {

constexpr size_t kAlignment = 64;

std::string shape_of(const bundle::Port &port) {
  std::string text;
  for (const int32_t extent : port.shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + text + (port.shape.size() == 1 ? ",)" : ")");
}

size_t bytes_of(const std::string &dtype) {
  return dtype == "int64" ? 8 : dtype == "float32" || dtype == "int32" ? 4 : dtype == "float16" ? 2 : 1;
}

}  // namespace

Interface::Interface(const bundle::Bundle &bundle, const std::string &name) : name_(name) {
  const bundle::NetworkSpec &spec = bundle.network(name);
  path_ = spec.path;
  inputs_ = spec.inputs;
  outputs_ = spec.outputs;
}

void Interface::refuse(std::string_view output, const std::string &what) const {
  throw Refusal(MIEN_E_MANIFEST, path_ + ".outputs." + std::string(output) + ": " + what);
}

bool Interface::has(std::string_view output) const {
  return std::any_of(outputs_.begin(), outputs_.end(), [&](const bundle::Port &port) { return port.name == output; });
}

const bundle::Port &Interface::output(std::string_view name) const {
  for (const bundle::Port &port : outputs_) {
    if (port.name == name) return port;
  }
  refuse(name, "network " + name_ + " needs an output of this name");
}

size_t Interface::expect(std::string_view output, size_t size) const {
  const bundle::Port &port = this->output(output);
  if (port.count == size) return static_cast<size_t>(&port - outputs_.data());
  refuse(output, "has the shape " + shape_of(port) + ", expected " + std::to_string(size) + " values");
}

size_t Interface::expect(std::string_view output, size_t cells, size_t width) const {
  const bundle::Port &port = this->output(output);
  const std::vector<int32_t> &shape = port.shape;
  if (shape.size() >= 2 && port.count == cells * width && static_cast<size_t>(shape.back()) == width) {
    return static_cast<size_t>(&port - outputs_.data());
  }
  refuse(output, "has the shape " + shape_of(port) + ", expected (1, " + std::to_string(cells) + ", " +
                     std::to_string(width) + ")");
}

size_t Interface::image_input() const {
  size_t found = 0, count = 0;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!inputs_[i].takes_pixels) continue;
    found = i;
    ++count;
  }
  if (count == 1) return found;
  throw Refusal(MIEN_E_MANIFEST, path_ + ".inputs: it has " + std::to_string(count) + " image inputs, expected one");
}

Inputs::Inputs(const Interface &interface) {
  for (const bundle::Port &port : interface.inputs()) {
    size_.push_back(port.count * bytes_of(port.dtype));
    memory_.emplace_back(size_.back() + kAlignment);
    offset_.push_back(-reinterpret_cast<uintptr_t>(memory_.back().data()) % kAlignment);
  }
  for (size_t i = 0; i < memory_.size(); ++i) {
    if (!interface.inputs()[i].takes_pixels) continue;
    image_ = interface.inputs()[i].image;
    image_.data = data(i);
    image_.capacity = size(i);
  }
}

void Inputs::prepare(const mien_image &frame, const Affine &affine) {
  const mien_status status = mien_image_to_tensor(&frame, affine.data(), &image_);
  if (status != MIEN_OK) throw Refusal(status, std::string("the frame: ") + mien_status_text(status));
}

}  // namespace mien::tracker
