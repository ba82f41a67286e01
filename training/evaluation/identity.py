"""Who a picture shows, by a network that had no part in making it: dlib's face recognition, made from photographs.

Needs ``pip install "mien[evaluate]"``; of face_recognition_models only the recognition network is read (CC0), never
its landmarks. The embedding has 128 numbers; of two photos of one person they are less than 0.6 apart, says dlib.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

SAME_PERSON = 0.6
_WEIGHTS = "models/dlib_face_recognition_resnet_model_v1.dat"


class Recogniser:
    """Pictures to embeddings.

    Raises:
        TrainingError: ``evaluation.missing``; a package is not installed.
    """

    def __init__(self) -> None:
        spec = find_spec("face_recognition_models")
        if find_spec("dlib") is None or spec is None or spec.origin is None:
            raise TrainingError(
                "evaluation.missing",
                "Identity is judged by dlib, which is not installed.",
                'pip install "mien[evaluate]"',
            )
        import dlib

        self._dlib = dlib
        self._network = dlib.face_recognition_model_v1(str(Path(spec.origin).parent / _WEIGHTS))

    def __call__(self, picture: U8, landmarks: F32) -> F32:
        """(128,) for the face with these 68 landmarks (iBUG order, pixels) in an RGB picture."""
        dlib = self._dlib
        points = [dlib.point(round(float(x)), round(float(y))) for x, y in landmarks[:68, :2]]
        low, high = landmarks[:68, :2].min(0), landmarks[:68, :2].max(0)
        box = dlib.rectangle(*(round(float(v)) for v in (*low, *high)))
        shape = dlib.full_object_detection(box, points)
        return np.asarray(self._network.compute_face_descriptor(np.ascontiguousarray(picture), shape), np.float32)


def figures(portraits: F32, outputs: F32, truths: F32, drivers: F32) -> dict[str, float]:
    """How outputs (N, 128) stand to the portraits they were made of, and to the drivers they were not made of.

    `truths` are true pictures of the portraits' people under the same motion: no output can be asked to be nearer.
    """

    def apart(one: F32, other: F32) -> F32:
        return np.asarray(np.linalg.norm(one - other, axis=-1), np.float32)

    def recognised(pictures: F32) -> float:
        nearest = apart(pictures[:, None], portraits[None]).argmin(1)
        return float((nearest == np.arange(len(pictures))).mean())

    own, best, foreign = apart(outputs, portraits), apart(truths, portraits), apart(outputs, drivers)
    strangers = apart(portraits, np.roll(portraits, 1, axis=0))
    return {
        "to_portrait": float(own.mean()),
        "truth_to_portrait": float(best.mean()),
        "to_driver": float(foreign.mean()),
        "strangers": float(strangers.mean()),
        "same_person": float((own < SAME_PERSON).mean()),
        "truth_same_person": float((best < SAME_PERSON).mean()),
        "nearer_to_portrait_than_to_driver": float((own < foreign).mean()),
        "first_of_all": recognised(outputs),
        "truth_first_of_all": recognised(truths),
    }
