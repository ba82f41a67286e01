"""A user's own pictures and clips as a network's inputs: the whole of each, or what a bundle's network sees of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mien
import numpy as np
from mien import _native
from mien.errors import MienError
from mien.sources import image, video
from mien.types import Frame

from export.errors import ExportError
from quantization.errors import QuantizationError
from quantization.samples import F32, Samples

if TYPE_CHECKING:
    from export.recipe import Recipe

_MOST = 2000  # frames; of clips that hold more, every second one is taken, or every third ...


def frames(path: Path) -> Iterator[Frame]:
    """The pictures and the frames of clips below a folder, or of one file. Broken files are left out.

    Raises:
        QuantizationError: ``calibration.empty``, there are none.
    """
    known = (*image.SUFFIXES, *video.SUFFIXES)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in files if file.suffix.lower() in known and file.is_file()]
    if not files:
        raise QuantizationError(
            "calibration.empty", f"{path} holds no pictures or clips.", f"Known endings: {', '.join(known)}."
        )
    for file in files:
        yield from _frames_of(file, _MOST // len(files))


def _frames_of(file: Path, most: int) -> Iterator[Frame]:
    kept: list[Frame] = []
    with suppress(MienError):  # what was read before the break is as good as any
        source = (image.Images if file.suffix.lower() in image.SUFFIXES else video.Video)(str(file))
        while (frame := source.read()) is not None:
            kept.append(frame)
    yield from kept[:: max(len(kept) // max(most, 1), 1)]


def whole(shown: Iterable[Frame], recipe: Recipe) -> Samples:
    """The pictures stretched to the image input; other inputs get the recipe's example.

    Raises:
        ExportError: ``export.recipe``, no input of the network takes pictures.
    """
    if not recipe.image:
        raise ExportError(
            "export.recipe", f"{recipe.name} has no input for pictures.", "Name it in the recipe: image = ..."
        )
    shape = tuple(recipe.inputs[recipe.image].shape)
    nhwc = shape[3] == 3 and shape[1] != 3
    height, width = shape[1:3] if nhwc else shape[2:]
    scale, bias = recipe.value
    spec = _native.TensorSpec(
        width, height, "float32", "nhwc" if nhwc else "nchw", "rgb", "replicate", [scale] * 3, [bias] * 3
    )
    seen = []
    for frame in shown:
        across, down = frame.width / width, frame.height / height
        affine = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])
        out = np.empty(shape, np.float32)
        picture = _native.Image("rgb", frame.width, frame.height, [frame.to_rgb()])
        _native.image_to_tensor(picture, affine, spec, out)
        seen.append(out[0])
    feeds = {recipe.image: np.stack(seen) if seen else np.empty((0, *shape[1:]), np.float32)}
    for name, example in recipe.inputs.items():
        if name != recipe.image:
            feeds[name] = np.repeat(example.numpy(), len(seen), 0)
    return Samples(feeds)


def fed(shown: Iterable[Frame], bundle: Path, network: str, names: Mapping[str, str]) -> Samples:
    """What a bundle's network is fed when the bundle looks at these pictures, each for itself.

    Args:
        names: the engine's name of an input -> the name that the samples get.
    """
    heard: dict[str, list[F32]] = {name: [] for name in names.values()}
    with mien.open(bundle, device="cpu", tracking=False, max_faces=1) as pipeline:
        session = pipeline._load(network).session  # the one place that sees what goes in
        answer = session.run

        def listen(feeds: Mapping[str, Any], outputs: Sequence[str]) -> Any:
            for tensor, name in names.items():
                heard[name].append(feeds[tensor][0].copy())
            return answer(feeds, list(outputs))

        session.run = listen  # type: ignore[method-assign]
        for frame in shown:
            pipeline.reset()
            pipeline.process(frame)
    return Samples({name: np.stack(rows) if rows else np.empty((0, 1), np.float32) for name, rows in heard.items()})
