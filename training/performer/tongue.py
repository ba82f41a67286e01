"""The tongue: ICT-FaceKit has no tongueOut, so mien makes one and lays it along a path over the lower lip."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

RINGS, SIDES = 22, 16
WIDTH, THICKNESS = 2.1, 0.75  # cm, of the flat blade
OUT = 4.2  # cm that a tongueOut of 1 shows beyond the lips
_TURN = np.radians(35.0)
_TONGUE_OUT = 51
_JAW_OPEN = ARKIT52.index("jawOpen")
_WIDE = tuple(ARKIT52.index(f"mouth{name}") for name in ("SmileLeft", "StretchRight", "UpperUpLeft", "LowerDownRight"))


@lru_cache(maxsize=1)
def topology() -> I32:
    """Triangles (T, 3) of the tube, closed at the tip."""
    rows, columns = np.meshgrid(np.arange(RINGS - 1), np.arange(SIDES), indexing="ij")
    a = rows * SIDES + columns
    b = rows * SIDES + (columns + 1) % SIDES
    quads = np.stack([a, b, b + SIDES, a, b + SIDES, a + SIDES], -1).reshape(-1, 3)
    last = (RINGS - 1) * SIDES
    tip = np.stack([np.full(SIDES, RINGS * SIDES), last + np.arange(SIDES), last + (np.arange(SIDES) + 1) % SIDES], 1)
    return np.concatenate([quads, tip[:, [0, 1, 2]]]).astype(np.int32)


def _resting(coefficients: F32, habit: float, gap: float) -> npt.NDArray[np.float64]:
    """Where the tip of a tongue that stays in lies, cm from its place deep in the mouth: low, or between the teeth.

    It follows from the expression and the person, smoothly, so that it moves with speech and the same picture is the
    same bytes.
    """
    jaw, wide = float(coefficients[_JAW_OPEN]), float(coefficients[list(_WIDE)].sum())
    ahead = 0.5 + 0.5 * np.sin(2.1 * habit + 3.0 * jaw + 1.7 * wide)
    raised = 0.5 + 0.5 * np.sin(3.7 * habit - 4.0 * jaw + 2.3 * wide)
    return np.array([0.0, -0.4 + 0.25 * ahead + max(gap, 0.0) * (0.15 + 0.6 * raised) * ahead, 0.4 + 1.05 * ahead])


def pose(landmarks: F32, teeth: F32, coefficients: F32, habit: float = 0.0) -> F32:
    """Vertices (RINGS * SIDES + 1, 3) of the tongue.

    Args:
        landmarks: (68, 3) of the posed face, cm. teeth: vertices of both rows.
        coefficients: (57,): 51 is tongueOut, 52..56 up, down, left, right, roll.
        habit: the person's own way to hold it while it is in, any number.
    """
    out = float(np.clip(coefficients[_TONGUE_OUT], 0, 1))
    up, down, left, right, roll = (float(np.clip(value, 0, 1)) for value in coefficients[52:57])
    lower = landmarks[[61 + 4, 66, 61 + 6]].mean(0)  # inner lower lip: 65, 66, 67
    upper = landmarks[[61, 62, 63]].mean(0)
    # It lies on the lower lip; where the lips are nearly shut it passes between them.
    lip = lower + np.array([0, min(0.35, 0.5 * max(float(upper[1] - lower[1]), 0.0)), -0.1])
    root = np.array([0.0, 0.5 * (lip[1] + teeth[:, 1].min()) - 0.3, 3.5])
    inside = np.array([lip[0] * 0.5, lip[1] - 0.25, lip[2] - 2.2])
    pitch = np.radians(-38.0 + 75.0 * up - 40.0 * down)
    yaw = _TURN * (left - right)
    ahead = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    reach = OUT * out
    if out <= 0.02:
        lip = inside + _resting(coefficients, habit, float(upper[1] - lower[1]))
        reach = 0.0
    # Leaves the mouth straight ahead and bends into its direction over the first centimetre and a half.
    start = np.array([0.0, -0.12, 1.0])
    nodes = [root, inside, lip]
    if reach > 0:
        bend = min(reach, 1.2)
        nodes.append(lip + bend * (0.6 * start + 0.4 * ahead))
        if reach > bend:
            nodes.append(nodes[-1] + (reach - bend) * ahead)
    path = np.array(nodes)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    along = np.linspace(0, length[-1], RINGS)
    spine = np.stack([np.interp(along, length, path[:, k]) for k in range(3)], 1)
    for _ in range(2):  # round the corners of the path
        spine[1:-1] = 0.25 * spine[:-2] + 0.5 * spine[1:-1] + 0.25 * spine[2:]
    tangent = np.gradient(spine, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(np.array([0.0, 1.0, 0.0]), tangent)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    top = np.cross(tangent, side)
    to_tip = (length[-1] - along) / max(WIDTH, 1e-6)
    taper = np.sqrt(np.clip(1 - (1 - np.clip(to_tip / 0.75, 0, 1)) ** 2, 0.02, 1))
    angle = np.linspace(0, 2 * np.pi, SIDES, endpoint=False)
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8
    u = across[None] * (WIDTH / 2) * taper[:, None] * (1 - 0.25 * roll)
    v = np.sin(angle)[None] * (THICKNESS / 2) * np.sqrt(taper)[:, None]
    groove = 0.12 * np.exp(-((across / 0.25) ** 2)) * (np.sin(angle) > 0)
    v = v - groove[None] * taper[:, None] + roll * 0.55 * (across**2)[None] * taper[:, None]
    ring = spine[:, None] + u[..., None] * side[:, None] + v[..., None] * top[:, None]
    return np.concatenate([ring.reshape(-1, 3), spine[-1:]]).astype(np.float32)
