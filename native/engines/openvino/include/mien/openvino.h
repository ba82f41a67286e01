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

#ifdef __cplusplus
}
#endif
#endif
