"""Mesh: what the renderer draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles with a colour and a finish.

    Attributes:
        vertices: float32 (V, 3), model centimetres (+x subject's left, +y up, +z out of the face).
        triangles: int32 (T, 3), counter-clockwise seen from outside.
        colour: float32 (V, 4), linear RGB 0..1 and opacity 0..1 per vertex; opacity is tested stochastically.
        gloss: 0 (cloth) .. 1 (glass): strength of the highlight.
        occluder: whether what lies behind it counts as hidden (a hand, a mask; not a clear lens or a thin strand).
        two_sided: whether back faces are drawn.
    """

    vertices: F32
    triangles: I32
    colour: F32
    gloss: float = 0.1
    occluder: bool = True
    two_sided: bool = True
