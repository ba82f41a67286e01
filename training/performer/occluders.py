"""What comes between the camera and the face: hands and things that people hold.

From a `Head`, a generator and the share of the face that shall be hidden to Meshes in model space. Each thing enters
from outside along a straight way and stops where it hides what is asked for; then it is moved along z until it touches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training.performer.anatomy import Head, anatomy
from training.performer.hand import hand
from training.performer.mesh import F32, Mesh
from training.performer.solids import box, egg, join, paint, ripple, rotation, smooth, tube
from training.performer.wear import cloth_colour

KINDS = ("hand", "hands", "phone", "cup", "microphone", "paper", "box", "ball", "stick")
_WEIGHTS = (0.4, 0.08, 0.1, 0.1, 0.07, 0.09, 0.06, 0.05, 0.05)
_CELL = 0.5  # centimetres; the grid on which hidden is counted
_LOW, _SIZE = np.array([-16.0, -16.0]), 64  # its lower left corner in x and y, and cells per side
_STOPS = 40  # places tried along the way


@dataclass(frozen=True, eq=False)
class _Front:
    """A head seen from the front on the grid.

    Attributes:
        face: bool (_SIZE, _SIZE), within the jaw line and the brows; rows are y.
        depth: float32 (_SIZE, _SIZE), the nearest skin's z, -inf where there is none.
    """

    face: npt.NDArray[np.bool_]
    depth: F32


def coverage(head: Head, meshes: list[Mesh]) -> float:
    """Which share of the face (within the jaw line and the brows) meshes hide, seen from the front without perspective.

    Counted on a grid of 0.5 cm by the meshes' vertices and triangle centres, so triangles should not be much larger.
    """
    face = _front(head).face
    return float((_hidden(_samples(meshes)) & face).sum() / face.sum())


def occluder(
    head: Head, rng: np.random.Generator, tone: F32, coverage: float, kind: str | None = None, clearance: float = 0.0
) -> list[Mesh]:
    """Something before the face.

    Args:
        tone: the colour of the skin of hands, linear RGB (3,).
        coverage: the share of the face to hide, 0.05 .. 0.4; reached to about 0.03, things grow a little if they must.
        kind: one of KINDS; drawn when None.
        clearance: centimetres kept free before the skin, for glasses or a mask.
    """
    kind = kind or KINDS[rng.choice(len(KINDS), p=_WEIGHTS)]
    tone = np.asarray(tone, np.float32)
    marks = head.landmarks
    targets = np.stack(
        [
            marks[48:68].mean(axis=0),
            marks[36:42].mean(axis=0),
            marks[42:48].mean(axis=0),
            marks[8] + np.array([0, 1, 0]),
        ]
        + [(marks[a] + marks[b]) / 2 for a, b in ((4, 31), (12, 35))]
        + [marks[[21, 22]].mean(axis=0) + np.array([0, 2, 0])]
    )
    if kind == "hands":
        first = _one(head, rng, tone, coverage / 2, "hand", marks[3], 0.5, clearance)
        return first + _one(head, rng, tone, coverage / 2, "hand", marks[13], -0.5, clearance)
    target = targets[rng.choice(len(targets), p=(0.28, 0.12, 0.12, 0.16, 0.12, 0.12, 0.08))]
    return _one(head, rng, tone, coverage, kind, target, None, clearance)


def _one(
    head: Head,
    rng: np.random.Generator,
    tone: F32,
    wanted: float,
    kind: str,
    target: F32,
    lean: float | None,
    clearance: float,
) -> list[Mesh]:
    """One thing on its way to `target`; `lean` fixes whence it comes (radians, 0 from below, + from -x)."""
    things = _make(kind, rng, tone)
    if lean is None:
        lean = rng.normal(0, 0.5) + (0.5 if target[0] < -1 else -0.5 if target[0] > 1 else 0)
    lean = -lean  # up leans away from where it comes from
    if kind in ("hand", "hands") and rng.random() < 0.5:
        things = [_mirrored(m) for m in things]
    turn = (
        rotation((0, 0, 1), lean) @ rotation((1, 0, 0), rng.normal(0, 0.25)) @ rotation((0, 1, 0), rng.normal(0, 0.3))
    )
    way = np.array([-np.sin(lean), np.cos(lean), 0])
    front = _front(head)
    for scale in (1.0, 1.2, 1.45, 1.75, 2.1):
        grown = [replace(m, vertices=np.asarray((m.vertices * scale) @ turn.T, np.float32)) for m in things]
        points = _samples(grown)
        outline = _thinned(points)
        tip = (points @ way).max()
        # from where its tip is 16 cm short of the target to where it is 14 cm beyond
        stops = np.linspace(-16, 14, _STOPS) - tip
        shares = _shares(front, outline + target[:2] + stops[:, None, None] * way[:2])
        best = np.maximum.accumulate(shares)
        if best[-1] >= wanted:
            break
    stop = int(np.argmin(np.abs(best - wanted))) if best[-1] < wanted else int(np.argmax(best >= wanted))
    start = stops[stop]
    if stop and best[stop] > best[stop - 1]:
        start -= (stops[1] - stops[0]) * np.clip((best[stop] - wanted) / (best[stop] - best[stop - 1]), 0, 1)
    offset = (target * [1, 1, 0] + start * way).astype(np.float32)
    offset[2] = _touch(front, points + offset) + clearance + 0.05 + rng.exponential(0.5)
    return [replace(m, vertices=(m.vertices + offset).astype(np.float32)) for m in grown]


def _mirrored(mesh: Mesh) -> Mesh:
    """The left hand of a right one."""
    flip = np.array([-1, 1, 1], np.float32)
    return replace(mesh, vertices=mesh.vertices * flip, triangles=np.ascontiguousarray(mesh.triangles[:, ::-1]))


def _front(head: Head) -> _Front:
    outline = head.landmarks[np.r_[0:17, 26:16:-1], :2]
    centres = _LOW + (np.arange(_SIZE)[:, None] + 0.5) * _CELL
    x, y = np.meshgrid(centres[:, 0], centres[:, 1])
    a, b = outline, np.roll(outline, -1, axis=0)
    crosses = (a[:, 1] > y[..., None]) != (b[:, 1] > y[..., None])
    rise = np.where(a[:, 1] == b[:, 1], 1e-9, b[:, 1] - a[:, 1])
    at = a[:, 0] + (y[..., None] - a[:, 1]) * (b[:, 0] - a[:, 0]) / rise
    face = (crosses & (x[..., None] < at)).sum(axis=2) % 2 == 1
    depth = np.full(_SIZE * _SIZE, -np.inf, np.float32)
    skin = head.vertices[: anatomy().skin.max() + 1]
    cell, inside = _cells(skin)
    np.maximum.at(depth, cell, skin[inside, 2])
    grid = depth.reshape(_SIZE, _SIZE)
    # the mesh is coarser than the grid on the skull: what is empty takes the nearest neighbour's
    for axis in (0, 1):
        near = np.maximum(np.roll(grid, 1, axis), np.roll(grid, -1, axis))
        grid = np.where(np.isfinite(grid), grid, near)
    return _Front(face, grid)


def _samples(meshes: list[Mesh]) -> F32:
    """Vertices and triangle centres of what occludes."""
    solid = [m for m in meshes if m.occluder]
    return np.concatenate([m.vertices for m in solid] + [m.vertices[m.triangles].mean(axis=1) for m in solid])


def _thinned(points: F32) -> F32:
    """The points (N, 2) in x and y on a grid of half a cell, each once."""
    at = np.rint(points[:, :2] * (2 / _CELL)).astype(np.int64)
    key = np.unique((at[:, 0] << 20) + at[:, 1] + (1 << 19))
    return np.stack([key >> 20, (key & ((1 << 20) - 1)) - (1 << 19)], axis=1).astype(np.float32) * np.float32(_CELL / 2)


def _cells(points: F32) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Flat cell numbers of the points within the grid, and which these are."""
    at = np.floor((points[:, :2] - _LOW) / _CELL).astype(np.intp)
    inside = ((at >= 0) & (at < _SIZE)).all(axis=1)
    return at[inside, 1] * _SIZE + at[inside, 0], inside


def _hidden(points: F32) -> npt.NDArray[np.bool_]:
    hidden = np.zeros(_SIZE * _SIZE, bool)
    hidden[_cells(points)[0]] = True
    return hidden.reshape(_SIZE, _SIZE)


def _shares(front: _Front, places: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The share of the face that is hidden by each of several sets of points (S, N, 2)."""
    at = np.floor((places - _LOW) / _CELL).astype(np.intp)
    inside = ((at >= 0) & (at < _SIZE)).all(axis=2)
    hidden = np.zeros((len(places), _SIZE * _SIZE), bool)
    hidden[np.nonzero(inside)[0], at[inside, 1] * _SIZE + at[inside, 0]] = True
    return np.asarray(hidden[:, front.face.ravel()].sum(axis=1) / front.face.sum())


def _touch(front: _Front, points: F32) -> float:
    """By how much the points must move along z to lie before the skin; things beside the head stay level with it."""
    cell, inside = _cells(points)
    behind = front.depth.ravel()[cell] - points[inside, 2]
    behind = behind[np.isfinite(behind)]
    return float(behind.max()) if behind.size else 8.0


def _make(kind: str, rng: np.random.Generator, tone: F32) -> list[Mesh]:
    """The thing around its origin, upright, its top towards +y, the side that the camera sees towards +z."""
    rgb = cloth_colour(rng)
    if kind == "hand":
        return hand(rng, tone, cloth_colour(rng) if rng.random() < 0.6 else None)
    if kind == "phone":
        size = np.array([rng.uniform(6.6, 7.8), rng.uniform(13.5, 16.5), rng.uniform(0.7, 1.1)])
        body = box(size, 0.6)
        dark = np.where(
            (body[0][:, 1:2] > 0.32 * size[1]) & (body[0][:, :1] > 0.1 * size[0]) & (body[0][:, 2:] > 0), 0.15, 1.0
        )
        return [paint(body, rgb * dark, gloss=0.6), *_grip(rng, tone, size[0] / 2, 0.6, -0.15 * size[1])]
    if kind == "cup":
        radius, height = rng.uniform(3.3, 4.6), rng.uniform(8, 12)
        y = np.linspace(-height / 2, height / 2, 16)
        cup = tube(
            np.stack([0 * y, y, 0 * y], axis=1),
            (radius * (0.82 + 0.18 * smooth(y / height + 0.5)))[:, None],
            24,
            (0, 0, 1),
        )
        stripe = np.where(np.abs(cup[0][:, 1:2] - 1) < rng.uniform(0, 2.5), rng.uniform(0.2, 1.0), 1.0)
        return [paint(cup, rgb * stripe, gloss=0.5), *_grip(rng, tone, radius, radius * 0.95, 0.0)]
    if kind == "microphone":
        stem = tube(np.linspace((0, -14, 0), (0, 0, 0), 24), np.linspace(1.1, 1.7, 24)[:, None], 12, (0, 0, 1))
        head = egg((0, 1.5, 0), np.array([2.6, 2.8, 2.6]) * rng.uniform(0.85, 1.4), 14, 20)
        grain = rng.uniform(0.03, 0.25) * np.exp(rng.normal(0, 0.4, (len(head[0]), 1)))
        return [
            paint(stem, np.full(3, 0.02), gloss=0.4),
            paint(head, grain, gloss=0.3),
            *_grip(rng, tone, 1.6, 1.5, -8.0),
        ]
    if kind == "paper":
        size = np.array([rng.uniform(10, 22), rng.uniform(12, 28), 0.15])
        sheet = box(size, 0.6)
        x, y = sheet[0][:, 0] / size[0], sheet[0][:, 1] / size[1]
        ink = (
            (np.sin(y * rng.uniform(60, 130)) > 0.2)
            & (np.abs(x) < 0.4)
            & (np.abs(y) < 0.42)
            & (rng.random(len(x)) < 0.8)
        )
        white = rng.uniform(0.5, 0.85) if rng.random() < 0.7 else rgb
        bend = rng.normal(0, 0.02)
        vertices = sheet[0] + np.stack([0 * x, 0 * y, bend * sheet[0][:, 0] ** 2], axis=1)
        return [paint((vertices.astype(np.float32), sheet[1]), np.where(ink[:, None], 0.08, white), gloss=0.05)]
    if kind == "box":
        body = box(rng.uniform(3, 13, 3) * [1, 1, 0.5], 0.6)
        print_ = ripple(rng, 1, 3, *body[0].T) > rng.uniform(0, 2)
        return [paint(body, np.where(print_[:, None], cloth_colour(rng), rgb), gloss=rng.uniform(0, 0.6))]
    if kind == "ball":
        body = egg((0, 0, 0), rng.uniform(2, 6) * rng.uniform(0.7, 1.1, 3), 28, 40)
        return [paint(body, rgb * np.exp(rng.normal(0, 0.06, (len(body[0]), 1))), gloss=rng.uniform(0, 0.7))]
    length = rng.uniform(10, 30)
    y = np.linspace(-length, 0, int(3 * length))
    stick = tube(np.stack([0 * y, y, 0 * y], axis=1), np.full((len(y), 1), rng.uniform(0.3, 1.4)), 12, (0, 0, 1))
    return [paint(stick, rgb, gloss=rng.uniform(0, 0.7))]


def _grip(rng: np.random.Generator, tone: F32, half: float, front: float, y: float) -> list[Mesh]:
    """Four fingers that reach around a thing from the right and a thumb from the left, the arm below; or none."""
    if rng.random() < 0.3:
        return []
    parts = []
    reach = rng.uniform(0.2, 0.9)
    for k in range(4):
        at = y + 2.7 - 1.8 * k
        path = np.array(
            [
                [half + 1.2, at, -0.5],
                [half + 0.9, at, front * 0.7],
                [half * 0.75, at + 0.1, front + 0.75],
                [half * (1 - reach), at + 0.2, front + 0.7],
                [half * (1 - reach) - 0.5, at + 0.2, front + 0.55],
            ]
        )
        parts.append(tube(path, np.array([[0.85], [0.9], [0.85], [0.75], [0.3]]), 9, (0, 1, 0)))
    thumb = np.array(
        [
            [-half - 1.2, y - 2.5, -0.4],
            [-half - 0.9, y, front * 0.6],
            [-half * 0.9, y + 2.2, front + 0.7],
            [-half * 0.8, y + 3, front + 0.6],
        ]
    )
    parts.append(tube(thumb, np.array([[1.1], [1.05], [0.95], [0.3]]), 9, (1, 0, 0)))
    palm = egg((0, y - 1, -1.6), (half + 1.6, 4.6, 1.3), 10, 18)
    arm = tube(
        np.array([[0, y - 3, -1.8], [0, y - 12, -2.5], [0, y - 30, -4]]),
        np.array([[2.8, 2.0], [3.2, 2.6], [4.0, 3.6]]),
        12,
        (0, 0, 1),
    )
    part = join([*parts, palm, arm])
    return [paint(part, tone * np.exp(rng.normal(0, 0.03, (len(part[0]), 1))), gloss=0.12)]
