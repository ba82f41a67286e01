/* mien.h: the C11 interface of the native core.
 *
 * It owns the pixel, decode, geometry and filter work around a neural network; inference itself stays with an engine
 * that the host chooses. mien/pipeline.h, included below, has the whole way from a bundle to the state of a face.
 * The single steps are here, for networks of one's own:
 *
 *   mien_image  frame = { .struct_size = sizeof frame, .format = MIEN_FORMAT_NV12, ... };  // borrowed, never copied
 *   mien_tensor input = { .struct_size = sizeof input, .width = 256, ..., .data = buffer };
 *   double crop[6];                                   // tensor pixel -> frame pixel
 *   mien_image_to_tensor(&frame, crop, &input);       // one pass: crop, colour, resize, normalise, quantise
 *   ... the host's engine runs the network ...
 *   mien_points_map(raw, n, 3, crop, depth_scale, landmarks);
 *   mien_one_euro_apply(filter, t_ns, n * 3, ...);
 *
 * Rules that hold for every call:
 *   - returns a mien_status; MIEN_OK is 0; nothing exits, aborts, prints or throws;
 *   - every struct but mien_detection, whose arrays are plain floats, starts with struct_size, set by the caller to
 *     sizeof the struct it was compiled with;
 *   - outputs are caller-owned; on an error they are left as they were;
 *   - time is signed 64-bit nanoseconds of the source's clock;
 *   - pixel coordinates: integer values are pixel centres, x to the right, y down;
 *   - functions are re-entrant; a handle may be used by one thread at a time.
 */
#ifndef MIEN_MIEN_H
#define MIEN_MIEN_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define MIEN_API __declspec(dllexport)
#elif defined(__GNUC__)
#define MIEN_API __attribute__((visibility("default")))
#else
#define MIEN_API
#endif

/* C++ may read any int from a field of these enums, so that an unknown one can be refused; in C that is so anyway. */
#ifdef __cplusplus
#define MIEN_INT : int
#else
#define MIEN_INT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Counts changes that break a program compiled before; functions and status codes that are added do not. */
#define MIEN_ABI_VERSION 1u
#define MIEN_MAX_POINTS 8     /* points of one detection */
#define MIEN_MAX_EXTENT 32767 /* largest width or height of an image or tensor */

typedef enum mien_status MIEN_INT {
  MIEN_OK = 0,
  MIEN_E_ARGUMENT = 1,     /* a null pointer, an unknown enum value, a count out of range */
  MIEN_E_STRUCT = 2,       /* struct_size is not one that this library knows */
  MIEN_E_FORMAT = 3,       /* unknown pixel format, or one that the call cannot take */
  MIEN_E_SHAPE = 4,        /* width, height or parity impossible for the format */
  MIEN_E_STRIDE = 5,       /* stride negative, or shorter than a row */
  MIEN_E_CAPACITY = 6,     /* an output buffer is too small */
  MIEN_E_NOT_FINITE = 7,   /* NaN or infinity where a number is needed */
  MIEN_E_TIME = 8,         /* the clock went back or stood still */
  MIEN_E_DEGENERATE = 9,   /* points from which the asked-for fit does not follow */
  MIEN_E_MEMORY = 10,      /* allocation failed */
  MIEN_E_UNSUPPORTED = 11, /* this processor does not have what was asked for */
  MIEN_E_FILE = 12,        /* a file is missing or cannot be read */
  MIEN_E_BUNDLE = 13,      /* a bundle is damaged or was altered */
  MIEN_E_MANIFEST = 14,    /* a bundle's manifest is wrong, or asks for what this library does not do */
  MIEN_E_ENGINE = 15,      /* the inference engine failed, or gave what the bundle does not promise */
  MIEN_E_UNITS = 16        /* samples of sensors that are not in m/s^2 and rad/s */
} mien_status;

MIEN_API uint32_t mien_abi_version(void);
MIEN_API const char *mien_version(void);
MIEN_API const char *mien_status_text(mien_status status); /* one short English sentence, static storage */

/* ---- instruction sets ------------------------------------------------------------------------------------- */

typedef enum mien_simd MIEN_INT {
  MIEN_SIMD_SCALAR = 0,
  MIEN_SIMD_NEON = 1,
  MIEN_SIMD_AVX2 = 2,
  MIEN_SIMD_AVX512 = 3
} mien_simd;

/* The best set this processor has is used from the start. Selecting another (for tests and measurements) is
 * process-wide; MIEN_E_UNSUPPORTED if the processor or the build lacks it. All sets give bit-equal results. */
MIEN_API mien_simd mien_simd_active(void);
MIEN_API int mien_simd_available(mien_simd level);
MIEN_API mien_status mien_simd_select(mien_simd level);
MIEN_API const char *mien_simd_name(mien_simd level);

/* ---- images ----------------------------------------------------------------------------------------------- */

typedef enum mien_format MIEN_INT {
  MIEN_FORMAT_RGB = 0,
  MIEN_FORMAT_BGR = 1,
  MIEN_FORMAT_RGBA = 2,
  MIEN_FORMAT_BGRA = 3,
  MIEN_FORMAT_GRAY8 = 4,
  MIEN_FORMAT_NV12 = 5, /* plane 0: Y, plane 1: interleaved U V at half size; width and height even */
  MIEN_FORMAT_NV21 = 6, /* the same with V before U */
  MIEN_FORMAT_YUYV = 7  /* one plane, Y0 U Y1 V; width even */
} mien_format;

typedef enum mien_yuv_matrix MIEN_INT { MIEN_YUV_BT601 = 0, MIEN_YUV_BT709 = 1 } mien_yuv_matrix;
typedef enum mien_yuv_range MIEN_INT { MIEN_YUV_LIMITED = 0, MIEN_YUV_FULL = 1 } mien_yuv_range;

typedef struct mien_image {
  uint32_t struct_size;
  mien_format format;
  int32_t width, height; /* pixels, 1..MIEN_MAX_EXTENT */
  const uint8_t *plane[2];
  int64_t stride[2];          /* bytes from one row to the next, >= the bytes of a row */
  mien_yuv_matrix yuv_matrix; /* YUV formats only */
  mien_yuv_range yuv_range;
} mien_image;

typedef enum mien_dtype MIEN_INT { MIEN_F32 = 0, MIEN_F16 = 1, MIEN_U8 = 2, MIEN_I8 = 3 } mien_dtype;
typedef enum mien_layout MIEN_INT { MIEN_NCHW = 0, MIEN_NHWC = 1 } mien_layout;
typedef enum mien_color MIEN_INT { MIEN_COLOR_RGB = 0, MIEN_COLOR_BGR = 1, MIEN_COLOR_GRAY = 2 } mien_color;
typedef enum mien_border MIEN_INT {
  MIEN_BORDER_REPLICATE = 0, /* the nearest pixel of the frame */
  MIEN_BORDER_CONSTANT = 1   /* black (RGB 0) */
} mien_border;

typedef enum mien_sampling MIEN_INT {
  MIEN_SAMPLING_FINE = 0, /* positions to 1/128 pixel, samples not rounded */
  MIEN_SAMPLING_8BIT = 1  /* positions to 1/32 pixel (half to even), samples rounded to whole values (half up): what
                             warps of 8-bit pictures do, for networks whose reference pipeline uses one */
} mien_sampling;

/* What the network wants. A sampled pixel p (0..255, channel c) is stored as
 *   F32, F16:  p * scale[c] + bias[c]
 *   U8, I8:    clamp(round_to_even((p * scale[c] + bias[c]) / quant_scale) + quant_zero)
 * Gray from colour is 0.299 R + 0.587 G + 0.114 B (BT.601 luma); colour from gray repeats it. */
typedef struct mien_tensor {
  uint32_t struct_size;
  int32_t width, height;
  mien_dtype dtype;
  mien_layout layout;
  mien_color color; /* 3 channels, or 1 for GRAY */
  mien_border border;
  mien_sampling sampling;
  float scale[3], bias[3]; /* in the tensor's channel order; finite */
  float quant_scale;       /* > 0; U8 and I8 only */
  int32_t quant_zero;      /* -32768..32767 */
  void *data;
  size_t capacity; /* bytes at data */
} mien_tensor;

/* Samples the frame bilinearly at affine * (x, y, 1) for each tensor pixel (x, y), and writes
 * the tensor, in one pass over the needed pixels only.
 *   affine: row-major 2x3, maps tensor pixel indices to frame pixel indices.
 * Errors: ARGUMENT, STRUCT, FORMAT, SHAPE, STRIDE, CAPACITY, NOT_FINITE. */
MIEN_API mien_status mien_image_to_tensor(const mien_image *image, const double affine[6], mien_tensor *tensor);

/* ---- detections ------------------------------------------------------------------------------------------- */

typedef struct mien_detection {
  float score;
  float box[4]; /* x0, y0, x1, y1 */
  float point[2 * MIEN_MAX_POINTS];
} mien_detection;

/* Centres (x, y in 0..1 of the input) of an SSD grid: for each layer l, rows, columns, then per_cell[l] copies.
 * The grid of a layer has ceil(extent / stride[l]) cells a side. *count receives the number of anchors, also when
 * centers is NULL (to ask for the size). */
MIEN_API mien_status mien_ssd_anchors(int32_t input_width, int32_t input_height, const int32_t *stride,
                                      const int32_t *per_cell, int32_t layers, float *centers, size_t capacity,
                                      size_t *count);

/* Box regression relative to anchor centres (BlazeFace form): raw[i] = dx, dy, w, h, then 2 per point, in input
 * pixels; score = sigmoid(clamp(logit, -clip, clip)). Keeps scores >= min_score. Output in input pixels. At most
 * `capacity` are written; *count is the number written. */
MIEN_API mien_status mien_decode_ssd(const float *raw, const float *logits, const float *centers, size_t anchors,
                                     int32_t points, int32_t input_width, int32_t input_height, float clip,
                                     float min_score, mien_detection *out, size_t capacity, size_t *count);

/* One level of an anchor-free head with separate class and objectness (YuNet form): score = sqrt(cls * obj), both
 * clamped to 0..1; centre = (cell + d) * stride, size = exp(d) * stride, points = (cell + d) * stride.
 * Appends behind *count. Output in input pixels. */
MIEN_API mien_status mien_decode_grid(const float *cls, const float *obj, const float *box, const float *point,
                                      int32_t columns, int32_t rows, int32_t stride, int32_t points, float min_score,
                                      mien_detection *out, size_t capacity, size_t *count);

typedef enum mien_nms_mode MIEN_INT {
  MIEN_NMS_HARD = 0,    /* the best of each overlapping group survives */
  MIEN_NMS_WEIGHTED = 1 /* it becomes the score-weighted mean of its group (boxes and points); keeps its own score */
} mien_nms_mode;

/* Non-maximum suppression by intersection over union >= iou, in place, best first. *count: in and out. */
MIEN_API mien_status mien_nms(mien_detection *detections, size_t *count, int32_t points, float iou, mien_nms_mode mode);

/* Maps boxes (their axis-aligned hull) and points through an affine map, in place. */
MIEN_API mien_status mien_detections_map(mien_detection *detections, size_t count, int32_t points,
                                         const double affine[6]);

/* ---- landmarks -------------------------------------------------------------------------------------------- */

/* out[i] = affine * (x, y, 1); with dims 3, z is multiplied by depth_scale. in == out is allowed. */
MIEN_API mien_status mien_points_map(const float *in, size_t count, int32_t dims, const double affine[6],
                                     float depth_scale, float *out);

/* The hull x0, y0, x1, y1 of the points' x and y. NOT_FINITE if any coordinate, depth included, is not. */
MIEN_API mien_status mien_points_box(const float *in, size_t count, int32_t dims, float box[4]);

/* Heat maps with sub-cell offsets (OpenSeeFace form): maps[3 * points][rows][columns] holds the heats of all points,
 * then their row offsets, then their column offsets, the offsets squashed by a sigmoid of slope `slope` (1e-6 or more).
 * out_xy[2 * points] in input pixels: x = (input_width - 1) * (column / (columns - 1) + logit(offset) / slope).
 * out_score[points] is the heat at the peak. */
MIEN_API mien_status mien_decode_heatmap(const float *maps, int32_t points, int32_t columns, int32_t rows, float slope,
                                         int32_t input_width, int32_t input_height, float *out_xy, float *out_score);

/* ---- geometry --------------------------------------------------------------------------------------------- */

/* The similarity (rotation, uniform scale, translation; no reflection) that maps src to dst with the least weighted
 * squared error (Umeyama 1991). weights may be NULL. DEGENERATE if the points coincide. */
MIEN_API mien_status mien_fit_similarity(const float *src_xy, const float *dst_xy, const float *weights, size_t count,
                                         double affine[6]);

typedef struct mien_pose {
  uint32_t struct_size;
  float scale;
  float rotation[4];    /* unit quaternion x, y, z, w; w >= 0 */
  float translation[3]; /* in the units of the destination points */
  float residual;       /* weighted root mean square error of the fit, in the units of the destination */
} mien_pose;

/* dst = scale * R * src + translation with the least weighted squared error (Horn 1987). With fixed_scale the scale
 * is 1. */
MIEN_API mien_status mien_fit_rigid(const float *src_xyz, const float *dst_xyz, const float *weights, size_t count,
                                    int fixed_scale, mien_pose *pose);

/* Head pose from landmarks with relative depth (x, y in pixels, z in the units of x, smaller is nearer), given the
 * canonical points (centimetres; x to the subject's left, y up, z out of the face) and weights (0: not used), under a
 * pinhole camera whose vertical field of view is fov_y radians, principal point (width / 2, height / 2). Weighted
 * Procrustes between the canonical face and the unprojected landmarks, the depth found in two passes. The pose maps
 * canonical points to camera space: x right, y up, z towards the viewer, centimetres; scale = 1. */
MIEN_API mien_status mien_pose_from_depth(const float *landmarks_xyz, const float *canonical_xyz, const float *weights,
                                          size_t count, int32_t width, int32_t height, float fov_y, mien_pose *pose);

/* The same from 2-D points only (perspective-n-point): scaled orthography for a start, then Gauss-Newton on the
 * reprojection error. residual is in pixels. DEGENERATE with fewer than 4 weighted points or a flat configuration that
 * does not fix the pose. */
MIEN_API mien_status mien_pose_from_points(const float *points_xy, const float *canonical_xyz, const float *weights,
                                           size_t count, int32_t width, int32_t height, float fov_y, mien_pose *pose);

/* ---- filters ---------------------------------------------------------------------------------------------- */

/* One-Euro low-pass (Casiez et al. 2012) over `count` values with the true time step. Frequencies in Hz. */
typedef struct mien_one_euro mien_one_euro;
MIEN_API mien_status mien_one_euro_create(size_t count, const float *min_cutoff, const float *beta,
                                          float derivative_cutoff, mien_one_euro **filter);
MIEN_API void mien_one_euro_destroy(mien_one_euro *filter); /* NULL is allowed */
MIEN_API mien_status mien_one_euro_reset(mien_one_euro *filter);
/* on != 0: the n-th sample of a value weighs at least 1 / n, so that a young value is the mean of its samples instead
 * of clinging to the noise of its first one. Off (the filter of the paper) until it is called. */
MIEN_API mien_status mien_one_euro_settle(mien_one_euro *filter, int32_t on);
/* on != 0: the speed that raises the cutoff is that from the filtered value to the new one instead of that between raw
 * values, and counts by its square (beta in Hz per (unit / s)^2). A value that stays away from the filtered one then
 * pulls it until it is there, and noise, which goes to and fro, pulls little. Off until it is called. */
MIEN_API mien_status mien_one_euro_catch_up(mien_one_euro *filter, int32_t on);
/* value_scale multiplies the speed before beta (1 / object size makes it scale-free). valid may be NULL; an invalid
 * value passes unfiltered and leaves its state alone. in == out is allowed. TIME if t_ns is not after the last call;
 * NOT_FINITE if a valid value is not finite; the state is then unchanged. */
MIEN_API mien_status mien_one_euro_apply(mien_one_euro *filter, int64_t t_ns, float value_scale, const float *in,
                                         const uint8_t *valid, float *out);

/* Keeps the last valid value of each slot for hold_ns after it was last seen. */
typedef struct mien_hold mien_hold;
MIEN_API mien_status mien_hold_create(size_t count, int64_t hold_ns, mien_hold **filter);
MIEN_API void mien_hold_destroy(mien_hold *filter);
MIEN_API mien_status mien_hold_reset(mien_hold *filter);
MIEN_API mien_status mien_hold_apply(mien_hold *filter, int64_t t_ns, const float *in, const uint8_t *valid, float *out,
                                     uint8_t *out_valid);

/* values[lower[i]] = min(values[lower[i]], values[upper[i]]) where both are valid, in the given order, after clamping
 * every valid value to low..high. valid may be NULL. */
MIEN_API mien_status mien_constrain(float *values, const uint8_t *valid, size_t count, float low, float high,
                                    const int32_t *lower, const int32_t *upper, size_t pairs);

#ifdef __cplusplus
}
#endif

#include "mien/imu.h"
#include "mien/pipeline.h"
#include "mien/reenact.h"

#endif
