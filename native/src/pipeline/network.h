// Network: a network of a bundle, loaded into the host's engine, with the memory of its inputs and outputs. It takes
// one image, or any number of float32 tensors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bundle/manifest.h"
#include "pipeline/region.h"

namespace mien::pipeline {

// Throws Refusal with the status of what is wrong with a frame.
void check_frame(const mien_image &frame);

class Network {
 public:
  // Keeps nothing of the bundle. Throws Refusal: MIEN_E_MANIFEST, MIEN_E_ENGINE.
  Network(const bundle::Bundle &bundle, const std::string &name, const mien_engine &engine, int32_t threads);
  ~Network();
  Network(const Network &) = delete;
  Network &operator=(const Network &) = delete;

  int columns() const { return image_.width; }
  int rows() const { return image_.height; }
  bool corner() const { return corner_; }
  bool has(std::string_view output) const;
  size_t size(std::string_view output) const;  // of its values; 0 if it is missing
  // The number of an output that must hold `size` values. Throws Refusal (MIEN_E_MANIFEST).
  size_t expect(std::string_view output, size_t size) const;
  size_t expect(std::string_view output, size_t cells, size_t width) const;  // shape ends with cells, width

  // Samples the frame into the image input: tensor pixel -> frame pixel. Throws Refusal with the status of the image.
  void prepare(const mien_image &frame, const Affine &affine);
  // The memory of an input of `size` float32. Throws Refusal (MIEN_E_MANIFEST).
  float *values(std::string_view input, size_t size);
  size_t inputs() const { return input_ports_.size(); }
  // Runs the engine and checks what it gave. Throws Refusal (MIEN_E_ENGINE).
  void run();
  const float *output(size_t number) const { return static_cast<const float *>(outputs_[number].data); }

 private:
  const bundle::Target &choose(const bundle::NetworkSpec &spec) const;
  [[noreturn]] void fail(const std::string &what) const;

  mien_engine engine_;
  std::string name_, path_;
  std::vector<bundle::Port> input_ports_, ports_;             // of the inputs, of the outputs
  std::vector<std::string> names_;                            // the engine's, of the inputs and the outputs
  std::vector<std::vector<uint8_t>> fed_;                     // of the inputs
  std::vector<std::vector<float>> values_;                    // of the outputs
  std::vector<mien_engine_tensor> inputs_, outputs_, given_;  // given_: a copy for the engine, which cannot change ours
  mien_tensor image_{};
  bool corner_ = false;
  void *network_ = nullptr;
};

}  // namespace mien::pipeline
