/* pipeline.h: the whole way from a bundle and a camera's frames to the state of a face; mien.h includes it.
 *
 *   mien_pipeline *face = NULL;
 *   if (mien_pipeline_open("models/face.mien", NULL, mien_openvino_engine(), &face) != MIEN_OK)
 *     fprintf(stderr, "%s\n", mien_pipeline_error(NULL));
 *   mien_face_state state = { .struct_size = sizeof state };
 *   while (next_frame(&image, &t_ns)) {                              // borrowed pixels, int64 ns of the camera's clock
 *     if (mien_pipeline_process(face, &image, t_ns, &state) != MIEN_OK) { ... mien_pipeline_error(face) ... }
 *     if (state.found && state.valid[17]) jaw_open = state.coefficient[17];   // names: mien_pipeline_describe
 *   }
 *   mien_pipeline_close(face);
 *
 * The networks run in an engine that is a plug-in of three functions: mien/openvino.h has one, a host may bring its
 * own. The rules of mien.h hold. A pipeline is one stream of frames, for one thread at a time; several pipelines may
 * run in several threads. It gives what mien.open(bundle).process(frame) gives in Python.
 */
#include "mien/mien.h" /* which includes this file, so before the guard */

#ifndef MIEN_PIPELINE_H
#define MIEN_PIPELINE_H

#ifdef __cplusplus
extern "C" {
#endif

/* ---- engines ---------------------------------------------------------------------------------------------- */

#define MIEN_MAX_RANK 8 /* extents of a tensor's shape */

/* One tensor of a network. Contiguous, row-major. */
typedef struct mien_engine_tensor {
  uint32_t struct_size;
  mien_dtype dtype;             /* outputs are MIEN_F32 */
  const char *name;             /* as the model file calls it */
  int32_t rank;                 /* 1..MIEN_MAX_RANK */
  int32_t shape[MIEN_MAX_RANK]; /* static; what lies behind `rank` is 0 */
  void *data;                   /* the pipeline's memory; NULL in mien_engine.load. Inputs must not be written */
  size_t capacity;              /* bytes at data */
  size_t size; /* outputs: bytes that the engine has written; 0 before. Anything but the whole tensor is an error */
} mien_engine_tensor;

/* A network that is to be loaded. All memory is the pipeline's and valid during the call only. */
typedef struct mien_engine_model {
  uint32_t struct_size;
  int32_t threads;     /* for computing, 1 or more */
  const char *network; /* its name in the manifest, for messages */
  const void *data;    /* the model file: ONNX, IR, ..., as the bundle has it for this engine */
  size_t data_size;
  const void *weights; /* a second file, where the engine's format has two (OpenVINO IR); else NULL */
  size_t weights_size;
  const mien_engine_tensor *inputs, *outputs; /* what the bundle promises; an engine refuses a model that differs */
  size_t input_count, output_count;
} mien_engine_model;

/* What runs networks. The pipeline keeps a copy of the struct; `name` and `user` must live until it is closed.
 * The functions must not throw or longjmp. They are called from within mien_pipeline_open (load, and unload when it
 * fails), _process (run) and _close (unload), on the caller's thread. On any status but MIEN_OK the line of text that
 * they put into why[why_size] (zero-terminated, empty at first) goes into mien_pipeline_error. */
typedef struct mien_engine {
  uint32_t struct_size;
  const char *name; /* "openvino", "onnxruntime", ...: of a network's targets in the bundle the first that was made for
                       this engine is taken */
  void *user;       /* handed to load; may be NULL */
  mien_status (*load)(void *user, const mien_engine_model *model, void **network, char *why, size_t why_size);
  /* Fills the outputs. The tensors come in the order of mien_engine_model with the same names. `data` of outputs is the
   * same memory in each call for one network, that of inputs for one network and stream. Calls for one network never
   * overlap; with streams in several threads they come from several threads. */
  mien_status (*run)(void *network, const mien_engine_tensor *inputs, size_t input_count, mien_engine_tensor *outputs,
                     size_t output_count, char *why, size_t why_size);
  void (*unload)(void *network); /* called once for each network that was loaded */
} mien_engine;

/* ---- pipelines -------------------------------------------------------------------------------------------- */

#define MIEN_ARKIT_COUNT 52      /* coefficients of ARKit, in its order */
#define MIEN_MAX_COEFFICIENTS 80 /* these, then the bundle's extras */
#define MIEN_MAX_REGIONS 32

typedef struct mien_pipeline mien_pipeline;

enum {
  MIEN_PIPELINE_NO_TRACKING = 1, /* each frame is a picture of its own: no memory, detection every time, no smoothing */
  MIEN_PIPELINE_NO_SMOOTHING = 2 /* without the filters that the bundle brings */
};

typedef struct mien_pipeline_options {
  uint32_t struct_size;
  uint32_t flags;    /* MIEN_PIPELINE_... */
  int32_t threads;   /* of the engine, 1..256; 0: 1 */
  int32_t max_faces; /* that are followed, 1..32; 0: 1 */
} mien_pipeline_options;

/* Reads and checks a bundle and the detector's bundle beside it, and loads their networks into the engine. The file is
 * not needed any more when it returns. options may be NULL. Signatures are not checked.
 * Errors: ARGUMENT, STRUCT; FILE: it cannot be read; BUNDLE: damaged or altered; MANIFEST: it says something wrong, or
 * something that this library does not do (docs/embedding.md), the field is named; ENGINE: a network does not load;
 * MEMORY. mien_pipeline_error(NULL) tells more. */
MIEN_API mien_status mien_pipeline_open(const char *path, const mien_pipeline_options *options,
                                        const mien_engine *engine, mien_pipeline **pipeline);
MIEN_API void mien_pipeline_close(mien_pipeline *pipeline); /* NULL is allowed */

/* Another stream (another camera) with the same networks and options, and fresh state. Weights are shared: streams may
 * run in several threads and take turns at the engine. They may be closed in any order; the networks are let go of with
 * the last. Errors: ARGUMENT, MEMORY. */
MIEN_API mien_status mien_pipeline_fork(const mien_pipeline *pipeline, mien_pipeline **other);

/* One line about the last call with this pipeline that failed; with NULL about the last mien_pipeline_open of this
 * thread that failed. Empty if there was none. Valid until the next call. */
MIEN_API const char *mien_pipeline_error(const mien_pipeline *pipeline);

/* What a pipeline gives; all pointers are valid until it is closed. */
typedef struct mien_pipeline_info {
  uint32_t struct_size;
  uint32_t coefficient_count;           /* MIEN_ARKIT_COUNT + extras; 0 if the bundle gives none */
  const char *const *coefficient_names; /* "eyeBlinkLeft", ... */
  uint32_t landmark_count;
  uint32_t region_count; /* regions of the face whose visibility is given */
  const char *const *region_names;
  const char *bundle, *licence; /* the manifest's name and SPDX expression */
} mien_pipeline_info;

MIEN_API mien_status mien_pipeline_describe(const mien_pipeline *pipeline, mien_pipeline_info *info);

/* What was measured, in mien_face_state.measured. */
enum {
  MIEN_HAS_COEFFICIENTS = 1, /* coefficient, raw, valid */
  MIEN_HAS_VISIBILITY = 2,
  MIEN_HAS_HEAD = 4, /* rotation, translation, residual */
  MIEN_HAS_GAZE = 8,
  MIEN_HAS_EYES = 16,
  MIEN_HAS_LANDMARKS = 32 /* box, and the caller's landmarks */
};

/* What is known of the face at one moment. What was not measured has no bit in `measured` and is NaN. */
typedef struct mien_face_state {
  uint32_t struct_size;
  uint32_t measured; /* MIEN_HAS_... */
  int64_t t_ns;      /* the frame's time */
  int32_t found;     /* 1: a face was found */
  int32_t id;        /* stable while the face is tracked; -1 when none was found */
  float presence;    /* 0..1, the network's own score that a face is there; 0 when none was found */
  float box[4];      /* x0, y0, x1, y1 in frame pixels: the landmarks' hull */
  uint32_t coefficient_count, landmark_count, region_count; /* as in mien_pipeline_info */
  float coefficient[MIEN_MAX_COEFFICIENTS]; /* 0..1, filtered as the bundle wants; NaN where not valid */
  float raw[MIEN_MAX_COEFFICIENTS];         /* unfiltered; also what the network guesses of a hidden region */
  uint8_t valid[MIEN_MAX_COEFFICIENTS];     /* 0: no face, or its region of the face is hidden */
  float visibility[MIEN_MAX_REGIONS];       /* 0..1, that the region can be seen */
  float rotation[4];    /* unit quaternion x, y, z, w (w >= 0), head to camera: x right, y up, z towards the viewer */
  float translation[3]; /* metres in these axes; a face in front of the camera has negative z */
  float residual;       /* root mean square of the fit, in pixels */
  float gaze[2][3];     /* unit vectors of the left and the right eye, in these axes */
  float eyes[2][2];     /* where they begin, in frame pixels */
  float *landmarks;     /* in: room for landmark_capacity points of x, y, z in frame pixels, or NULL; z is 0 where the
                           bundle gives no depth. Written only where a face was found */
  size_t landmark_capacity; /* in: points, not floats */
} mien_face_state;

/* The state of the face in a frame. The frame is borrowed for the call.
 * Errors: TIME: t_ns is not after the frame before (mien_pipeline_reset begins a new recording); ENGINE: the engine
 * failed or gave something else than the bundle promises; CAPACITY: landmarks; ARGUMENT, STRUCT, FORMAT, SHAPE, STRIDE;
 * MEMORY. With ENGINE and MEMORY the frame counts as seen, and the next one may succeed. */
MIEN_API mien_status mien_pipeline_process(mien_pipeline *pipeline, const mien_image *frame, int64_t t_ns,
                                           mien_face_state *state);

/* The same for all faces, the longest-followed first: as many states as there are faces, *count of them, each with its
 * `found` 1. There must be room for max_faces of them, and struct_size and landmarks of all must be set. */
MIEN_API mien_status mien_pipeline_faces(mien_pipeline *pipeline, const mien_image *frame, int64_t t_ns,
                                         mien_face_state *states, size_t capacity, size_t *count);

/* The faces of the frame before at a later time, for a frame that a camera repeats or that a host skips to keep to a
 * budget: no network runs, the filters go on. None after a frame that failed. Errors as mien_pipeline_faces. */
MIEN_API mien_status mien_pipeline_repeat(mien_pipeline *pipeline, int64_t t_ns, mien_face_state *states,
                                          size_t capacity, size_t *count);

/* What a face expresses. What the bundle does not give is NULL or NaN. Pointers are valid until the next call with this
 * pipeline, names until it is closed. */
typedef struct mien_expression {
  uint32_t struct_size;
  uint32_t au_count, emotion_count, embedding_count, attention_rows, attention_columns;
  const char *const *au_names, *const *emotion_names;
  const float *aus, *emotions;            /* 0..1 */
  const float *embedding, *raw_embedding; /* of unit length; and before the neutral one is taken off */
  const float *attention;                 /* where the network looked in its crop */
  float valence, arousal;                 /* -1..1 */
  float unknown;                          /* 0..1, that the expression is none of the emotions */
} mien_expression;

/* The expression of a face of the last frame, by its number in the order of mien_pipeline_faces; 0 is that of
 * mien_pipeline_process. Errors: ARGUMENT: there was no such face; STRUCT. */
MIEN_API mien_status mien_pipeline_expression(const mien_pipeline *pipeline, size_t face, mien_expression *expression);

/* What the user of a stream looks like at rest, for bundles that make use of it: the mean raw embedding. NULL forgets
 * it. It survives mien_pipeline_reset. Errors: ARGUMENT: the bundle takes none, or one of another size; NOT_FINITE. */
MIEN_API mien_status mien_pipeline_neutral(mien_pipeline *pipeline, const float *embedding, size_t count);

/* Forgets face, filters and time, as if no frame had come yet. */
MIEN_API mien_status mien_pipeline_reset(mien_pipeline *pipeline);

/* ---- sensors on the skin ---------------------------------------------------------------------------------- */

/* The names of the sensors that a bundle such as `imu` takes, in the order of the samples; the head's is the first.
 * *count is 0 for bundles that take frames. Valid until the pipeline is closed. */
MIEN_API mien_status mien_pipeline_sensors(const mien_pipeline *pipeline, const char *const **names, size_t *count);

/* Takes rows of samples (mien/imu.h: 3 floats for each sensor, m/s^2 and rad/s, NaN where one gave none) and gives the
 * state at their end. found is 0 until two still seconds have calibrated the sensors; `visibility` is each region's
 * confidence, and `presence` their mean. What sensors on the skin cannot see is never valid.
 * Errors: TIME; UNITS: they are not m/s^2 and rad/s, mien_pipeline_error says what they seem to be; ENGINE; ARGUMENT,
 * STRUCT; MEMORY. */
MIEN_API mien_status mien_pipeline_samples(mien_pipeline *pipeline, const int64_t *t_ns, const float *acc,
                                           const float *gyro, size_t rows, mien_face_state *state);

/* The preparation inside, for mien_imu_calibration, mien_imu_calibrate, mien_imu_refine and mien_imu_check; NULL for
 * bundles that take frames. It is the pipeline's. */
MIEN_API mien_imu *mien_pipeline_imu(mien_pipeline *pipeline);

#ifdef __cplusplus
}
#endif
#endif
