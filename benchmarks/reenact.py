"""The `reenact` bundle's speed on one pinned core: a frame of a portrait, its parts, and a large picture's blend.

Portraits are renders. frame: `Portrait.show` with a driver's state, 256 x 256 crop, for every engine and precision that
the bundle has for the processor; driven: with a driver's picture, which the `face` bundle follows, instead of a state.
large: what a picture of 1080 lines takes longer than the crop alone. fomm: a network of plain convolutions with the 110
GFLOP that First Order Motion Model has for such a frame, run in turns with ours: its cost alone.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import cv2
import mien
import numpy as np
import numpy.typing as npt
import onnxruntime
from mien.errors import MienError
from mien.locate import film
from onnx import TensorProto, helper, numpy_helper

from benchmarks._report import ROOT, keep, pin, verdict

SEED = 1
FRAMES, WARM_UP = 300, 20
FRAME_MS, P99_MS, BLEND_MS, TIMES, NET_MB = 33.0, 45.0, 10.0, 20.0, 4.0
_CASES = [(engine, precision) for engine in ("onnxruntime", "openvino", "litert") for precision in ("fp32", "int8")]
_CHANNELS, _LAYERS, _SIDE = 256, 23, 64  # 4.8 GFLOP a layer
U8 = npt.NDArray[np.uint8]


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", default="reenact", help="one with int8 targets: out/export/reenact.mien")
    bundle = parser.parse_args().bundle
    core = pin()
    pictures = _film()
    with mien.open("face", threads=1) as face:
        states = [face.process(mien.Frame.of(p, t_ns=k * 33_333_333)) for k, p in enumerate(pictures)]
    rows = []
    for engine, precision in _CASES:
        try:
            rows.append(_frame(bundle, engine, precision, pictures, states))
        except MienError as error:
            print(f"{engine} {precision}: {error}")
            continue
        print(rows[-1])
    best = min(rows, key=lambda row: float(row["frame"]["p50_ms"]))
    fomm = _fomm()
    figures: dict[str, Any] = {"bundle": Path(bundle).stem, "rows": rows, "fomm_cost_ms": fomm}
    figures["asked"] = [
        verdict(
            f"a frame at 256 x 256, median ({best['engine']} {best['precision']})",
            best["frame"]["p50_ms"],
            FRAME_MS,
            " ms",
        ),
        verdict("a frame at 256 x 256, 99 of 100", best["frame"]["p99_ms"], P99_MS, " ms"),
        verdict("a portrait of 1080 lines takes longer by", best["large_extra_ms"], BLEND_MS, " ms"),
        verdict(
            "frames in the time of a network of FOMM's cost", fomm / best["frame"]["p50_ms"], TIMES, "", below=False
        ),
    ]
    small = [row["net_mb"] for row in rows if row["precision"] == "int8"]
    if small:
        figures["asked"].append(verdict("network in int8", min(small), NET_MB, " MB"))
    print("kept", keep("reenact", {**figures, "core": core}, SEED).relative_to(ROOT))


def _film() -> list[U8]:
    video = cv2.VideoCapture(str(film()))
    found = []
    while (read := video.read())[0]:
        found.append(np.ascontiguousarray(read[1][..., ::-1]))
    video.release()
    return found


def _frame(
    bundle: str, engine: str, precision: str, pictures: list[U8], states: list[mien.FaceState]
) -> dict[str, Any]:
    row: dict[str, Any] = {"engine": engine, "precision": precision}
    with mien.open(bundle, device=engine, precision=precision, threads=1) as pipeline:
        sizes = {name: len(pipeline.bundle.blob(name)) for name in pipeline.bundle.manifest.blobs}
        target = next(
            t
            for t in pipeline.bundle.manifest.networks["reenact"].targets
            if t.engine == engine and t.precision == precision
        )
        row["net_mb"] = (sizes[target.blob] + (sizes[target.weights] if target.weights else 0)) / 1e6
        small = mien.Portrait(pipeline, cv2.resize(pictures[0], (272, 272), interpolation=cv2.INTER_AREA))
        large = mien.Portrait(pipeline, _portrait(pictures[0]))
        row["frame"] = _timed(lambda k: small.show(states[k % len(states)]))
        row["stages"] = {
            name: figures
            for name, figures in pipeline.report().stages.items()
            if name in ("draw", "prepare", "run", "blend", "mark")
        }
        row["large"] = _timed(lambda k: large.show(states[k % len(states)]))
        row["large_extra_ms"] = row["large"]["p50_ms"] - row["frame"]["p50_ms"]
        row["large_crop_px"] = large.crop[0] * 256
        row["driven"] = _timed(lambda k: small.show(mien.Frame.of(pictures[k % len(pictures)], t_ns=k * 33_333_333)))
    return row


def _portrait(picture: U8) -> U8:
    """A portrait of 1920 x 1080 whose face is as large as in a close video call."""
    high = cv2.resize(picture, (1080, 1080), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(cv2.copyMakeBorder(high, 0, 0, 420, 420, cv2.BORDER_REFLECT))


def _timed(step: Any) -> dict[str, float]:
    """Milliseconds by the clock, and of the processor's time, which other programs on the core do not lengthen."""
    times = []
    for k in range(WARM_UP + FRAMES):
        start, begun = time.perf_counter_ns(), time.process_time_ns()
        step(k)
        if k >= WARM_UP:
            times.append(((time.perf_counter_ns() - start) / 1e6, (time.process_time_ns() - begun) / 1e6))
    (p50, cpu_p50), (p99, cpu_p99) = np.percentile(times, [50, 99], axis=0).tolist()
    figures = {"p50_ms": p50, "p99_ms": p99, "cpu_p50_ms": cpu_p50, "cpu_p99_ms": cpu_p99}
    return {name: round(value, 3) for name, value in figures.items()}


def _fomm() -> float:
    """Median milliseconds of 110 GFLOP of convolutions in ONNX Runtime, one thread."""
    rng = np.random.default_rng(SEED)
    nodes, weights, name = [], [], "x"
    for k in range(_LAYERS):
        values = (rng.standard_normal((_CHANNELS, _CHANNELS, 3, 3)) * 0.02).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{k}"))
        nodes.append(helper.make_node("Conv", [name, f"w{k}"], [f"c{k}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{k}"], [f"r{k}"]))
        name = f"r{k}"
    shape = [1, _CHANNELS, _SIDE, _SIDE]
    begin, end = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", name))
    graph = helper.make_graph(nodes, "cost", [begin], [end], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"x": rng.standard_normal(shape).astype(np.float32)}
    times = []
    for _ in range(7):
        start = time.perf_counter_ns()
        session.run(None, feed)
        times.append((time.perf_counter_ns() - start) / 1e6)
    return float(np.median(times))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
