// Network: a network of a bundle, loaded into the host's engine, with the memory of its outputs. Shared by streams, of
// which one at a time may run it.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "tracker/interface.h"

namespace mien::pipeline {

class Network {
 public:
  // Keeps nothing of the bundle. Throws Refusal: MIEN_E_MANIFEST, MIEN_E_ENGINE.
  Network(const bundle::Bundle &bundle, const tracker::Interface &interface, const mien_engine &engine,
          int32_t threads);
  ~Network();
  Network(const Network &) = delete;
  Network &operator=(const Network &) = delete;

  // Runs the engine on a stream's inputs and checks what it gives, which is there until the next run: whoever reads it
  // holds `turn` all the while. Throws Refusal (MIEN_E_ENGINE).
  const tracker::Outputs &run(tracker::Inputs *inputs);
  std::mutex turn;

 private:
  const bundle::Target &choose(const bundle::NetworkSpec &spec) const;
  [[noreturn]] void fail(const std::string &what) const;

  mien_engine engine_;
  std::string name_, path_;
  std::vector<bundle::Port> ports_;  // of the outputs
  std::vector<std::string> names_;   // the engine's, of the inputs and the outputs
  std::vector<std::vector<float>> values_;
  tracker::Outputs given_;
  std::vector<mien_engine_tensor> inputs_, outputs_, lent_;  // lent_: a copy for the engine, which cannot change ours
  void *network_ = nullptr;
};

}  // namespace mien::pipeline
