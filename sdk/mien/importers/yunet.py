"""YuNet face detector (.onnx): boxes and five points. Input and outputs as in libfacedetection.train's ONNX export."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from mien.errors import BundleError
from mien.importers.base import Imported, Importer, licence, licence_beside, read_bytes

_STRIDES = (8, 16, 32)
_PARTS = {"cls": ("cls", 1), "obj": ("obj", 1), "box": ("bbox", 4), "points": ("kps", 10)}
_DEFAULT_SIDE = 320


class YuNet(Importer):
    """Imports yunet_*.onnx. A size in the name (``_320_320``, ``_640_480``) is kept; dynamic ones get 320x320."""

    summary: ClassVar[str] = "YuNet face detector (.onnx)"

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return path.suffix == ".onnx" and "yunet" in path.name.lower()

    def convert(self, path: Path) -> Imported:
        data = read_bytes(path)
        if not data or b"kps_32" not in data:
            raise BundleError("import.content", f"{str(path)!r} is not a YuNet model.", "Get it from its authors.")
        size = re.search(r"_(\d{2,4})_(\d{2,4})", path.stem)
        height, width = (int(size[1]), int(size[2])) if size else (_DEFAULT_SIDE, _DEFAULT_SIDE)
        blobs = {"onnx/detector.onnx": data, **licence_beside(path)}
        image = {
            "layout": "nchw",
            "color": "bgr",
            "scale": [1.0] * 3,
            "bias": [0.0] * 3,
            "align": "center",
            "border": "constant",
        }
        outputs: dict[str, Any] = {}
        tensors = {"image": "input"}
        for stride in _STRIDES:
            cells = (height // stride) * (width // stride)
            for part, (prefix, values) in _PARTS.items():
                outputs[f"{part}_{stride}"] = {"shape": [1, cells, values]}
                tensors[f"{part}_{stride}"] = f"{prefix}_{stride}"
        target = {"engine": "onnxruntime", "precision": "fp32", "blob": "onnx/detector.onnx", "tensors": tensors}
        network = {
            "inputs": {"image": {"shape": [1, 3, height, width], "dtype": "float32", "image": image}},
            "outputs": outputs,
            "targets": [target],
        }
        manifest: dict[str, Any] = {
            "schema": 1,
            "name": path.stem,
            "task": "detect",
            "licence": licence("Apache-2.0", "https://github.com/ShiqiYu/libfacedetection.train", blobs),
            "training_data": "WIDER FACE (research use); stated by its authors",
            "networks": {"detector": network},
            "detect": {
                "network": "detector",
                "decode": "grid",
                "strides": list(_STRIDES),
                "points": 5,
                "min_score": 0.6,
                "nms": "hard",
                "iou": 0.3,
            },
        }
        return Imported(manifest, blobs)
