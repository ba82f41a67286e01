"""The lids' edges, as rows of vertices, and the lashes that grow on them."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from training.performer.assets import facekit

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

# iBUG points along the edges from the inner to the outer corner: (upper, lower) of the left and of the right eye
_EDGES = (((42, 43, 44, 45), (42, 47, 46, 45)), ((39, 38, 37, 36), (39, 40, 41, 36)))
COLUMNS, ROWS = 25, 5  # vertices of a fringe of lashes along the lid and along the hair


@lru_cache(maxsize=1)
def edges() -> tuple[tuple[I32, I32], tuple[I32, I32]]:
    """Vertex indices along the upper and the lower lid's edge, inner corner first; left eye, then right."""
    kit = facekit()
    v = kit.neutral.astype(np.float64)
    face = kit.triangles[np.isin(kit.triangles, kit.vertices_of("face")).all(1)]
    pairs = np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]])

    def path(marks: tuple[int, ...]) -> I32:
        ends = kit.landmarks[list(marks)]
        out = [int(ends[0])]
        for a, b in pairwise(ends):
            middle = v[pairs].mean(1)
            t = np.clip((middle - v[a]) @ (v[b] - v[a]) / ((v[b] - v[a]) @ (v[b] - v[a])), 0, 1)
            off = np.linalg.norm(middle - v[a] - t[:, None] * (v[b] - v[a]), axis=1)
            length = np.linalg.norm(v[pairs[:, 0]] - v[pairs[:, 1]], axis=1) * (0.1 + off)
            near = off < 0.6
            graph = coo_matrix((length[near], (pairs[near, 0], pairs[near, 1])), shape=(len(v), len(v))).tocsr()
            _, before = dijkstra(graph, False, int(a), return_predecessors=True)
            steps = [int(b)]
            while steps[-1] != a:
                steps.append(int(before[steps[-1]]))
            out += steps[-2::-1]
        return np.array(out, np.int32)

    left, right = ((path(upper), path(lower)) for upper, lower in _EDGES)
    return left, right


@lru_cache(maxsize=1)
def topology() -> tuple[I32, F32]:
    """Triangles (T, 3) of both eyes' four fringes, and per vertex (V, 3) its place: along the lid 0..1, along the hair
    0..1, 0 for the upper and 1 for the lower lid."""
    rows, columns = np.meshgrid(np.arange(ROWS - 1), np.arange(COLUMNS - 1), indexing="ij")
    a = rows * COLUMNS + columns
    quads = np.stack([a, a + 1, a + COLUMNS + 1, a, a + COLUMNS + 1, a + COLUMNS], -1).reshape(-1, 3)
    along, out = np.meshgrid(np.linspace(0, 1, COLUMNS), np.linspace(0, 1, ROWS))
    triangles = np.concatenate([quads + k * ROWS * COLUMNS for k in range(4)])
    place = np.concatenate([np.stack([along.ravel(), out.ravel(), np.full(along.size, k % 2)], 1) for k in range(4)])
    return triangles.astype(np.int32), place.astype(np.float32)


def openness(vertices: F32, neutral: F32) -> tuple[float, float]:
    """How far the left and the right eye are open: 0 shut, 1 as at rest, at most 1.2; of heads as for `fringes`."""

    def gap(head: F32, eye: int) -> float:
        upper, lower = edges()[eye]
        return float(head[upper[len(upper) // 2], 1] - head[lower[len(lower) // 2], 1])

    left, right = (float(np.clip(gap(vertices, eye) / max(gap(neutral, eye), 0.2), 0, 1.2)) for eye in (0, 1))
    return left, right


def fringes(vertices: F32, neutral: F32, lengths: F32, curl: float) -> F32:
    """Vertices of the lashes, float32 (4 * ROWS * COLUMNS, 3): left upper, left lower, right upper, right lower.

    Open lids hold the upper lashes up and forward; as the lid falls they turn with it, until on a shut eye they lie
    below the line of the lids and droop over the cheek's edge.

    Args:
        vertices, neutral: (V, 3) of the posed and of the resting head, cm. lengths: of the upper and lower lashes, cm.
        curl: radians by which their tips rise against their roots.
    """
    out = np.empty((4, ROWS, COLUMNS, 3), np.float32)
    step = np.linspace(0, 1, COLUMNS)
    shape = np.sin(np.pi * np.clip(0.12 + 0.8 * step, 0, 1)) ** 0.6 * (0.75 + 0.35 * step)
    for eye, rows in enumerate(edges()):
        # a squint lifts the lower lid and leaves the upper one and its lashes where they are
        upper, lower = (row[len(row) // 2] for row in rows)
        rest = max(float(neutral[upper, 1] - neutral[lower, 1]), 0.2)
        raised = float(np.clip((vertices[upper, 1] - neutral[lower, 1]) / rest, 0, 1.2))
        starts = (-1.0 + 1.2 * max(0.0, (raised - 0.15) / 0.85) ** 1.4, -0.75)  # radians above the horizon
        bends = (curl * (0.35 + 0.65 * raised), -0.3 * curl)
        fan = (1.0 if eye == 0 else -1.0) * 1.5 * (step - 0.42)  # they spread from the eye's middle, outwards more
        for lid, row in enumerate(rows):
            place = _along(vertices[row], step) + np.array([0.0, 0.0, 0.04])  # out of the skin's own thickness
            out[2 * eye + lid, 0] = place
            for k in range(1, ROWS):
                rise = starts[lid] + bends[lid] * (k - 0.5) / (ROWS - 1)
                way = np.stack([np.sin(fan), np.full(COLUMNS, np.tan(rise)), np.cos(fan)], 1)
                way /= np.linalg.norm(way, axis=1, keepdims=True)
                place = place + way * (shape * lengths[lid] / (ROWS - 1))[:, None]
                out[2 * eye + lid, k] = place
    return out.reshape(-1, 3)


def _along(line: F32, step: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points (len(step), 3) at shares 0..1 of the length of a line (N, 3), rounded off."""
    line = np.concatenate([line[:1], (line[:-2] + 2 * line[1:-1] + line[2:]) / 4, line[-1:]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return np.stack([np.interp(step * length[-1], length, line[:, k]) for k in range(3)], 1)
