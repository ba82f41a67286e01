// Interface: a network as the tracker knows it, which is what goes in and comes out. Who runs it is the host's affair.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/manifest.h"
#include "tracker/region.h"

namespace mien::tracker {

// What a network gave, in the order of Interface::outputs.
using Outputs = std::vector<const float *>;

class Interface {
 public:
  // Keeps nothing of the bundle. Throws Refusal (MIEN_E_MANIFEST), as all that follow.
  Interface(const bundle::Bundle &bundle, const std::string &name);

  const std::string &name() const { return name_; }
  const std::vector<bundle::Port> &inputs() const { return inputs_; }
  const std::vector<bundle::Port> &outputs() const { return outputs_; }
  bool has(std::string_view output) const;
  const bundle::Port &output(std::string_view name) const;
  // The number of an output that must hold `size` values; or whose shape must end with `cells`, `width`.
  size_t expect(std::string_view output, size_t size) const;
  size_t expect(std::string_view output, size_t cells, size_t width) const;

  // The one input that takes pixels: its number, and its tensor without memory.
  size_t image_input() const;
  int columns() const { return inputs_[image_input()].image.width; }
  int rows() const { return inputs_[image_input()].image.height; }
  bool corner() const { return inputs_[image_input()].corner; }

 private:
  [[noreturn]] void refuse(std::string_view output, const std::string &what) const;

  std::string name_, path_;
  std::vector<bundle::Port> inputs_, outputs_;
};

// A stream's memory of a network's inputs. It stays where it is.
class Inputs {
 public:
  explicit Inputs(const Interface &interface);

  // Samples the frame into the image input: tensor pixel -> frame pixel. Throws Refusal with the status of the image.
  void prepare(const mien_image &frame, const Affine &affine);
  uint8_t *data(size_t input) { return memory_[input].data() + offset_[input]; }
  size_t size(size_t input) const { return size_[input]; }  // bytes

 private:
  std::vector<std::vector<uint8_t>> memory_;
  std::vector<size_t> offset_, size_;  // engines take aligned memory without copying it
  mien_tensor image_{};
};

}  // namespace mien::tracker
