"""A user's own pictures as a network's input, the whole of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import mien
import numpy as np
from mien import _native
from mien.errors import SourceError

from export.errors import ExportError
from quantization.samples import Samples

if TYPE_CHECKING:
    from export.recipe import Recipe


def whole(paths: Sequence[Path], recipe: Recipe) -> Samples:
    """The pictures stretched to the image input; other inputs get the recipe's example. Broken files are left out.

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
    rows = []
    for path in paths:
        try:
            frame = mien.Images(str(path)).read()
        except SourceError:
            continue
        if frame is None:
            continue
        picture = frame.to_rgb()
        rows_, columns = picture.shape[:2]
        affine = np.array(
            [[columns / width, 0, (columns / width - 1) / 2], [0, rows_ / height, (rows_ / height - 1) / 2]]
        )
        out = np.empty(shape, np.float32)
        _native.image_to_tensor(_native.Image("rgb", columns, rows_, [picture]), affine, spec, out)
        rows.append(out[0])
    feeds = {recipe.image: np.stack(rows) if rows else np.empty((0, *shape[1:]), np.float32)}
    for name, example in recipe.inputs.items():
        if name != recipe.image:
            feeds[name] = np.repeat(example.numpy(), len(rows), 0)
    return Samples(feeds)
