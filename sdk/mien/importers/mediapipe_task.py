"""MediaPipe Face Landmarker (.task): a zip of three .tflite networks and the geometry of the canonical face.

Where the numbers come from: anchors, thresholds, regions of interest, the landmark filter and the pose fit are those of
MediaPipe 1.2.2's Face Landmarker, found by reading its graphs and checked against its outputs (tests/golden).
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mien.errors import BundleError
from mien.importers.base import Imported, Importer, licence, licence_beside, read_bytes
from mien.layouts import layout

_NETWORKS = {
    "detector": "face_detector.tflite",
    "landmarks": "face_landmarks_detector.tflite",
    "coefficients": "face_blendshapes.tflite",
}
_GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"
_MAX_MEMBER = 64 << 20
_LANDMARKS = 478


class MediaPipeTask(Importer):
    """Imports face_landmarker.task; the networks stay as they are and run on LiteRT."""

    summary: ClassVar[str] = "MediaPipe Face Landmarker (.task)"

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return path.suffix == ".task"

    def convert(self, path: Path) -> Imported:
        members = _unpack(path, read_bytes(path))
        blobs = {f"litert/{name}.tflite": members[file] for name, file in _NETWORKS.items()}
        blobs["geometry/canonical.f32"] = _canonical(members[_GEOMETRY])
        blobs |= licence_beside(path)
        facts = json.loads((resources.files("mien") / "data" / "mediapipe_face.json").read_text("utf-8"))
        manifest: dict[str, Any] = {
            "schema": 1,
            "name": "mediapipe-face-landmarker",
            "task": "face",
            "licence": licence("Apache-2.0", "MediaPipe, https://github.com/google-ai-edge/mediapipe", blobs),
            "training_data": "not published by its authors in full",
            "networks": {
                "detector": _network(
                    "detector",
                    {"image": _picture(128, 2 / 255, -1.0, "constant")},
                    {"image": "input", "boxes": "regressors", "scores": "classificators"},
                    {"boxes": [1, 896, 16], "scores": [1, 896, 1]},
                ),
                "landmarks": _network(
                    "landmarks",
                    {"image": _picture(256, 1 / 255, 0.0, "replicate")},
                    {"image": "input_12", "points": "Identity", "presence": "Identity_1"},
                    {"points": [1, 1, 1, 3 * _LANDMARKS], "presence": [1, 1, 1, 1]},
                ),
                "coefficients": _network(
                    "coefficients",
                    {"points": {"shape": [1, len(facts["blendshape_landmarks"]), 2], "dtype": "float32"}},
                    {"points": "serving_default_input_points:0", "scores": "StatefulPartitionedCall:0"},
                    {"scores": [len(layout("mediapipe52"))]},
                ),
            },
            "detect": {
                "network": "detector",
                "decode": "ssd",
                "strides": [8, 16],
                "per_cell": [2, 6],
                "points": 6,
                "score_clip": 100,
                "min_score": 0.5,
                "nms": "weighted",
                "iou": 0.5,
            },
            "face": {
                "crop_from_detection": {"scale": [1.5, 1.5], "square": False, "upright": [0, 1]},
                "crop_from_landmarks": {"scale": [1.5, 1.5], "square": True, "upright": [33, 263]},
                "landmarks": {
                    "network": "landmarks",
                    "decode": "points",
                    "count": _LANDMARKS,
                    "dims": 3,
                    "min_presence": 0.5,
                    "depth_unit": "image",
                },
                "landmark_filter": {"kind": "one_euro", "min_cutoff": 0.05, "beta": 80, "derivative_cutoff": 1},
                "coefficients": {
                    "network": "coefficients",
                    "landmarks": facts["blendshape_landmarks"],
                    "layout": "mediapipe52",
                },
                "pose": {"kind": "depth", "fov_y_degrees": 63, "canonical": "geometry/canonical.f32"},
            },
        }
        return Imported(manifest, blobs)


def _picture(side: int, scale: float, bias: float, border: str) -> dict[str, Any]:
    image = {
        "layout": "nhwc",
        "color": "rgb",
        "scale": [scale] * 3,
        "bias": [bias] * 3,
        "align": "corner",
        "border": border,
        "sampling": "8bit",
    }
    return {"shape": [1, side, side, 3], "dtype": "float32", "image": image}


def _network(
    name: str, inputs: dict[str, Any], tensors: dict[str, str], outputs: dict[str, list[int]]
) -> dict[str, Any]:
    target = {"engine": "litert", "precision": "float", "blob": f"litert/{name}.tflite", "tensors": tensors}
    return {"inputs": inputs, "outputs": {k: {"shape": shape} for k, shape in outputs.items()}, "targets": [target]}


def _unpack(path: Path, data: bytes) -> dict[str, bytes]:
    wanted = {*_NETWORKS.values(), _GEOMETRY}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            missing = wanted - sizes.keys()
            if missing:
                raise BundleError(
                    "import.content",
                    f"{str(path)!r} lacks {', '.join(sorted(missing))}.",
                    "This importer reads face_landmarker.task of MediaPipe Tasks with blendshapes.",
                )
            too_large = [name for name in wanted if sizes[name] > _MAX_MEMBER]
            if too_large:
                raise BundleError("import.oversized", f"{too_large[0]} has {sizes[too_large[0]]} bytes.", "")
            return {name: archive.read(name) for name in wanted}
    except BundleError:
        raise
    except Exception as error:  # whatever the zip reader and its decompressors trip over
        raise BundleError(
            "import.damaged", f"{str(path)!r} is not a complete .task file ({error}).", "Download it again."
        ) from error


def _canonical(message: bytes) -> bytes:
    """Rows x, y, z (cm), weight of the canonical face, from the protobuf message GeometryPipelineMetadata.

    Fields: 1 canonical_mesh {3 vertex_buffer: float, five per vertex (x, y, z, u, v)}, 2 procrustes_landmark_basis
    {1 landmark_id, 2 weight}.
    """
    vertices: list[float] = []
    weights: dict[int, float] = {}
    try:
        for field, value in _fields(message):
            if field == 1 and isinstance(value, bytes):
                for inner, number in _fields(value):
                    if inner == 3 and isinstance(number, bytes):
                        vertices += struct.unpack(f"<{len(number) // 4}f", number)
            elif field == 2 and isinstance(value, bytes):
                pair = dict(_fields(value))
                identity, weight = pair[1], pair[2]
                if isinstance(identity, int) and isinstance(weight, bytes):
                    weights[identity] = struct.unpack("<f", weight)[0]
        points = np.array(vertices, np.float32).reshape(-1, 5)[:, :3]
        table = np.zeros((len(points), 4), np.float32)
        table[:, :3] = points
        table[list(weights), 3] = list(weights.values())
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise BundleError("import.damaged", f"{_GEOMETRY} is not readable ({error}).", "Download it again.") from error
    if len(table) < 4 or len(weights) < 4:
        raise BundleError("import.damaged", f"{_GEOMETRY} describes no face.", "Download it again.")
    return table.tobytes()


def _fields(message: bytes) -> list[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number and varint, or raw bytes."""
    out: list[tuple[int, int | bytes]] = []
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError("varint too long")

    while at < len(message):
        key = varint()
        wire = key & 7
        if wire == 0:
            out.append((key >> 3, varint()))
            continue
        if wire not in (1, 2, 5):
            raise ValueError(f"wire type {wire}")
        size = varint() if wire == 2 else 8 if wire == 1 else 4
        if at + size > len(message):
            raise ValueError("truncated")
        out.append((key >> 3, message[at : at + size]))
        at += size
    return out
