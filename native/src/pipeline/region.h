// Region: a rotated rectangle of the frame, its affine map to a tensor, and how a box becomes one. As
// sdk/mien/tasks/_region.py, in double precision.
#pragma once

#include <array>
#include <cstddef>

#include "bundle/section.h"

namespace mien::pipeline {

using Box = std::array<double, 4>;  // x0, y0, x1, y1
using Affine = std::array<double, 6>;

// Centre, size and rotation (radians, clockwise on screen), in frame pixels with integers at pixel centres.
struct Region {
  double cx = 0, cy = 0, width = 0, height = 0, rotation = 0;

  // Tensor pixel indices -> frame pixel indices; `corner` as in bundle::Port.
  Affine affine(int columns, int rows, bool corner) const;

  // `other`, but for the last `slack` of the way: what moves less than that leaves the region as it is. Slack of the
  // centre is in widths of this region, of the size a ratio minus 1, of the rotation in radians.
  Region toward(const Region &other, double slack) const;

  // The nearest region whose numbers are whole multiples of a step: the largest power of two that is not more than
  // `grid`, in widths and in radians. 0: as it is.
  Region on_grid(double grid) const;

  // Turns a vector from the crop's camera axes (x right, y up, z towards the viewer) to the frame's.
  std::array<double, 3> to_camera(double x, double y, double z) const;
};

// The smallest region of the tensor's aspect ratio that holds the whole frame, centred (a letterbox).
Region whole_frame(int width, int height, int columns, int rows, bool corner);

// The box around a network's points of `dims` floats. Throws Refusal (MIEN_E_ENGINE) if one lies beyond all bounds.
Box hull(const float *points, size_t count, int dims);

double overlap(const Box &a, const Box &b);  // intersection over union

class Crop {
 public:
  // `points` is how many there are to turn by. Throws Refusal (MIEN_E_MANIFEST).
  Crop(const bundle::Section &section, int points);

  // Around a box, turned by the points of `dims` floats. `scratch` has room for as many points. Throws as `hull`.
  Region region(const Box &box, const float *points, size_t count, int dims, float *scratch) const;

  // The same for the frame after one in which `region` showed this: it follows with the bundle's slack.
  Region next(const Region &region, const Box &box, const float *points, size_t count, int dims, float *scratch) const;

 private:
  Region around(const Box &box, const float *points, size_t count, int dims, float *scratch) const;

  double wide_, high_;
  bool square_;
  bool turns_ = false, turned_hull_;
  size_t right_ = 0, left_ = 0;  // the subject's; their line is made horizontal
  double shift_, slack_, grid_;
};

}  // namespace mien::pipeline
