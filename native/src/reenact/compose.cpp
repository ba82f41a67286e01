// mien_flow_compose: a refined crop back into its picture, whatever the picture's resolution.
//
// The picture is sampled through the interpolated flow, so that a portrait of 1080 lines keeps its own sharpness; only
// what the network adds has the crop's resolution. Planes are interleaved row by row, so that a pixel's eight values
// are two vectors, and colours are mixed as bytes within one word, with positions exact to 1/256 pixel: 900 x 900
// pixels that all move take 13 ms of one core of an AMD EPYC instead of 17 plane by plane in float. Compiled for AVX2
// the loop takes as long, so it has no kernels of its own: it waits for gathered pixels, not for arithmetic. Cells in
// which nothing can be seen to change, a quarter of a talking head's crop, are copied.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "check.h"
#include "mien/mien.h"
#include "reenact/sample.h"

namespace {

constexpr int kLanes = 8;  // column, row, keep, feather, red, green, blue, nothing
constexpr int kKeep = 2, kFeather = 3, kRed = 4;
constexpr float kNothing = 1e-3f;       // of 255: less is not seen
constexpr float kUnseen = 0.49f / 255;  // added to a byte, less is rounded away

struct Lanes {
  float v[kLanes];
};

struct Row {
  Lanes at[MIEN_FLOW_MAX_SIDE], step[MIEN_FLOW_MAX_SIDE];
  bool still[MIEN_FLOW_MAX_SIDE];  // from here to the next column, between two crop rows, every byte stays as it was
};

// The most that a column of a cell asks for.
struct Reach {
  float keep, change, feather;

  Reach(const float *const planes[kLanes - 1], size_t above, size_t below) : keep(0), change(0), feather(0) {
    float sum = 0;
    for (int k = kKeep; k < kLanes - 1; ++k) {
      sum += planes[k][above] + planes[k][below];
      float &most = k == kKeep ? keep : k == kFeather ? feather : change;
      most = std::max(most, std::max(std::fabs(planes[k][above]), std::fabs(planes[k][below])));
    }
    if (!std::isfinite(sum)) keep = change = feather = 1;  // std::max may drop NaN
  }
};

// Which cells between two crop rows change nothing: values between corners are no larger than the corners'.
void find_still(const float *const planes[kLanes - 1], const mien::reenact::Between &down, int32_t width, Row *row) {
  const size_t above = static_cast<size_t>(down.low) * static_cast<size_t>(width);
  const size_t below = static_cast<size_t>(down.high) * static_cast<size_t>(width);
  Reach left(planes, above, below);
  for (int32_t x = 0; x < width; ++x) {
    const size_t next = static_cast<size_t>(std::min(x + 1, width - 1));
    const Reach right(planes, above + next, below + next);
    const float feather = std::max(left.feather, right.feather);
    row->still[x] = feather * std::max(left.keep, right.keep) <= kNothing &&
                    feather * std::max(left.change, right.change) < kUnseen;
    left = right;
  }
}

// The crop's row between two of its rows, and how much each value grows to the next column.
void interleave(const float *const planes[kLanes - 1], const mien::reenact::Between &down, int32_t width, Row *row) {
  const size_t above = static_cast<size_t>(down.low) * static_cast<size_t>(width);
  const size_t below = static_cast<size_t>(down.high) * static_cast<size_t>(width);
  for (int k = 0; k < kLanes - 1; ++k) {
    const float *one = planes[k] + above, *other = planes[k] + below;
    for (int32_t x = 0; x < width; ++x) row->at[x].v[k] = one[x] + down.share * (other[x] - one[x]);
  }
  for (int32_t x = 0; x < width; ++x) {
    const Lanes &here = row->at[x], &next = row->at[std::min(x + 1, width - 1)];
    for (int k = 0; k < kLanes; ++k) row->step[x].v[k] = next.v[k] - here.v[k];
  }
}

uint32_t colour_at(const uint8_t *pixel) {
  return static_cast<uint32_t>(pixel[0]) | static_cast<uint32_t>(pixel[1]) << 8 | static_cast<uint32_t>(pixel[2]) << 16;
}

// Between two colours, share of 256, rounded; red and blue are mixed in one word.
uint32_t mixed(uint32_t one, uint32_t other, uint32_t share) {
  constexpr uint32_t kOuter = 0x00ff00ffu, kInner = 0x0000ff00u;
  const uint32_t rest = 256 - share;
  const uint32_t outer = ((one & kOuter) * rest + (other & kOuter) * share + 0x00800080u) >> 8 & kOuter;
  const uint32_t inner = ((one & kInner) * rest + (other & kInner) * share + 0x00008000u) >> 8 & kInner;
  return outer | inner;
}

// Between six bytes above and six below, that is two pixels each.
uint64_t mixed_pairs(uint64_t above, uint64_t below, uint32_t share) {
  constexpr uint64_t kEven = 0x00ff00ff00ff00ffu, kHalf = 0x0080008000800080u;
  const uint64_t rest = 256 - share, part = share;
  const uint64_t even = ((above & kEven) * rest + (below & kEven) * part + kHalf) >> 8 & kEven;
  const uint64_t odd = ((above >> 8 & kEven) * rest + (below >> 8 & kEven) * part + kHalf) >> 8 & kEven;
  return even | odd << 8;
}

// The colour between the pixels of two rows and the ones to their right, shares of 256.
uint32_t sampled_inside(const uint8_t *top, const uint8_t *bottom, uint32_t fx, uint32_t fy) {
  uint64_t above, below;
  std::memcpy(&above, top, sizeof above);
  std::memcpy(&below, bottom, sizeof below);
  const uint64_t both = mixed_pairs(above, below, fy);
  return mixed(static_cast<uint32_t>(both & 0xffffffu), static_cast<uint32_t>(both >> 24 & 0xffffffu), fx);
}

// The same at a position anywhere; outside the picture the border's colour.
uint32_t sampled_at_border(const mien_picture &picture, float x, float y) {
  const mien::reenact::Between across(x, picture.width), down(y, picture.height);
  const uint8_t *top = picture.pixels + down.low * picture.stride,
                *bottom = picture.pixels + down.high * picture.stride;
  const ptrdiff_t left = 3 * static_cast<ptrdiff_t>(across.low), right = 3 * static_cast<ptrdiff_t>(across.high);
  const uint32_t fx = static_cast<uint32_t>(across.share * 256.0f + 0.5f);
  const uint32_t fy = static_cast<uint32_t>(down.share * 256.0f + 0.5f);
  return mixed(mixed(colour_at(top + left), colour_at(bottom + left), fy),
               mixed(colour_at(top + right), colour_at(bottom + right), fy), fx);
}

// The picture's colour at a position.
uint32_t sampled(const mien_picture &picture, float x, float y) {
  // Eight bytes of two rows are inside; NaN is not.
  if (!(x >= 0 && y >= 0 && x < static_cast<float>(picture.width - 3) && y < static_cast<float>(picture.height - 2))) {
    return sampled_at_border(picture, x, y);
  }
  const int32_t fixed_x = static_cast<int32_t>(x * 256.0f + 0.5f), fixed_y = static_cast<int32_t>(y * 256.0f + 0.5f);
  const uint8_t *top = picture.pixels + (fixed_y >> 8) * picture.stride + 3 * static_cast<ptrdiff_t>(fixed_x >> 8);
  return sampled_inside(top, top + picture.stride, static_cast<uint32_t>(fixed_x & 255),
                        static_cast<uint32_t>(fixed_y & 255));
}

// A byte and what is added to it. Written so that compilers take minima and maxima rather than branches that are
// mispredicted; NaN gives 0.
uint8_t added(uint32_t byte, float more) {
  more = more > -256.0f ? more : -256.0f;
  more = more < 256.0f ? more : 256.0f;
  const int32_t sum = static_cast<int32_t>(byte) + static_cast<int32_t>(more + 256.5f) - 256;
  const int32_t low = sum > 0 ? sum : 0;
  return static_cast<uint8_t>(low < 255 ? low : 255);
}

struct Columns {
  int32_t first, last;  // of the picture, inclusive
  float scale, x0, y0;
};

// What becomes of the pixel at `old`, `share` of a cell's width from its left.
void blend(const mien_picture &source, const Columns &columns, const Lanes &here, const Lanes &step, float share,
           const uint8_t *old, uint8_t *pixel) {
  float at[kLanes];
  for (int k = 0; k < kLanes; ++k) at[k] = here.v[k] + share * step.v[k];
  const float more = 255 * at[kFeather], keep = at[kFeather] * at[kKeep];
  uint32_t colour = colour_at(old);
  if (keep > kNothing) {
    const uint32_t moved = sampled(source, at[0] * columns.scale + columns.x0, at[1] * columns.scale + columns.y0);
    colour = mixed(colour, moved, static_cast<uint32_t>(std::min(keep, 1.0f) * 256.0f + 0.5f));
  }
  for (int c = 0; c < 3; ++c) pixel[c] = added(colour >> (8 * c) & 255u, more * at[kRed + c]);
}

void blend_row(const mien_picture &source, const Columns &columns, int32_t width, const Row &row,
               const uint8_t *picture, uint8_t *target) {
  const float unit = 1 / columns.scale;
  int32_t x = columns.first;
  for (int32_t cell = 0; cell < width && x <= columns.last; ++cell) {
    // Up to the next cell; the last one has what is left.
    const float edge = std::ceil(columns.x0 + static_cast<float>(cell + 1) * columns.scale);
    const int32_t end = cell + 1 < width ? std::min(columns.last + 1, static_cast<int32_t>(edge)) : columns.last + 1;
    if (end <= x) continue;
    const ptrdiff_t begin = 3 * static_cast<ptrdiff_t>(x);
    if (row.still[cell]) {
      std::memcpy(target + begin, picture + begin, 3 * static_cast<size_t>(end - x));
    } else {
      const Lanes &here = row.at[cell], &step = row.step[cell];
      const float left = columns.x0 + static_cast<float>(cell) * columns.scale;
      for (int32_t k = x; k < end; ++k) {
        const ptrdiff_t at = 3 * static_cast<ptrdiff_t>(k);
        const float share = (static_cast<float>(k) - left) * unit;
        blend(source, columns, here, step, share, picture + at, target + at);
      }
    }
    x = end;
  }
}

mien_status check(const mien_picture &source, const double crop[3], const mien_refined &r, int64_t stride) {
  const mien_status status = mien::reenact::check(source);
  if (status != MIEN_OK) return status;
  if (r.struct_size != sizeof(mien_refined)) return MIEN_E_STRUCT;
  if (r.width < 2 || r.height < 2 || r.width > MIEN_FLOW_MAX_SIDE || r.height > MIEN_FLOW_MAX_SIDE) {
    return MIEN_E_SHAPE;
  }
  if (r.columns == nullptr || r.rows == nullptr || r.keep == nullptr || r.change == nullptr || r.feather == nullptr) {
    return MIEN_E_ARGUMENT;
  }
  if (!mien::all_finite(crop, 3)) return MIEN_E_NOT_FINITE;
  if (!(crop[0] > 0) || crop[0] > MIEN_MAX_EXTENT || std::fabs(crop[1]) > MIEN_MAX_EXTENT ||
      std::fabs(crop[2]) > MIEN_MAX_EXTENT) {
    return MIEN_E_ARGUMENT;
  }
  return stride < 3 * static_cast<int64_t>(source.width) ? MIEN_E_STRIDE : MIEN_OK;
}

}  // namespace

mien_status mien_flow_compose(const mien_picture *source, const double crop[3], const mien_refined *refined,
                              uint8_t *out, int64_t stride) {
  if (source == nullptr || crop == nullptr || refined == nullptr || out == nullptr) return MIEN_E_ARGUMENT;
  const mien_refined &r = *refined;
  const mien_status status = check(*source, crop, r, stride);
  if (status != MIEN_OK) return status;
  const size_t size = static_cast<size_t>(r.width) * static_cast<size_t>(r.height);
  const float *planes[kLanes - 1] = {r.columns,          r.rows, r.keep, r.feather, r.change, r.change + size,
                                     r.change + 2 * size};
  const auto last = [&](int32_t extent, double begin, int32_t side) {
    return static_cast<int32_t>(std::min<double>(extent - 1, std::floor(begin + (side - 1) * crop[0])));
  };
  const Columns columns{std::max(0, static_cast<int32_t>(std::ceil(crop[1]))), last(source->width, crop[1], r.width),
                        static_cast<float>(crop[0]), static_cast<float>(crop[1]), static_cast<float>(crop[2])};
  const int32_t bottom = last(source->height, crop[2], r.height);
  Row row;
  for (Lanes &lanes : row.at) lanes.v[kLanes - 1] = 0;
  int32_t looked_at = -1;  // the crop row above the cells that row.still speaks of
  for (int32_t y = std::max(0, static_cast<int32_t>(std::ceil(crop[2]))); y <= bottom; ++y) {
    const mien::reenact::Between down((static_cast<float>(y) - columns.y0) / columns.scale, r.height);
    if (down.low != looked_at) find_still(planes, down, r.width, &row);
    looked_at = down.low;
    interleave(planes, down, r.width, &row);
    blend_row(*source, columns, r.width, row, source->pixels + y * source->stride, out + y * stride);
  }
  return MIEN_OK;
}
