"""Tiny ONNX networks for which white squares on black are faces, and bundles of them.

The detector averages 8x8 cells of a 64x64 picture: a white cell scores 1 and its box is the cell, so a frame of 64x64
has a face wherever a cell is white. The landmark network says that a face is present where its 16x16 crop is bright,
with five points on a cross in the crop's middle. Each coefficient is the first landmark's x / 64, as wide as a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from mien.bundle import Bundle
from mien.layouts import layout
from mien.types import Frame
from onnx import TensorProto, helper, numpy_helper

SIDE = 64  # of the frames for which one frame pixel is one detector pixel
CELL = 8
CROP = 16
CELLS = (SIDE // CELL) ** 2
# Subject's right, left, top, bottom, middle, in crop pixels; they span half the crop.
CROSS = ((3.5, 7.5), (11.5, 7.5), (7.5, 3.5), (7.5, 11.5), (7.5, 7.5))
MS = 1_000_000

Array = npt.NDArray[Any]


def network(
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Sequence[int]],
    outputs: dict[str, Sequence[int]],
    constants: dict[str, Array] | None = None,
    dtypes: dict[str, int] | None = None,
) -> bytes:
    """An ONNX file; tensors are float32 unless `dtypes` says otherwise."""
    kinds = dtypes or {}

    def ports(shapes: dict[str, Sequence[int]]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), list(shape))
            for name, shape in shapes.items()
        ]

    initial = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "test", ports(inputs), ports(outputs), initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    """One operator."""
    return helper.make_node(kind, list(inputs), list(outputs), **attributes)


def twice_plus_one() -> bytes:
    """y (2, 3) = 2 x + 1, and s (2, 1) = the row sums of y."""
    return network(
        [node("Mul", "xa", "t"), node("Add", "tb", "y"), node("ReduceSum", ["y", "axis"], ["s"], keepdims=1)],
        {"x": (2, 3)},
        {"y": (2, 3), "s": (2, 1)},
        {"a": np.float32([2]), "b": np.float32([1]), "axis": np.int64([1])},
    )


def detector_network() -> bytes:
    """Brightness of each cell as its score; every box is its cell, every point the cell's centre."""
    half = np.full((1, CELLS, 2), 0.5 - 0.5 / CELL, np.float32)  # pixel 0 has its centre at 0
    constants: dict[str, Array] = {
        "flat": np.int64([1, CELLS, 1]),
        "obj": np.ones((1, CELLS, 1), np.float32),
        "box": np.concatenate([half, np.zeros((1, CELLS, 2), np.float32)], axis=2),
        "points": np.tile(half, (1, 1, 2)) + np.float32([-0.25, 0, 0.25, 0]),
    }
    nodes = [
        node("ReduceMean", ["image"], ["gray"], axes=[1], keepdims=1),
        node("AveragePool", ["gray"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        node("Reshape", ["cells", "flat"], ["cls_out"]),
        *(node("Identity", [name], [f"{name}_out"]) for name in ("obj", "box", "points")),
    ]
    widths = {"cls_out": 1, "obj_out": 1, "box_out": 4, "points_out": 4}
    shapes = {name: (1, CELLS, width) for name, width in widths.items()}
    return network(nodes, {"image": (1, 3, SIDE, SIDE)}, shapes, constants)


def landmark_network(points: Sequence[Sequence[float]] = CROSS, presence: float | None = None) -> bytes:
    """Constant points; presence is a constant logit, or +10 for a white crop and -10 for a black one."""
    table = np.asarray(points, np.float32)[None]
    constants: dict[str, Array] = {"points": table, "gain": np.float32([20]), "offset": np.float32([10])}
    nodes = [
        node("Identity", ["points"], ["points_out"]),
        node("ReduceMean", ["image"], ["bright"], axes=[1, 2, 3], keepdims=1),
        node("Mul", ["bright", "gain"], ["logit"]),
        node("Sub", ["logit", "offset"], ["live"]),
    ]
    if presence is None:
        nodes.append(node("Identity", ["live"], ["presence_out"]))
    else:
        constants["fixed"] = np.full((1, 1, 1, 1), presence, np.float32)
        nodes.append(node("Identity", ["fixed"], ["presence_out"]))
    shapes = {"points_out": table.shape, "presence_out": (1, 1, 1, 1)}
    return network(nodes, {"image": (1, 3, CROP, CROP)}, shapes, constants)


def coefficient_network(count: int = 52, value: float | None = None) -> bytes:
    """`count` scores: all of them `value`, or the first point's x / 64."""
    constants: dict[str, Array] = {
        "first": np.int64(0),
        "size": np.float32([1 / SIDE]),
        "shape": np.int64([count]),
        "fixed": np.full(count, np.float32(value or 0)),
    }
    nodes = [
        node("Gather", ["points", "first"], ["row"], axis=1),
        node("Gather", ["row", "first"], ["x"], axis=1),
        node("Mul", ["x", "size"], ["scaled"]),
        node("Expand", ["scaled", "shape"], ["wide"]),
        node("Identity", ["wide" if value is None else "fixed"], ["scores_out"]),
    ]
    return network(nodes, {"points": (1, 5, 2)}, {"scores_out": (count,)}, constants)


def image_port(side: int, channels: int = 3) -> dict[str, Any]:
    """The manifest's description of an RGB input of 0..1."""
    image = {
        "layout": "nchw",
        "color": "rgb",
        "scale": [1 / 255] * channels,
        "bias": [0.0] * channels,
        "border": "constant",
    }
    return {"shape": [1, channels, side, side], "dtype": "float32", "image": image}


def target(name: str, tensors: dict[str, str], engine: str = "onnxruntime") -> dict[str, Any]:
    """One target whose blob is named after the network."""
    return {"engine": engine, "precision": "fp32", "blob": f"onnx/{name}.onnx", "tensors": tensors}


def detect_manifest() -> dict[str, Any]:
    """The manifest of the detector alone."""
    widths = {"cls": 1, "obj": 1, "box": 4, "points": 4}
    names = {f"{part}_{CELL}": f"{part}_out" for part in widths}
    described = {
        "inputs": {"image": image_port(SIDE)},
        "outputs": {f"{part}_{CELL}": {"shape": [1, CELLS, width]} for part, width in widths.items()},
        "targets": [target("detector", {"image": "image", **names})],
    }
    return {
        "schema": 1,
        "name": "blocks",
        "task": "detect",
        "licence": {"spdx": "CC0-1.0"},
        "networks": {"detector": described},
        "detect": {"network": "detector", "decode": "grid", "strides": [CELL], "points": 2, "min_score": 0.5},
    }


def face_manifest(detector: bool = True, coefficients: str | None = "arkit52", points: int = 5) -> dict[str, Any]:
    """The manifest of a face bundle, to be changed at will before `write_face`."""
    base = detect_manifest()
    networks: dict[str, Any] = base["networks"] if detector else {}
    networks["landmarks"] = {
        "inputs": {"image": image_port(CROP)},
        "outputs": {"points": {"shape": [1, points, 2]}, "presence": {"shape": [1, 1, 1, 1]}},
        "targets": [target("landmarks", {"image": "image", "points": "points_out", "presence": "presence_out"})],
    }
    face: dict[str, Any] = {
        "crop_from_detection": {"scale": [1.0, 1.0], "upright": [0, 1]},
        "crop_from_landmarks": {"scale": [2.0, 2.0], "square": True, "upright": [0, 1]},
        "landmarks": {"network": "landmarks", "decode": "points", "count": points, "dims": 2},
    }
    if not detector:
        del face["crop_from_detection"]
    if coefficients:
        networks["coefficients"] = {
            "inputs": {"points": {"shape": [1, points, 2]}},
            "outputs": {"scores": {"shape": [len(layout(coefficients))]}},
            "targets": [target("coefficients", {"points": "points", "scores": "scores_out"})],
        }
        face["coefficients"] = {"network": "coefficients", "landmarks": list(range(points)), "layout": coefficients}
    kept = {"detect": base["detect"]} if detector else {}
    common = {key: base[key] for key in ("schema", "name", "licence")}
    return {**common, "task": "face", "networks": networks, **kept, "face": face}


def write_detect(path: Path, manifest: dict[str, Any] | None = None) -> Path:
    """Writes the detector's bundle."""
    Bundle.write(path, manifest or detect_manifest(), {"onnx/detector.onnx": detector_network()})
    return path


def write_face(path: Path, manifest: dict[str, Any] | None = None, **networks: bytes) -> Path:
    """Writes a face bundle; `networks` replace the default ONNX files by name."""
    described = manifest or face_manifest()
    made = {"detector": detector_network, "landmarks": landmark_network, "coefficients": coefficient_network}
    blobs = {f"onnx/{name}.onnx": networks.get(name) or made[name]() for name in described["networks"]}
    Bundle.write(path, described, blobs)
    return path


def blocks(*cells: tuple[int, int], t_ns: int = 0, stale: bool = False) -> Frame:
    """A black 64x64 frame with white cells at (column, row), each a face."""
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    for column, row in cells:
        picture[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = 255
    return Frame.of(picture, t_ns=t_ns, stale=stale)
