"""Where faces are cut out of frames, and who is who: the geometry that the native tracker uses itself.

For tasks and training in Python that must cut a face as the runtime does.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt

from mien import _native
from mien._native import Crop, Identities, Region, overlap, whole_frame
from mien.errors import InputError, ModelError
from mien.manifest import Section

__all__ = ["Crop", "Identities", "Region", "crop_of", "hull", "overlap", "whole_frame"]

Box = tuple[float, float, float, float]


def crop_of(section: Section, points: int) -> Crop:
    """The crop that a section of a manifest describes.

    Args:
        section: such as `face.crop_from_landmarks`.
        points: how many points there are to turn by.

    Raises:
        BundleError: a field is missing, wrong, or means nothing.
    """
    section.native()
    return Crop.parse(json.dumps(section.fields), section.path, points)


def hull(points: npt.NDArray[np.float32]) -> Box:
    """The box x0, y0, x1, y1 around a network's points (N, 2) or (N, 3).

    Raises:
        ModelError: ``model.not_finite``, one lies beyond all bounds.
    """
    try:
        return _native.points_box(points)
    except InputError as error:
        raise ModelError(
            "model.not_finite",
            "A network gave landmarks beyond all bounds.",
            "Try another engine or precision of this bundle.",
        ) from error
