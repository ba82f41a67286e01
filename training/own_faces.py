"""Faces in a user's own pictures, found by a bundle and cut as it cuts them at run time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import mien
import numpy as np
import numpy.typing as npt
from mien import _native
from mien.errors import SourceError
from mien.sources.image import SUFFIXES
from mien.tasks._network import Affine
from mien.tracking import Region, crop_of
from mien.types import Frame
from rich.progress import track

from training.errors import TrainingError
from training.models.face import SIZE

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

_AROUND = 1.5  # side of the wide picture in sides of the crop


@dataclass(frozen=True, eq=False)
class OwnFace:
    """One face of a picture, which itself is not kept.

    Attributes:
        exact: uint8 (144, 144, 3), as the network sees it at run time.
        wide: uint8 (216, 216, 3), the same crop in the middle and what is around it.
        points: float32 (220, 2), its landmarks in pixels of `wide`.
    """

    exact: U8
    wide: U8
    points: F32


class Finder:
    """Finds the face of each picture of which the bundle is surest; use it as a context manager.

    Raises:
        BundleError, DeviceError, ModelError: as `mien.open`.
        TrainingError: ``training.config``, it is no bundle of this project.
    """

    def __init__(self, bundle: Path) -> None:
        self._pipeline = mien.open(bundle, tracking=False, max_faces=1)
        root = self._pipeline.bundle.manifest.root
        try:
            face = root.section("face")
            count = face.section("landmarks").integer("count")
            self._crop = crop_of(face.section("crop_from_landmarks"), count)
        except mien.MienError as error:
            self.close()
            raise TrainingError(
                "training.config", f"{bundle} finds no faces ({error.message})", "Give a face or expression bundle."
            ) from error

    def find(self, path: Path) -> OwnFace | str:
        """The face of a picture, or why there is none."""
        if not path.is_file():
            return "there is no such file"
        try:
            frame = mien.Images(str(path)).read()
        except SourceError as error:
            return error.message
        assert frame is not None  # a file holds one picture
        self._pipeline.reset()
        state = self._pipeline.process(frame)
        if state.landmarks is None or state.box is None:
            return "no face was found"
        points = np.ascontiguousarray(state.landmarks)
        region = self._crop.region(state.box, points)
        exact, _ = _cut(frame, region, SIZE)
        around = Region(region.cx, region.cy, region.width * _AROUND, region.height * _AROUND, region.rotation)
        wide, affine = _cut(frame, around, round(SIZE * _AROUND))
        inside = (points[:, :2] - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T
        return OwnFace(exact, wide, inside.astype(np.float32))

    def close(self) -> None:
        """Lets go of the bundle."""
        self._pipeline.close()

    def __enter__(self) -> Finder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _cut(frame: Frame, region: Region, size: int) -> tuple[U8, Affine]:
    """The crop (size, size, 3), and the map from its pixels to the frame's."""
    affine = region.affine(size, size, "center")
    spec = _native.TensorSpec(size, size, "uint8", "nhwc", "rgb", "replicate", [1.0] * 3, [0.0] * 3)
    crop = np.empty((1, size, size, 3), np.uint8)
    _native.image_to_tensor(frame.image, affine, spec, crop)
    return crop[0], affine


def find_all(bundle: Path, paths: Sequence[Path]) -> Iterator[tuple[int, OwnFace | str]]:
    """Each picture's number, and its face or why there is none."""
    with Finder(bundle) as finder:
        for number, path in enumerate(track(paths, "finding faces")):
            yield number, finder.find(path)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures below a folder, sorted.

    Raises:
        TrainingError: ``dataset.missing``, there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise TrainingError("dataset.missing", f"{folder} holds no pictures.", f"Known endings: {', '.join(SUFFIXES)}.")
    return found
