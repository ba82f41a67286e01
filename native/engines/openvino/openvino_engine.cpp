// The engine plug-in for OpenVINO (2024 or later), through its C API, whose binary interface does not depend on the
// compiler. A network is a compiled model with one request, whose tensors are the pipeline's own memory.
#include <openvino/c/openvino.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "cache.h"
#include "mien/openvino.h"

namespace {

template <class T, void (*Free)(T *)>
struct Freeing {
  void operator()(T *object) const { Free(object); }
};
template <class T, void (*Free)(T *)>
using Owned = std::unique_ptr<T, Freeing<T, Free>>;

using Core = Owned<ov_core_t, ov_core_free>;
using Model = Owned<ov_model_t, ov_model_free>;
using Compiled = Owned<ov_compiled_model_t, ov_compiled_model_free>;
using Request = Owned<ov_infer_request_t, ov_infer_request_free>;
using Tensor = Owned<ov_tensor_t, ov_tensor_free>;
using Port = Owned<ov_output_const_port_t, ov_output_const_port_free>;

struct Network {
  Core core;
  Compiled compiled;
  Request request;
  std::vector<const void *> bound;  // the memory that the request knows
};

// A step that failed: what it was for, and what OpenVINO says.
struct Failure {
  std::string text;
};

void check(ov_status_e status, const std::string &step) {
  if (status == OK) return;
  // Messages are stacks of source lines; what matters stands at the end.
  const char *message = ov_get_last_err_msg();
  std::string text = message != nullptr ? message : "";
  if (message != nullptr) ov_free(message);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.pop_back();
  if (text.empty()) text = ov_get_error_info(status);
  throw Failure{step + ": " + text.substr(text.size() - std::min<size_t>(text.size(), 240))};
}

ov_element_type_e element(mien_dtype dtype) {
  switch (dtype) {
    case MIEN_F16:
      return F16;
    case MIEN_U8:
      return U8;
    case MIEN_I8:
      return I8;
    default:
      return F32;
  }
}

Tensor make_tensor(ov_element_type_e type, size_t rank, const int64_t *extents, void *data) {
  ov_tensor_t *raw = nullptr;
  ov_shape_t shape{static_cast<int64_t>(rank), const_cast<int64_t *>(extents)};
  check(ov_tensor_create_from_host_ptr(type, shape, data, &raw), "a tensor");
  return Tensor(raw);
}

// Refuses a tensor that the model does not have in this type and shape.
void check_port(const mien_engine_tensor &promised, ov_output_const_port_t *raw) {
  const Port port(raw);
  ov_element_type_e type{};
  check(ov_port_get_element_type(port.get(), &type), promised.name);
  ov_shape_t shape{};
  check(ov_const_port_get_shape(port.get(), &shape), promised.name);
  const bool same = type == element(promised.dtype) && shape.rank == promised.rank &&
                    std::equal(shape.dims, shape.dims + shape.rank, promised.shape);
  ov_shape_free(&shape);
  if (!same) throw Failure{std::string("tensor ") + promised.name + " has another type or shape than promised"};
}

// Float32 said outright: CPUs that can would compute in bfloat16. Pinned threads fight with the host's own over the
// first cores. Importing a blob (ov_core_import_model) would spare the reading too, but takes no settings: it pins.
Compiled compile(ov_core_t *core, const ov_model_t *model, int32_t threads, const std::string &cache) {
  ov_compiled_model_t *compiled = nullptr;
  check(ov_core_compile_model(core, model, "CPU", 12, &compiled, ov_property_key_hint_inference_precision, "f32",
                              ov_property_key_inference_num_threads, std::to_string(threads).c_str(),
                              ov_property_key_hint_enable_cpu_pinning, "NO", ov_property_key_hint_performance_mode,
                              "LATENCY", ov_property_key_num_streams, "1", ov_property_key_cache_dir, cache.c_str()),
        "compiling");
  return Compiled(compiled);
}

Compiled compile_or_recall(ov_core_t *core, const ov_model_t *read, const mien_engine_model &model,
                           const char *cache_folder) {
  mien::openvino::Entry entry(cache_folder, model);
  if (!entry.directory().empty()) {
    try {
      Compiled compiled = compile(core, read, model.threads, entry.directory());
      entry.keep();
      return compiled;
    } catch (const Failure &) {  // a full disk, for instance: the cache is what is given up
    }
  }
  return compile(core, read, model.threads, "");
}

std::unique_ptr<Network> load(const mien_engine_model &model, const char *cache_folder) {
  auto network = std::make_unique<Network>();
  ov_core_t *core = nullptr;
  check(ov_core_create(&core), "OpenVINO does not start");
  network->core.reset(core);
  Tensor weights;
  if (model.weights != nullptr) {
    const int64_t size = static_cast<int64_t>(model.weights_size);
    weights = make_tensor(U8, 1, &size, const_cast<void *>(model.weights));
  }
  ov_model_t *raw = nullptr;
  check(ov_core_read_model_from_memory_buffer(core, static_cast<const char *>(model.data), model.data_size,
                                              weights.get(), &raw),
        "the model");
  const Model read(raw);
  network->compiled = compile_or_recall(core, read.get(), model, cache_folder);
  ov_compiled_model_t *compiled = network->compiled.get();
  for (size_t i = 0; i < model.input_count; ++i) {
    ov_output_const_port_t *port = nullptr;
    check(ov_compiled_model_input_by_name(compiled, model.inputs[i].name, &port), model.inputs[i].name);
    check_port(model.inputs[i], port);
  }
  for (size_t i = 0; i < model.output_count; ++i) {
    ov_output_const_port_t *port = nullptr;
    check(ov_compiled_model_output_by_name(compiled, model.outputs[i].name, &port), model.outputs[i].name);
    check_port(model.outputs[i], port);
  }
  ov_infer_request_t *request = nullptr;
  check(ov_compiled_model_create_infer_request(compiled, &request), "a request");
  network->request.reset(request);
  return network;
}

void bind(Network *network, const mien_engine_tensor &tensor) {
  std::vector<int64_t> extents(tensor.shape, tensor.shape + tensor.rank);
  const Tensor made = make_tensor(element(tensor.dtype), extents.size(), extents.data(), tensor.data);
  check(ov_infer_request_set_tensor(network->request.get(), tensor.name, made.get()), tensor.name);
}

void run(Network *network, const mien_engine_tensor *inputs, size_t input_count, mien_engine_tensor *outputs,
         size_t output_count) {
  network->bound.resize(input_count + output_count);
  for (size_t i = 0; i < input_count + output_count; ++i) {
    const mien_engine_tensor &tensor = i < input_count ? inputs[i] : outputs[i - input_count];
    if (network->bound[i] == tensor.data) continue;  // another stream's is another memory
    bind(network, tensor);
    network->bound[i] = tensor.data;
  }
  check(ov_infer_request_infer(network->request.get()), "inference");
  for (size_t i = 0; i < output_count; ++i) outputs[i].size = outputs[i].capacity;
}

template <class Work>
mien_status guarded(char *why, size_t why_size, const Work &work) noexcept {
  try {
    work();
    return MIEN_OK;
  } catch (const Failure &failure) {
    std::snprintf(why, why_size, "%s", failure.text.c_str());
    return MIEN_E_ENGINE;
  } catch (const std::bad_alloc &) {
    return MIEN_E_MEMORY;
  } catch (...) {
    std::snprintf(why, why_size, "OpenVINO threw an exception");
    return MIEN_E_ENGINE;
  }
}

mien_status load_entry(void *user, const mien_engine_model *model, void **network, char *why, size_t why_size) {
  const auto *options = static_cast<const mien_openvino_options *>(user);
  const char *folder = options == nullptr ? nullptr : options->cache_folder;
  return guarded(why, why_size, [&] { *network = load(*model, folder).release(); });
}

mien_status run_entry(void *network, const mien_engine_tensor *inputs, size_t input_count, mien_engine_tensor *outputs,
                      size_t output_count, char *why, size_t why_size) {
  return guarded(why, why_size,
                 [&] { run(static_cast<Network *>(network), inputs, input_count, outputs, output_count); });
}

void unload_entry(void *network) {
  delete static_cast<Network *>(network);
}

}  // namespace

const mien_engine *mien_openvino_engine(void) {
  static const mien_engine kEngine = {sizeof(mien_engine), "openvino", nullptr, load_entry, run_entry, unload_entry};
  return &kEngine;
}

mien_status mien_openvino_configure(const mien_openvino_options *options, mien_engine *engine) {
  if (options == nullptr || engine == nullptr) return MIEN_E_ARGUMENT;
  if (options->struct_size != sizeof *options || engine->struct_size != sizeof *engine) return MIEN_E_STRUCT;
  *engine = *mien_openvino_engine();
  engine->user = const_cast<mien_openvino_options *>(options);
  return MIEN_OK;
}
