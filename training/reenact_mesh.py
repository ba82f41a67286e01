"""The small face of the `reenact` bundle: some 900 vertices of the performer's 26 719, with all that moves them.

Vertices are chosen far from each other, closely around eyes and mouth; a triangle stands wherever the cells of three of
them meet (the dual of their geodesic Voronoi cells), so that lids and lips stay open. Added are eyeballs, the ends of
the two rows of teeth, and a sheet that closes the mouth behind the lips.
"""

from __future__ import annotations

import io
from collections import defaultdict
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from training.performer.assets import facekit
from training.performer.fields import fields
from training.performer.head import EYE_CENTRES, IDENTITY_MODES
from training.performer.landmarks import DENSE, IRIS_RADIUS, dense_vertices
from training.portraits import _CARRIED, _STILL

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

CHOSEN = 860  # vertices of the skin
KINDS = ("skin", "back", "eye", "mouth", "teeth")
_BALL = 1.46  # cm, of the eye
_ASPECTS = 14  # vertices of one of an eye's rings
_RINGS = np.radians([13, 27, 45, 70, 92])
_ARC, _ROWS = 11, 2  # of a row of teeth
_BEHIND = 1.6  # cm from the lips to the sheet behind them


@lru_cache(maxsize=1)
def _skin() -> tuple[I32, I32, I32]:
    """Kit vertices chosen, triangles between them, and the kit's triangles of the skin."""
    kit, f = facekit(), fields()
    region = np.isin(kit.region, [kit.region_names.index(n) for n in ("face", "head_neck")])
    triangles = kit.triangles[region[kit.triangles].all(1)]
    v = kit.neutral
    edges = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1), axis=0
    )
    length = np.linalg.norm(v[edges[:, 0]] - v[edges[:, 1]], axis=1)
    graph = coo_matrix((length, (edges[:, 0], edges[:, 1])), shape=(len(v), len(v))).tocsr()
    inner = np.minimum(f.lid, np.abs(f.lip))
    reach = np.where(inner < 0.35, 0.3, np.where(inner < 1.6, 0.55, 1.0))
    reach = np.where(kit.region != kit.region_names.index("face"), 2.0, reach)
    reach = np.where((v[:, 1] < -9) | (v[:, 2] < 2), 2.2, reach)
    used = np.unique(triangles)
    chosen = list(dict.fromkeys([*kit.landmarks.tolist(), *dense_vertices().tolist()]))
    distance = dijkstra(graph, False, chosen, min_only=True)
    while len(chosen) < CHOSEN:
        best = int(used[np.argmax(np.where(np.isfinite(distance[used]), distance[used], 0) / reach[used])])
        chosen.append(best)
        near = dijkstra(graph, False, best, limit=float(distance[best]) * 2 + 1)
        distance = np.minimum(distance, near)
    _, _, source = dijkstra(graph, False, chosen, return_predecessors=True, min_only=True)
    place = np.full(len(v), -1, np.int32)
    place[chosen] = np.arange(len(chosen), dtype=np.int32)
    corners = place[source[triangles]]
    corners = corners[(corners >= 0).all(1)]
    distinct = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    corners = corners[distinct]
    _, first = np.unique(np.sort(corners, 1), axis=0, return_index=True)
    return np.array(chosen, np.int32), corners[np.sort(first)].astype(np.int32), triangles


def _loops(triangles: I32) -> list[list[int]]:
    """The boundaries of a surface, as closed rows of vertices."""
    ways = {(a, b) for t in triangles.tolist() for a, b in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0]))}
    after: dict[int, list[int]] = defaultdict(list)
    for a, b in ways:
        if (b, a) not in ways:
            after[a].append(b)
    loops = []
    while after:
        start = next(iter(after))
        loop, here = [start], after[start].pop()
        while here != start and after.get(here):
            loop.append(here)
            here = after[here].pop()
        loops.append(loop)
        after = defaultdict(list, {a: b for a, b in after.items() if b})
    return loops


def _mouth(triangles: I32, rest: F32) -> list[int]:
    """The boundary that runs along the lips."""
    middle = rest[[62, 66]].mean(0)
    around = [loop for loop in _loops(triangles) if len(loop) > 8]
    return min(around, key=lambda loop: float(np.linalg.norm(rest[loop].mean(0) - middle)))


def _teeth() -> list[int]:
    """Kit vertices of the teeth's outer ends: upper row at the gums and at the tips, lower row likewise."""
    kit = facekit()
    own = kit.vertices_of("teeth")
    v = kit.neutral[own]
    from mien.layouts import ARKIT52

    falls = -kit.expressions[ARKIT52.index("jawOpen")][own, 1]
    chosen = []
    for lower in (False, True):
        mine = np.flatnonzero((falls > falls.max() / 2) == lower)
        angle = np.arctan2(v[mine, 0], v[mine, 2] - 4.0)
        edges = np.linspace(angle.min(), angle.max(), _ARC + 1)
        for part in range(_ARC):
            here = mine[(angle >= edges[part]) & (angle <= edges[part + 1])]
            front = np.hypot(v[here, 0], v[here, 2] - 4.0)
            here = here[front > np.percentile(front, 60)]
            order = here[np.argsort(v[here, 1])]
            chosen += (
                [int(own[order[-1]]), int(own[order[0]])] if not lower else [int(own[order[0]]), int(own[order[-1]])]
            )
    return chosen


@lru_cache(maxsize=1)
def mesh() -> dict[str, npt.NDArray[np.generic]]:
    """The tables of the bundle.

    Returns:
        neutral float16 (V, 3), expressions float16 (52, V, 3), identities float16 (50, V, 3), cm; triangles int16
        (T, 3); kinds uint8 (T,), index into KINDS; carried float16 (V,), how far a vertex turns with the head;
        landmarks int16 (220,), the vertex of each landmark; eyes int16 (2, 2), first vertex and end of each eyeball,
        the pole first; eye_centres float32 (2, 3); mouth int16 (M,), the boundary along the lips.
    """
    kit = facekit()
    chosen, skin, _ = _skin()
    loop = _mouth(skin, kit.neutral[chosen])
    teeth = _teeth()
    own = np.concatenate([chosen, teeth]).astype(np.int32)
    neutral = [kit.neutral[own]]
    expressions = [kit.expressions[:, own]]
    identities = [kit.identities[:IDENTITY_MODES, own]]
    triangles = [skin]
    back = (kit.region[chosen[skin]] == kit.region_names.index("head_neck")).any(1)
    kinds = [np.where(back, KINDS.index("back"), KINDS.index("skin"))]

    first = len(chosen)
    for row in range(2):
        begin = first + row * 2 * _ARC
        a = begin + 2 * np.arange(_ARC - 1)
        triangles.append(np.concatenate([np.stack([a, a + 1, a + 2], 1), np.stack([a + 1, a + 3, a + 2], 1)]))
        kinds.append(np.full(2 * (_ARC - 1), KINDS.index("teeth")))

    # The sheet behind the lips: their boundary once more, further back, and its middle.
    begin = len(own)
    behind = np.array([0, 0, -_BEHIND], np.float32)
    for table, source, shift in ((neutral, kit.neutral[chosen[loop]], behind),):
        table.append(np.concatenate([source + shift, source.mean(0, keepdims=True) + shift]))
    for table, source in ((expressions, kit.expressions), (identities, kit.identities[:IDENTITY_MODES])):
        rim = source[:, chosen[loop]]
        table.append(np.concatenate([rim, rim.mean(1, keepdims=True)], 1))
    count = len(loop)
    ring = np.arange(count)
    nxt = (ring + 1) % count
    middle = begin + count
    sheet = [np.stack([begin + ring, begin + nxt, np.full(count, middle)], 1)]
    rim_to_ring = np.array(loop)
    sheet += [
        np.stack([rim_to_ring, rim_to_ring[nxt], begin + ring], 1),
        np.stack([rim_to_ring[nxt], begin + nxt, begin + ring], 1),
    ]
    triangles += sheet
    kinds.append(np.full(3 * count, KINDS.index("mouth")))

    eyes, centre = [], middle + 1
    around = np.arange(_ASPECTS) * 2 * np.pi / _ASPECTS
    for k, name in enumerate(("eyeball_L", "eyeball_R")):
        ball = [[0, 0, _BALL]]
        ball += [
            [_BALL * np.sin(r) * np.cos(p), _BALL * np.sin(r) * np.sin(p), _BALL * np.cos(r)]
            for r in _RINGS
            for p in around
        ]
        mine = kit.vertices_of(name)
        local = np.array(ball, np.float32)
        neutral.append(EYE_CENTRES[k] + local)
        expressions.append(np.zeros((len(kit.expressions), len(local), 3), np.float32))
        shift = kit.identities[:IDENTITY_MODES, mine].mean(1, keepdims=True)
        identities.append(np.broadcast_to(shift, (IDENTITY_MODES, len(local), 3)))
        step = (np.arange(_ASPECTS) + 1) % _ASPECTS
        fan = [np.stack([np.full(_ASPECTS, centre), centre + 1 + np.arange(_ASPECTS), centre + 1 + step], 1)]
        for ring_number in range(len(_RINGS) - 1):
            one = centre + 1 + ring_number * _ASPECTS
            other = one + _ASPECTS
            fan.append(np.stack([one + np.arange(_ASPECTS), other + np.arange(_ASPECTS), one + step], 1))
            fan.append(np.stack([other + np.arange(_ASPECTS), other + step, one + step], 1))
        triangles += fan
        kinds.append(np.full(sum(map(len, fan)), KINDS.index("eye")))
        eyes.append([centre, centre + len(local)])
        centre += len(local)
    place = {int(vertex): index for index, vertex in enumerate(chosen)}
    landmarks = np.full(220, -1, np.int16)
    landmarks[:68] = [place[int(v)] for v in kit.landmarks]
    landmarks[DENSE:] = [place[int(v)] for v in dense_vertices()]
    for k in range(2):
        base, iris = eyes[k][0], int(np.argmin(np.abs(np.sin(_RINGS) * _BALL - IRIS_RADIUS)))
        ring_at = base + 1 + iris * _ASPECTS
        quarter = np.rint(np.arange(4) * _ASPECTS / 4).astype(int)
        landmarks[68 + 5 * k : 73 + 5 * k] = [base, *(ring_at + quarter)]
    points = np.concatenate(neutral)
    share = np.clip((points[:, 1] - _STILL) / (_CARRIED - _STILL), 0, 1)
    return {
        "neutral": points.astype(np.float16),
        "expressions": np.concatenate(expressions, 1).astype(np.float16),
        "identities": np.concatenate(identities, 1).astype(np.float16),
        "triangles": np.concatenate(triangles).astype(np.int16),
        "kinds": np.concatenate(kinds).astype(np.uint8),
        "carried": (share * share * (3 - 2 * share)).astype(np.float16),
        "landmarks": landmarks,
        "eyes": np.array(eyes, np.int16),
        "eye_centres": EYE_CENTRES.astype(np.float32),
        "mouth": np.array(loop, np.int16),
    }


def blob() -> bytes:
    """The tables as one .npz."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **mesh())
    return stream.getvalue()
