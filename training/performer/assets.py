"""The face model's raw material: ICT-FaceKit, from the packed .npz or from a checkout of the upstream repository."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.errors import TrainingError
from training.paths import asset

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

VERTICES = 26719
_PACKED = ("data", "ict_facekit", "ict_facekit_f16.npz")
# Two coefficients are the sum of two upstream shapes; the others map one to one, _L/_R -> Left/Right.
_SUMS = {
    "browInnerUp": ("browInnerUp_L", "browInnerUp_R"),
    "cheekPuff": ("cheekPuff_L", "cheekPuff_R"),
}


@dataclass(frozen=True, eq=False)
class FaceKit:
    """ICT-FaceKit with its shapes renamed to ARKit coefficients.

    Attributes:
        neutral: float32 (V, 3), centimetres; V = 26 719.
        expressions: float32 (52, V, 3), what a coefficient of 1 adds, in the order of `ARKIT52`; tongueOut is 0 here.
        identities: float32 (100, V, 3), orthogonal modes; a person is a draw from N(0, 1) along each.
        triangles: int32 (T, 3); uv: float32 (W, 2); triangle_uv: int32 (T, 3), the texture corner of each vertex.
        material: uint8 (T,), index into `material_names`; region: uint8 (V,), index into `region_names`.
        landmarks: int32 (68,), vertices of the iBUG points.
    """

    neutral: F32
    expressions: F32
    identities: F32
    triangles: I32
    uv: F32
    triangle_uv: I32
    material: npt.NDArray[np.uint8]
    material_names: tuple[str, ...]
    region: npt.NDArray[np.uint8]
    region_names: tuple[str, ...]
    landmarks: I32

    def vertices_of(self, *regions: str) -> I32:
        """The vertex indices of the named regions."""
        wanted = [self.region_names.index(name) for name in regions]
        return np.flatnonzero(np.isin(self.region, wanted)).astype(np.int32)


@lru_cache(maxsize=1)
def facekit() -> FaceKit:
    """The packed model from the shared assets.

    Raises:
        TrainingError: it is missing or damaged.
    """
    return load(asset(*_PACKED))


def load(path: Path) -> FaceKit:
    """Reads the packed .npz, or the folder `FaceXModel` of an upstream checkout (or the checkout itself).

    Raises:
        TrainingError: missing, damaged, or of an unknown form.
    """
    if not path.exists():
        raise TrainingError("asset.missing", f"There is no face model at {path}.", "See docs/training.md.")
    try:
        return _build(_read_checkout(path) if path.is_dir() else _read_packed(path))
    except (OSError, ValueError, TypeError, LookupError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainingError(
            "asset.damaged", f"{path.name} is no whole ICT-FaceKit ({error}).", "Fetch it again; see docs/training.md."
        ) from error


def _read_packed(path: Path) -> dict[str, npt.NDArray[Any]]:
    with path.open("rb") as file:  # numpy leaves a damaged one open
        return dict(np.load(file))


def _build(raw: dict[str, npt.NDArray[Any]]) -> FaceKit:
    neutral = np.asarray(raw["neutral"], np.float32)
    deltas = np.asarray(raw["expression_deltas"], np.float32)
    identities = np.asarray(raw["identity_deltas"], np.float32)
    names = [str(name) for name in raw["expression_names"]]
    if neutral.shape != (VERTICES, 3) or deltas.shape[1:] != neutral.shape or identities.shape[1:] != neutral.shape:
        raise ValueError(f"vertices {neutral.shape}, expressions {deltas.shape}, identities {identities.shape}")
    expressions = np.zeros((len(ARKIT52), VERTICES, 3), np.float32)
    for index, name in enumerate(ARKIT52.names):
        if name != "tongueOut":
            for part in _SUMS.get(name, (_upstream(name, names),)):
                expressions[index] += deltas[names.index(part)]
    quads, quads_uv = np.asarray(raw["faces"], np.int32), np.asarray(raw["faces_uv"], np.int32)
    second = quads[:, 2] != quads[:, 3]  # a triangle repeats its last index
    material = np.asarray(raw["face_material"], np.uint8)
    return FaceKit(
        neutral,
        expressions,
        identities,
        np.concatenate([quads[:, [0, 1, 2]], quads[second][:, [0, 2, 3]]]),
        np.asarray(raw["uv"], np.float32),
        np.concatenate([quads_uv[:, [0, 1, 2]], quads_uv[second][:, [0, 2, 3]]]),
        np.concatenate([material, material[second]]),
        tuple(str(name) for name in raw["material_names"]),
        np.asarray(raw["vertex_region"], np.uint8),
        tuple(str(name) for name in raw["region_names"]),
        np.asarray(raw["landmarks_mpie68"], np.int32),
    )


def _upstream(name: str, known: list[str]) -> str:
    for ours, theirs in (("Left", "_L"), ("Right", "_R")):
        if name.endswith(ours) and name.removesuffix(ours) + theirs in known:
            return name.removesuffix(ours) + theirs
    return name


# The parts of the mesh in vertex order: the first vertex of each region, from the upstream README's table.
_REGIONS = (
    ("face", 0),
    ("head_neck", 9409),
    ("mouth_socket", 11248),
    ("eye_socket_L", 13294),
    ("eye_socket_R", 13678),
    ("gums_tongue", 14062),
    ("teeth", 17039),
    ("eyeball_L", 21451),
    ("eyeball_R", 23021),
    ("lacrimal_L", 24591),
    ("lacrimal_R", 24795),
    ("eyeblend_L", 24999),
    ("eyeblend_R", 25023),
    ("eyeocc_L", 25047),
    ("eyeocc_R", 25199),
    ("lashes_L", 25351),
    ("lashes_R", 26035),
)


def _read_checkout(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The same arrays as in the .npz, from upstream's OBJ files."""
    folder = path / "FaceXModel" if (path / "FaceXModel").is_dir() else path
    base = _read_obj(folder / "generic_neutral_mesh.obj")
    neutral = base["v"].astype(np.float32)
    indices = json.loads((folder / "vertex_indices.json").read_text("utf-8"))
    skip = ("generic_neutral_mesh", "identity")
    shapes = sorted(p for p in folder.glob("*.obj") if not p.stem.startswith(skip))
    people = sorted(folder.glob("identity*.obj"))
    if not shapes or not people:
        raise ValueError(f"{folder.name} holds no expression or identity .obj")
    region = np.zeros(len(neutral), np.uint8)
    for index, (_, start) in enumerate(_REGIONS):
        region[start:] = index
    return {
        "neutral": neutral,
        "expression_deltas": np.stack([_read_obj(p)["v"] - neutral for p in shapes]).astype(np.float32),
        "expression_names": np.array([p.stem for p in shapes]),
        "identity_deltas": np.stack([_read_obj(p)["v"] - neutral for p in people]).astype(np.float32),
        "faces": base["f"],
        "faces_uv": base["ft"],
        "uv": base["vt"].astype(np.float32),
        "face_material": base["material"],
        "material_names": base["material_names"],
        "vertex_region": region,
        "region_names": np.array([name for name, _ in _REGIONS]),
        "landmarks_mpie68": np.asarray(indices["idx_to_landmark_verts"], np.int32),
    }


def _read_obj(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Vertices, texture corners and polygons of a Wavefront file, quads only (a triangle repeats its last index)."""
    v, vt, f, ft, material, names = [], [], [], [], [], [""]
    for line in path.read_text("utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            v.append([float(x) for x in rest.split()[:3]])
        elif kind == "vt":
            vt.append([float(x) for x in rest.split()[:2]])
        elif kind == "usemtl":
            name = rest.strip()
            if name not in names:
                names.append(name)
            current = names.index(name)
        elif kind == "f":
            corners = [corner.split("/") for corner in rest.split()]
            corners = corners if len(corners) == 4 else [*corners, corners[-1]]
            f.append([int(corner[0]) - 1 for corner in corners])
            ft.append([int(corner[1]) - 1 if len(corner) > 1 and corner[1] else 0 for corner in corners])
            material.append(current - 1 if len(names) > 1 else 0)
    return {
        "v": np.array(v),
        "vt": np.array(vt),
        "f": np.array(f, np.int32),
        "ft": np.array(ft, np.int32),
        "material": np.array(material, np.uint8),
        "material_names": np.array(names[1:]),
    }
