"""mien's fused image_to_tensor against the OpenCV chain that a careful user writes; one thread, one core.

The chain: cvtColor (NV12 only; of the whole frame or of the crop's rows and columns, whichever is faster), warpAffine
with INTER_LINEAR, then to float with scale and mean and to planes, or a look-up table to int8. For each step several
OpenCV and NumPy spellings are timed and the fastest complete chain is the one to beat. Every chain must give mien's
result within a tolerance before anything is timed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from mien import _native
from numpy.typing import NDArray

from benchmarks._report import ROOT, keep, pin, verdict
from benchmarks._timing import interleaved

SEED = 20240607
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALE = tuple(1.0 / (255.0 * s) for s in STD)
BIAS = tuple(-m / s for m, s in zip(MEAN, STD, strict=True))
QUANT_SCALE, QUANT_ZERO = 0.0186, -14

Chain = Callable[[], NDArray[Any]]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """One promise: what is converted, and how many times faster than OpenCV it must be."""

    name: str
    promise: float
    tolerance: float  # of sample units (0..255); OpenCV rounds to 8 bits between steps
    ours: Callable[[], object]
    out: NDArray[Any]
    chains: dict[str, Chain]
    touched: int  # bytes read and written at least


def smooth_frame(rng: np.random.Generator, height: int, width: int) -> Bytes:
    """A frame with the spectrum of a photograph rather than noise, whose details no interpolation agrees on."""
    coarse = rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def to_floats(side: int) -> dict[str, Callable[[Bytes], NDArray[Any]]]:
    """Ways from (side, side, 3) bytes to a normalised (1, 3, side, side) float32 array."""
    gain = np.asarray(SCALE, np.float32).reshape(3, 1, 1)
    shift = np.asarray(BIAS, np.float32).reshape(3, 1, 1)
    out = np.empty((1, 3, side, side), np.float32)
    ramp = np.arange(256, dtype=np.float32)
    tables = [np.asarray(ramp * s + b, np.float32) for s, b in zip(SCALE, BIAS, strict=True)]
    merged = np.stack(tables, axis=-1).reshape(1, 256, 3)
    planes: list[Any] = [np.empty((side, side), np.uint8) for _ in range(3)]

    def numpy_planes(image: Bytes) -> NDArray[Any]:
        np.multiply(image.transpose(2, 0, 1), gain, out=out[0])
        np.add(out[0], shift, out=out[0])
        return out

    def split_then_numpy(image: Bytes) -> NDArray[Any]:
        cv2.split(image, planes)
        for c in range(3):
            np.multiply(planes[c], gain[c, 0, 0], out=out[0, c])
            out[0, c] += shift[c, 0, 0]
        return out

    def split_then_table(image: Bytes) -> NDArray[Any]:
        cv2.split(image, planes)
        for c in range(3):
            cv2.LUT(planes[c], tables[c], dst=out[0, c])
        return out

    def table_then_split(image: Bytes) -> NDArray[Any]:
        cv2.split(cv2.LUT(image, merged), [out[0, 0], out[0, 1], out[0, 2]])
        return out

    return {
        "numpy": numpy_planes,
        "split+numpy": split_then_numpy,
        "split+LUT": split_then_table,
        "LUT+split": table_then_split,
    }


def to_int8(side: int) -> dict[str, Callable[[Bytes], NDArray[Any]]]:
    """Ways from (side, side, 3) bytes to a normalised, quantised (1, 3, side, side) int8 array."""
    out = np.empty((1, 3, side, side), np.int8)
    planes: list[Any] = [np.empty((side, side), np.uint8) for _ in range(3)]
    ramp = np.arange(256, dtype=np.float64)
    real = [np.rint((ramp * s + b) / QUANT_SCALE) + QUANT_ZERO for s, b in zip(SCALE, BIAS, strict=True)]
    tables = [np.clip(r, -128, 127).astype(np.int8) for r in real]
    floats = to_floats(side)["split+LUT"]

    def split_then_table(image: Bytes) -> NDArray[Any]:
        cv2.split(image, planes)
        for c in range(3):
            cv2.LUT(planes[c], tables[c], dst=out[0, c])
        return out

    def float_then_quantise(image: Bytes) -> NDArray[Any]:
        scaled = floats(image) * np.float32(1.0 / QUANT_SCALE)
        np.rint(scaled, out=scaled)
        np.add(scaled, QUANT_ZERO, out=scaled)
        np.clip(scaled, -128, 127, out=scaled)
        out[...] = scaled
        return out

    return {"split+LUT": split_then_table, "float+quantise": float_then_quantise}


def warp(image: Bytes, affine: NDArray[np.float64], side: int, into: Bytes) -> Bytes:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(image, affine, (side, side), dst=into, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def native(image: _native.Image, affine: NDArray[np.float64], side: int, dtype: str) -> tuple[Any, NDArray[Any]]:
    quant = (QUANT_SCALE, QUANT_ZERO) if dtype == "int8" else (1.0, 0)
    spec = _native.TensorSpec(side, side, dtype, "nchw", "rgb", "replicate", SCALE, BIAS, *quant)
    out = np.empty(spec.shape, dtype)
    return (lambda: _native.image_to_tensor(image, affine, spec, out)), out


def rgb_case(rng: np.random.Generator, dtype: str, promise: float) -> Case:
    frame = smooth_frame(rng, 480, 640)
    side = 256
    angle, scale = np.deg2rad(8.0), 380.0 / side  # a face crop, turned by the roll of the head
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    affine = np.array([[c, -s, 320 - (c - s) * side / 2], [s, c, 240 - (s + c) * side / 2]])
    ours, out = native(_native.Image("rgb", 640, 480, [frame]), affine, side, dtype)
    into = np.empty((side, side, 3), np.uint8)
    ways = to_int8(side) if dtype == "int8" else to_floats(side)

    def chain(way: Callable[[Bytes], NDArray[Any]]) -> Chain:
        return lambda: way(warp(frame, affine, side, into))

    chains = {f"warpAffine+{name}": chain(way) for name, way in ways.items()}
    touched = int(380 * 380 * 3 + out.nbytes)
    return Case(f"RGB 640x480 -> 256x256 {dtype} NCHW", promise, 2.0, ours, out, chains, touched)


def nv12_case(rng: np.random.Generator, promise: float) -> Case:
    width, height, side = 1280, 720, 128
    luma = cv2.cvtColor(smooth_frame(rng, height, width), cv2.COLOR_RGB2GRAY)
    luma = np.asarray(16 + luma * (219 / 255), np.uint8)
    chroma = np.ascontiguousarray(smooth_frame(rng, height // 2, width // 2)[:, :, :2] // 2 + 64)
    stacked = np.vstack([luma, chroma.reshape(height // 2, width)])
    image = _native.Image("nv12", width, height, [luma, chroma])
    scale, left = height / side, (width - height) // 2
    affine = np.array([[scale, 0, left + (scale - 1) / 2], [0, scale, (scale - 1) / 2]])
    inner = affine - np.array([[0, 0, left], [0, 0, 0]])
    ours, out = native(image, affine, side, "float32")
    into = np.empty((side, side, 3), np.uint8)
    whole, part = np.empty((height, width, 3), np.uint8), np.empty((height, height, 3), np.uint8)
    luma_part, chroma_part = luma[:, left : left + height], chroma[:, left // 2 : (left + height) // 2]

    def full(way: Callable[[Bytes], NDArray[Any]]) -> Chain:
        def run() -> NDArray[Any]:
            cv2.cvtColor(stacked, cv2.COLOR_YUV2RGB_NV12, dst=whole)
            return way(warp(whole, affine, side, into))

        return run

    def cropped(way: Callable[[Bytes], NDArray[Any]]) -> Chain:
        def run() -> NDArray[Any]:
            cv2.cvtColorTwoPlane(luma_part, chroma_part, cv2.COLOR_YUV2RGB_NV12, dst=part)
            return way(warp(part, inner, side, into))

        return run

    ways = to_floats(side)
    chains = {f"cvtColor+warpAffine+{name}": full(way) for name, way in ways.items()}
    chains |= {f"cvtColor of the crop+warpAffine+{name}": cropped(way) for name, way in ways.items()}
    # OpenCV repeats a chroma sample over its four pixels, mien interpolates it: edges of colour differ by more.
    touched = int(side * side * 8 + out.nbytes)
    return Case("NV12 1280x720 -> 128x128 float32 NCHW", promise, 12.0, ours, out, chains, touched)


def check(case: Case) -> None:
    """Raises if a chain and mien differ by more than the tolerance."""
    case.ours()
    gain = np.asarray(SCALE).reshape(1, 3, 1, 1)
    unit = gain / QUANT_SCALE if case.out.dtype == np.int8 else gain
    for name, chain in case.chains.items():
        difference = np.abs(chain().astype(np.float64) - case.out.astype(np.float64)) / unit
        if float(difference.max()) > case.tolerance or float(difference.mean()) > 1.0:
            raise SystemExit(f"{case.name}: {name} differs by {difference.max():.2f} (mean {difference.mean():.3f})")


def measure(case: Case, repeats: int) -> dict[str, Any]:
    source, target = np.ones(case.touched, np.uint8), np.empty(case.touched, np.uint8)
    runs: dict[str, Callable[[], object]] = {"mien": case.ours, "memcpy": lambda: np.copyto(target, source)}
    times = interleaved(runs | case.chains, repeats)
    best = min(case.chains, key=lambda name: times[name])
    return {
        "case": case.name,
        "mien_us": times["mien"] * 1e6,
        "opencv_us": times[best] * 1e6,
        "opencv_chain": best,
        "ratio": times[best] / times["mien"],
        "promise": case.promise,
        "memcpy_ratio": times["mien"] / times["memcpy"],
        "touched_bytes": case.touched,
        "chains_us": {name: times[name] * 1e6 for name in case.chains},
    }


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--simd", choices=_native.simd_available(), default=_native.simd_active())
    options = parser.parse_args()
    core = pin()
    cv2.setNumThreads(1)
    _native.simd_select(options.simd)
    rng = np.random.default_rng(SEED)
    cases = [nv12_case(rng, 5.0), rgb_case(rng, "float32", 2.0), rgb_case(rng, "int8", 3.0)]
    for case in cases:
        check(case)
    results = [measure(case, options.repeats) for case in cases]
    print(f"{'case':40} {'mien us':>9} {'OpenCV us':>10} {'faster':>7} {'x memcpy':>9}  fastest OpenCV chain")
    for r in results:
        print(
            f"{r['case']:40} {r['mien_us']:9.1f} {r['opencv_us']:10.1f} {r['ratio']:6.2f}x {r['memcpy_ratio']:9.1f}"
            f"  {r['opencv_chain']}"
        )
    figures = {
        "repeats": options.repeats,
        "core": core,
        "simd": options.simd,
        "opencv": cv2.__version__,
        "results": results,
        "asked": [
            verdict(f"{r['case']}, times faster than OpenCV", r["ratio"], r["promise"], "x", below=False)
            for r in results
        ],
    }
    print("kept", keep("image_to_tensor", figures, SEED).relative_to(ROOT))


if __name__ == "__main__":
    main()
