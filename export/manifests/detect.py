"""The manifest of the `detect` bundle: scores, boxes and points of the cells of four grids, and how to read them."""

from __future__ import annotations

from typing import Any

from export.manifests.common import licence
from training.detection import MIN_SCORE, OVERLAP
from training.models.detect import COLUMNS, POINTS, ROWS, STRIDES

NETWORK = "detector"
# Where nothing was found, once more from twice as far: of 400 frames that a face fills to 60 to 130 % that finds .988
# (training/results/face_framing.json). Turned looks wait for a face network that refuses more of what is not a face.
LOOKS = (2.0, 0.0)


def manifest() -> dict[str, Any]:
    """What the `detect` bundle says of itself."""
    image = {
        "layout": "nchw", "color": "rgb", "scale": [1 / 255] * 3, "bias": [0.0] * 3, "align": "center",
        "border": "constant",
    }  # fmt: skip
    widths = {"cls": 1, "obj": 1, "box": 4, "points": 2 * POINTS}
    outputs = {
        f"{part}_{stride}": {"shape": [1, (COLUMNS // stride) * (ROWS // stride), width]}
        for stride in STRIDES
        for part, width in widths.items()
    }
    return {
        "schema": 1,
        "name": "detect",
        "task": "detect",
        "licence": licence(),
        "training_data": "Synthetic only: frames composed of rendered people (ICT-FaceKit geometry, this project's "
        "performer) over procedural backgrounds. No photograph of anybody was used.",
        "networks": {
            NETWORK: {
                "inputs": {"image": {"shape": [1, 3, ROWS, COLUMNS], "dtype": "float32", "image": image}},
                "outputs": outputs,
            }
        },
        "detect": {
            "network": NETWORK,
            "decode": "grid",
            "strides": list(STRIDES),
            "points": POINTS,
            "min_score": MIN_SCORE,
            "looks": list(LOOKS),
            "nms": "hard",
            "iou": OVERLAP,
        },
    }
