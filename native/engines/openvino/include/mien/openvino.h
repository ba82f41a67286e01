/* openvino.h: OpenVINO as the engine of mien pipelines. Link mien::openvino. */
#ifndef MIEN_OPENVINO_H
#define MIEN_OPENVINO_H

#include "mien/mien.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The engine "openvino" on the CPU: float32 throughout, as many threads as the pipeline asks for, not pinned to cores.
 * Reads ONNX and IR. Static storage; may be used by any number of pipelines and threads. OpenVINO itself is loaded into
 * the process with this library, and its plug-ins at the first pipeline. */
MIEN_API const mien_engine *mien_openvino_engine(void);

typedef struct mien_openvino_options {
  uint32_t struct_size;
  const char *cache_folder; /* UTF-8; where compiled networks are kept for the next start, or NULL: nowhere. It is made
                               if it is missing. A folder that cannot be written costs the cache and nothing else; an
                               entry that is damaged, or made by another OpenVINO, is made anew; any number of
                               processes may share it. It must be as trusted as the program: nothing in it is signed.
                               Nothing in it is ever needed: a host may empty it at any time. */
} mien_openvino_options;

/* As mien_openvino_engine, with options: fills *engine, whose struct_size the caller has set. The options, and what
 * they point to, must live until mien_pipeline_open has returned. Errors: ARGUMENT: a null pointer; STRUCT. */
MIEN_API mien_status mien_openvino_configure(const mien_openvino_options *options, mien_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
