// Region: a rotated rectangle of the frame, its affine map to a tensor, and how a box becomes one. In double precision.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bundle/section.h"

namespace mien::tracker {

using Box = std::array<double, 4>;  // x0, y0, x1, y1
using Affine = std::array<double, 6>;

// Centre, size and rotation (radians, clockwise on screen), in frame pixels with integers at pixel centres.
struct Region {
  double cx = 0, cy = 0, width = 0, height = 0, rotation = 0;

  bool operator==(const Region &other) const {
    return cx == other.cx && cy == other.cy && width == other.width && height == other.height &&
           rotation == other.rotation;
  }

  // Tensor pixel indices -> frame pixel indices; `corner` as in bundle::Port.
  Affine affine(int columns, int rows, bool corner) const;

  // `other`, but for the last `slack` of the way: what moves less than that leaves the region as it is. Slack of the
  // centre is in widths of this region, of the size a ratio minus 1, of the rotation in radians.
  Region toward(const Region &other, double slack) const;

  // The nearest region whose numbers are whole multiples of a step: the largest power of two that is not more than
  // `grid`, in widths and in radians. 0: as it is.
  Region on_grid(double grid) const;

  // How far `other` is from it: the largest of the centre's way in widths, the size's ratio minus 1, the turn in
  // radians.
  double away(const Region &other) const;

  // Turns a vector from the crop's camera axes (x right, y up, z towards the viewer) to the frame's.
  std::array<double, 3> to_camera(double x, double y, double z) const;
};

// The smallest region of the tensor's aspect ratio that holds the whole frame, centred (a letterbox).
Region whole_frame(int width, int height, int columns, int rows, bool corner);

// The box around a network's points of `dims` floats. Throws Refusal (MIEN_E_ENGINE) if one lies beyond all bounds.
Box hull(const float *points, size_t count, int dims);

double overlap(const Box &a, const Box &b);  // intersection over union

// How a box becomes the region that a landmark network wants.
struct Crop {
  double wide = 1, high = 1;  // factors on width and height
  bool square = false;        // the longer side is used for both
  bool turns = false;  // `right` and `left`, the subject's (left of an unmirrored picture first), become horizontal
  size_t right = 0, left = 0;
  bool turned_hull = false;  // the box is taken anew around all points in the upright frame, so that a head that rolls
                             // keeps its place and size in the crop; otherwise it is the box in the picture
  std::vector<int32_t> middle;  // points whose mean lies on the crop's middle column; none: the box's middle does
  double shift = 0;             // of the centre, in box heights, downwards
  double slack = 0, grid = 0;

  Crop() = default;
  // `points` is how many there are to turn by. Throws Refusal (MIEN_E_MANIFEST).
  Crop(const bundle::Section &section, int points);

  // Around a box, turned by the points of `dims` floats. `scratch` has room for as many points. Throws as `hull`.
  Region region(const Box &box, const float *points, size_t count, int dims, float *scratch) const;

  // The same for the frame after one in which `region` showed this: it follows with the slack.
  Region next(const Region &region, const Box &box, const float *points, size_t count, int dims, float *scratch) const;

 private:
  Region around(const Box &box, const float *points, size_t count, int dims, float *scratch) const;
};

}  // namespace mien::tracker
