/* reenact.h: from a moved face mesh to a moved portrait; mien.h includes it.
 *
 *   mien_mesh_rasterise(points, vertices, triangles, count, attributes, 7, 256, 256, planes, owner, scratch);
 *   mien_flow_extend(planes, planes + 256 * 256, owner, 256, 256, scratch);   // hair follows, the far background stays
 *   mien_flow_warp(&source, planes, planes + 256 * 256, 256, 256, warped);    // what a network refines
 *   mien_flow_compose(&source, crop, &refined, out, stride);                    // into the picture, at its own size
 *
 * Planes are row by row, width * height floats each. Nothing is allocated. The rules of mien.h hold.
 */
#include "mien/mien.h" /* which includes this file, so before the guard */

#ifndef MIEN_REENACT_H
#define MIEN_REENACT_H

#ifdef __cplusplus
extern "C" {
#endif

#define MIEN_MESH_MAX_ATTRIBUTES 16
#define MIEN_FLOW_MAX_SIDE 1024 /* of the planes */

/* Draws triangles with a depth buffer. points: column, row, depth (larger is nearer) per vertex. Where a triangle is
 * nearest, owner gets its number, and each of the `columns` planes its attribute between the vertices' ones; elsewhere
 * owner is -1 and the planes are left alone. Triangles seen from either side are drawn.
 * attributes: columns per vertex. scratch: 3 planes.
 * Errors: ARGUMENT (a triangle that names no vertex, among others), SHAPE, NOT_FINITE. */
MIEN_API mien_status mien_mesh_rasterise(const float *points, size_t vertices, const int32_t *triangles, size_t count,
                                         const float *attributes, int32_t columns, int32_t width, int32_t height,
                                         float *planes, int32_t *owner, float *scratch);

/* Fills a backward flow (the source's column and row for each pixel) where owner is negative: displacements go on
 * smoothly from the covered pixels and fade to none with distance, from a sixth of the width on.
 * scratch: 4 planes.
 * Errors: ARGUMENT, SHAPE. */
MIEN_API mien_status mien_flow_extend(float *columns, float *rows, const int32_t *owner, int32_t width, int32_t height,
                                      float *scratch);

/* An RGB picture, 3 bytes per pixel. */
typedef struct mien_picture {
  uint32_t struct_size;
  int32_t width, height; /* 1..MIEN_MAX_EXTENT */
  const uint8_t *pixels;
  int64_t stride; /* bytes from one row to the next */
} mien_picture;

/* Samples a picture at the flow, bilinearly, its border repeated. out: 3 planes, 0..1.
 * Errors: ARGUMENT, STRUCT, SHAPE, STRIDE. */
MIEN_API mien_status mien_flow_warp(const mien_picture *source, const float *columns, const float *rows, int32_t width,
                                    int32_t height, float *out);

/* What a network says of a crop; every plane has width * height floats. */
typedef struct mien_refined {
  uint32_t struct_size;
  int32_t width, height;       /* 2..MIEN_FLOW_MAX_SIDE */
  const float *columns, *rows; /* the flow, crop pixels */
  const float *keep;           /* 0..1: how much of the warped source there is; the rest is the source as it lies */
  const float *change;         /* 3 planes, added to that; -1..1 */
  const float *feather;        /* 0..1: how much of all this is shown */
} mien_refined;

/* Blends a refined crop into the picture that it was cut from, at the picture's own resolution: the planes are
 * interpolated, the picture is sampled where it lies. crop: scale, x0, y0; crop pixel (x, y) is picture pixel
 * (x * scale + x0, y * scale + y0). out: as large as the source, `stride` bytes per row; only pixels inside the crop
 * are written, so that it can begin as a copy of the source and be written again and again.
 * Errors: as mien_flow_warp; NOT_FINITE. */
MIEN_API mien_status mien_flow_compose(const mien_picture *source, const double crop[3], const mien_refined *refined,
                                       uint8_t *out, int64_t stride);

#ifdef __cplusplus
}
#endif

#endif
