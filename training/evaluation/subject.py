"""Subject: the bundle that is evaluated; its network alone on exact crops, or the whole pipeline on pictures."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Any

import mien
import numpy as np
import numpy.typing as npt
from mien.backends.select import Terms
from mien.bundle import Bundle
from mien.manifest import Section
from mien.profiler import Profiler
from mien.tasks._following import Following
from mien.tasks._loader import Loader
from mien.tasks._network import Runner
from mien.tracking import Region, crop_of, hull
from mien.types import FaceState, Frame

from training.errors import TrainingError
from training.performer import landmarks
from training.performer.coefficients import COEFFICIENTS

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

_SIZES = {"points": landmarks.COUNT * 2, "coefficients": len(COEFFICIENTS), "rotation": 9, "gaze": 6}
_SIZES |= {"visibility": len(landmarks.REGIONS)}


class Subject:
    """A `face` or `expression` bundle of this project.

    Attributes:
        path: its file. size: pixels of the network's square input. outputs: what the network gives.

    Raises:
        TrainingError: ``training.config``; its network is none with this project's outputs.
        BundleError, ModelError, DeviceError: as `mien.open`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._load = Loader(Bundle.open(path), Terms())
        root = self._load.bundle.manifest.root
        face = root.section("face")
        loaded = self._load(face.section("landmarks").text("network"))
        # Where nobody follows a face, nothing is to hold its crop in place.
        described = face.section("crop_from_landmarks")
        free = {name: value for name, value in described.fields.items() if name not in ("slack", "grid")}
        self._crop = crop_of(Section(free, described.path), landmarks.COUNT)
        port, image = loaded.network.image_input()
        self.size = port.shape[2 if image.layout == "nchw" else 1]
        self.outputs = tuple(loaded.network.outputs)
        for name, size in _SIZES.items():
            if name not in loaded.network.outputs or math.prod(loaded.network.outputs[name].shape) != size:
                self.close()
                raise TrainingError(
                    "training.config",
                    f"The network of {path.name} has no output {name} of {size} values.",
                    "Evaluate a bundle that this project has trained.",
                )
        self._input = port.name
        self._runner = Runner(loaded)
        self._has_neutral = "neutral" in loaded.network.inputs
        self._following = Following(self._load.bundle, self._load)

    def about(self) -> dict[str, Any]:
        """The bundle's name, and the SHA-256 of each of its blobs."""
        manifest = self._load.bundle.manifest
        return {"bundle": manifest.name, "blobs": dict(manifest.blobs)}

    def region(self, points: F32) -> Region:
        """The exact crop of a face with these landmarks (220, 2), pixels, as the bundle says that it is cut."""
        return self._crop.region(hull(points), points)

    def predict(self, crops: U8, neutral: F32 | None = None) -> dict[str, F32]:
        """The network's outputs for pictures that are cut already.

        Args:
            crops: uint8 (N, size, size, 3) RGB. neutral: float32 (N, D), each picture's neutral embedding.

        Returns:
            Arrays (N, ...) by the output's name; coefficients clamped to 0..1, as at run time.

        Raises:
            TrainingError: ``training.config``; a neutral embedding, and the network takes none.
        """
        if neutral is not None and not self._has_neutral:
            raise TrainingError("training.config", f"{self.path.name} takes no neutral embedding.", "")
        identity, profiler = np.eye(2, 3), Profiler()
        rows: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in self.outputs}
        for k, crop in enumerate(crops):
            if neutral is not None:
                self._runner.buffer("neutral").reshape(-1)[:] = neutral[k]
            self._runner.prepare(self._input, Frame.of(np.ascontiguousarray(crop)).image, identity)
            for name, value in self._runner.run(profiler).items():
                rows[name].append(value[0].copy())
        if neutral is not None:
            self._runner.buffer("neutral")[:] = 0
        found = {name: np.stack(values) for name, values in rows.items()}
        found["coefficients"] = np.clip(found["coefficients"], 0, 1)
        return found

    def detects(self, picture: U8) -> bool:
        """Whether the bundle's detector alone sees a face in a picture (H, W, 3); without a detector it always does."""
        return self._following.detected(Frame.of(picture))

    def close(self) -> None:
        """Lets go of the bundle's file."""
        self._load.close()

    def __enter__(self) -> Subject:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def look(pipeline: mien.Pipeline, pictures: U8) -> list[FaceState]:
    """What a pipeline says of pictures (N, H, W, 3), each a picture of its own."""
    states = []
    for picture in pictures:
        pipeline.reset()
        states.append(pipeline.process(np.ascontiguousarray(picture)))
    return states


def raw(pipeline: mien.Pipeline, pictures: U8) -> F32:
    """A pipeline's unfiltered coefficients (N, 52) for pictures (N, H, W, 3); NaN where it found no face."""
    rows = [state.raw if state.found else np.full(len(state.raw), np.nan) for state in look(pipeline, pictures)]
    return np.stack(rows).astype(np.float32)
