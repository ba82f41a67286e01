"""The mesh as it is drawn: the triangles of each of the shader's parts, and what is the same in every picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.performer.creases import creases
from training.performer.fields import fields
from training.performer.head import rig

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

# shaders/scene.glsl names them in this order.
SKIN, BACK, MOUTH, TEETH, EYE_LEFT, EYE_RIGHT, LASH, TONGUE, WORN, BROW, LIP, LID = range(12)
_KIND_OF_MATERIAL = {
    "M_Face": SKIN,
    "M_BackHead": BACK,
    "M_GumsTongue": MOUTH,
    "M_Teeth": TEETH,
    "M_IrisLeft": EYE_LEFT,
    "M_IrisRight": EYE_RIGHT,
}
# Programs by their main kind, and the kinds of the head's mesh that each draws.
PARTS = {
    SKIN: (SKIN,),
    BROW: (BROW,),
    LIP: (LIP,),
    LID: (LID,),
    BACK: (BACK,),
    MOUTH: (MOUTH, TEETH, TONGUE),
    EYE_LEFT: (EYE_LEFT, EYE_RIGHT),
    LASH: (),
    WORN: (),
}
STATIC = (
    "2f 1f 2f 1f 1f 1f 4f 1f 3f",
    ("in_uv", "in_kind", "in_brow", "in_lip", "in_lid", "in_cavity", "in_phase", "in_beard", "in_rim"),
)


@dataclass(frozen=True, eq=False)
class Layout:
    """The mesh as it is drawn: vertices doubled where the texture has a seam or the kind changes.

    Attributes:
        source: int32 (W,), the head's vertex. triangles: int32 (T, 3). kinds: int (T,).
        static: float32 (W, 16), the columns of STATIC.
        upper_row: int32 (U,), vertices of the head that hold the upper teeth and their gums.
    """

    source: I32
    triangles: I32
    kinds: npt.NDArray[np.int_]
    static: F32
    upper_row: I32

    def of(self, *kinds: int) -> I32:
        """The triangles of these kinds."""
        return self.triangles[np.isin(self.kinds, kinds)]


@lru_cache(maxsize=1)
def layout() -> Layout:
    """The layout of the shared face model."""
    r, f = rig(), fields()
    kit = r.kit
    hidden = ~np.isin(kit.material, [kit.material_names.index(n) for n in _KIND_OF_MATERIAL])
    triangles, corners, material = kit.triangles[~hidden], kit.triangle_uv[~hidden], kit.material[~hidden]
    kinds = np.array([_KIND_OF_MATERIAL.get(name, 0) for name in kit.material_names])[material]
    sockets = np.isin(kit.region[triangles[:, 0]], [kit.region_names.index("mouth_socket")])
    kinds = np.where(sockets & (kinds == BACK), MOUTH, kinds)
    # What a software rasteriser does for every pixel is worth doing only where it shows.
    kinds = np.where((kinds == SKIN) & (f.rim[triangles, 0].min(1) < 0.9), LID, kinds)
    kinds = np.where((kinds == SKIN) & (np.abs(f.brow[triangles, 1]).min(1) < 1.0), BROW, kinds)
    kinds = np.where((kinds == SKIN) & (f.lip[triangles].max(1) > -0.12), LIP, kinds)
    keys = np.stack([triangles.ravel(), corners.ravel(), np.repeat(kinds, 3)], 1)
    unique, inverse = np.unique(keys, axis=0, return_inverse=True)
    source = unique[:, 0].astype(np.int32)
    columns = [f.brow, f.lip[:, None], f.lid[:, None], f.cavity[:, None], creases().phase, f.beard[:, None], f.rim]
    static = np.concatenate([kit.uv[unique[:, 1]], unique[:, 2:3], *(column[source] for column in columns)], 1)
    mouth = kit.vertices_of("teeth", "gums_tongue")
    # the jaw takes the others along
    still = np.linalg.norm(kit.expressions[ARKIT52.index("jawOpen"), mouth], axis=1) < 0.05
    return Layout(source, inverse.reshape(-1, 3).astype(np.int32), kinds, static.astype(np.float32), mouth[still])
