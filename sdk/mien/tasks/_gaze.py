"""The gaze of a face, as the landmark network sees it in its crop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.errors import BundleError
from mien.manifest import Section
from mien.tasks._landmarks import Found, LandmarkStage

F32 = npt.NDArray[np.float32]


class GazeStage:
    """The landmark network's output `gaze`: left and right eye, the crop's camera axes; turned to the frame's."""

    def __init__(self, section: Section, landmarks: LandmarkStage) -> None:
        eyes = section.integers("eyes", 2)
        if not 0 <= min(eyes) <= max(eyes) < landmarks.count:
            raise BundleError("manifest.field", f"{section.path}.eyes: not all within {landmarks.count} landmarks.", "")
        self._eyes = np.array(eyes, np.intp)
        landmarks.expect("gaze", 6)

    def read(self, face: Found) -> tuple[F32 | None, F32]:
        """Unit vectors (2, 3), None where the network gives no direction; and where they begin (2, 2), frame pixels."""
        eyes = face.landmarks[:, :2].take(self._eyes, axis=0)
        gaze = face.outputs["gaze"].reshape(2, 3) @ face.seen_in.to_camera().T
        length = np.sqrt((gaze * gaze).sum(axis=1, keepdims=True))
        if length.min() < 1e-3:
            return None, eyes
        return (gaze / length).astype(np.float32), eyes
