"""Where on the face sensors tell most: chooses the places of imu_layouts/*.toml by measured information.

    python -m training.imu_placement -o training/performer/imu_layouts --face sdk/mien/data/imu_face.npz

Candidates are spread over the skin where a sensor can be glued. Two steps: a linear estimate from each candidate's
rotation and displacement, without time or noise, takes eighteen of them, one after the other; these and some beside
them that turn more for what they tell least are then worn by simulated people, with all faults, through the native
preparation, and what ridge regression makes of a layout's features decides (imu_information.py). The first step alone
left the brows without a sensor: it trusts displacements that drift in truth. The layouts are nested: the 6 sensors are
among the 12, these among the 18, so one network serves all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from training.command import run
from training.imu_information import APART, Unit, measured, search
from training.performer.assets import facekit
from training.performer.expressions import ExpressionSampler
from training.performer.head import Head, random_identity
from training.performer.imu_layout import SIZES, layout, skin_moving, write
from training.performer.patches import Place, motion, patch

F64 = npt.NDArray[np.float64]

_CANDIDATES = 220
_PEOPLE, _EACH = 12, 250

_TURN, _SHIFT = np.radians(1.0), 1.5e-3  # what is not trusted of a rotation (rad) and a displacement (m)
# Where nothing can be glued: lids, lips, nostrils; cm.
_FREE = (("lids", slice(36, 48), 0.7), ("lips", slice(48, 60), 0.7), ("nostrils", slice(31, 36), 0.7))
# Beside the eighteen, where these tell least: inner lids and brows, below and beside the mouth, the chin.
_BESIDE = ((2.3, 5.2), (1.15, 4.9), (2.4, 7.2), (2.5, -4.6), (3.0, -1.7), (-0.14, -7.9), (2.85, -6.3))
# Anatomical anchors on the average face (cm), for names; x is positive on both sides.
_ANCHORS = {
    "forehead": (0.0, 8.0, 10.5),
    "forehead_side": (3.5, 8.0, 9.5),
    "glabella": (0.0, 5.2, 11.0),
    "brow_inner": (1.6, 6.2, 10.7),
    "brow": (3.2, 6.4, 10.1),
    "brow_outer": (5.2, 5.9, 8.7),
    "temple": (6.6, 4.5, 6.0),
    "nose_bridge": (0.0, 3.0, 11.4),
    "nose_side": (1.2, 1.2, 11.0),
    "upper_lid": (3.2, 5.0, 9.9),
    "lower_lid": (3.1, 2.3, 9.5),
    "under_eye": (2.9, 0.5, 9.9),
    "crow": (5.0, 2.9, 8.5),
    "cheekbone": (5.2, 1.0, 8.3),
    "cheek": (4.5, -1.2, 8.7),
    "cheek_side": (6.2, -1.5, 6.0),
    "nasolabial": (2.4, -1.2, 10.6),
    "philtrum": (0.0, -1.8, 11.8),
    "upper_lip": (1.4, -2.0, 11.4),
    "mouth_corner": (3.1, -3.5, 9.9),
    "lower_lip": (1.4, -5.0, 11.0),
    "below_corner": (2.5, -4.6, 10.2),
    "lip_chin": (0.0, -5.3, 11.2),
    "chin": (0.0, -6.8, 10.9),
    "chin_side": (1.9, -6.5, 10.3),
    "jaw": (4.2, -5.2, 8.3),
    "jaw_back": (6.2, -3.8, 5.5),
    "under_chin": (1.0, -8.4, 8.5),
}


def _candidates() -> tuple[list[Place], list[Unit]]:
    """Places, and the units of them that are taken together: one on the midline, or one and its mirror image."""
    kit = facekit()
    skin = kit.vertices_of("face")
    triangles = kit.triangles[np.isin(kit.triangles, skin).all(1)]
    centres = kit.neutral[triangles].mean(1).astype(np.float64)
    landmarks = kit.neutral[kit.landmarks]
    usable = (centres[:, 1] > -9) & (centres[:, 1] < 9) & (centres[:, 2] > 3) & (centres[:, 0] > -0.2)
    for _, part, distance in _FREE:
        points = _ring(landmarks[part].astype(np.float64))
        usable &= np.linalg.norm(centres[:, None] - points, axis=2).min(1) > distance
    # The red of the lips, and what lies between them, inside the ring that was spared.
    usable &= ~(_inside(centres[:, :2], landmarks[48:60, :2].astype(np.float64)) & (centres[:, 2] > 7))
    usable &= (np.abs(centres[:, 0]) < 0.2) | (centres[:, 0] > 0.6)
    rows = np.flatnonzero(usable)
    chosen = [int(rows[np.linalg.norm(centres[rows] - [0, -7, 10.5], axis=1).argmin()])]
    far = np.full(len(rows), np.inf)
    while len(chosen) < _CANDIDATES // 2:
        far = np.minimum(far, np.linalg.norm(centres[rows] - centres[chosen[-1]], axis=1))
        chosen.append(int(rows[far.argmax()]))
    places: list[Place] = []
    units: list[Unit] = []
    corners = kit.neutral[triangles].astype(np.float64)
    for row in chosen:
        centre = centres[row]
        if _covered(corners, row):
            continue
        middle = abs(centre[0]) < 0.2
        mirrored = int(np.linalg.norm(centres - centre * [-1, 1, 1], axis=1).argmin())
        here = [row] if middle else [row, mirrored]
        units.append(tuple(range(len(places), len(places) + len(here))))
        for side, index in zip(("Left", "Right"), here, strict=False):
            name = _name(centre) + ("" if middle else side)
            a, b, c = (int(v) for v in triangles[index])
            places.append(Place(name, (a, b, c), (1 / 3, 1 / 3, 1 / 3)))
    return places, units


def _covered(corners: F64, row: int) -> bool:
    """Whether skin lies in front of a triangle within 4 cm: it is inside a nostril or a fold (Moeller-Trumbore)."""
    a, b, c = corners[row]
    way = np.cross(b - a, c - a)
    way /= np.linalg.norm(way)
    start = (a + b + c) / 3 + 0.05 * way
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(way, two)
    size = np.einsum("ij,ij->i", one, across)
    size = np.where(np.abs(size) < 1e-12, np.inf, size)
    off = start - corners[:, 0]
    u = np.einsum("ij,ij->i", off, across) / size
    turned = np.cross(off, one)
    v = turned @ way / size
    far = np.einsum("ij,ij->i", two, turned) / size
    return bool(((u >= 0) & (v >= 0) & (u + v <= 1) & (far > 0) & (far < 4)).any())


def _inside(points: F64, polygon: F64) -> npt.NDArray[np.bool_]:
    """Which points (N, 2) lie in a polygon (M, 2): an odd number of its edges is crossed on the way out."""
    inside = np.zeros(len(points), np.bool_)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        between = (ay > points[:, 1]) != (by > points[:, 1])
        slope = (points[:, 1] - ay) / (by - ay) if by != ay else np.zeros(len(points))
        inside ^= between & (points[:, 0] < ax + slope * (bx - ax))
    return inside


def _ring(points: F64) -> F64:
    ends = np.roll(points, -1, axis=0)
    return np.concatenate([points + (ends - points) * t for t in np.linspace(0, 1, 6, endpoint=False)])


def _name(centre: F64) -> str:
    spots = np.array(list(_ANCHORS.values()))
    name = list(_ANCHORS)[int(np.linalg.norm(spots - np.abs(centre) * [1, 0, 0] - centre * [0, 1, 1], axis=1).argmin())]
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _observations(places: list[Place], seed: int) -> tuple[F64, F64]:
    """Coefficients (N, 52) and what each place shows of them (N, S, 6): rotation vector and displacement, scaled."""
    rng = np.random.default_rng(seed)
    sampler = ExpressionSampler("train")
    patches = [patch(place) for place in places]
    values, seen = [], []
    for _ in range(_PEOPLE):
        person = motion(Head(random_identity(rng)), patches)
        coefficients = sampler.sample(rng, _EACH).coefficients[:, :52].astype(np.float64)
        position, frame = person.at(coefficients)
        rest, neutral = person.at(np.zeros((1, 52)))
        turn = np.einsum("sij,tskj->tsik", neutral[0], frame)
        turn = np.einsum("tsij->tsji", turn)  # frame * neutral^T: in head axes
        vector = np.stack([turn[..., 2, 1] - turn[..., 1, 2], turn[..., 0, 2] - turn[..., 2, 0]], -1)
        vector = np.concatenate([vector, (turn[..., 1, 0] - turn[..., 0, 1])[..., None]], -1) / 2
        seen.append(np.concatenate([vector / _TURN, (position - rest) / _SHIFT], -1))
        values.append(coefficients)
    return np.concatenate(values), np.concatenate(seen)


def estimated(places: list[Place], units: list[Unit], seed: int) -> list[int]:
    """Eighteen places from which most of the variance of the coefficients that move skin is explained linearly."""
    names = skin_moving()
    coefficients, seen = _observations(places, seed)
    c = coefficients[:, names] - coefficients[:, names].mean(0)
    c /= c.std(0)
    y = (seen - seen.mean(0)).reshape(len(seen), -1)
    cc, cy, yy = c.T @ c / len(c), c.T @ y / len(c), y.T @ y / len(y) + np.eye(y.shape[1])
    where = centres(places)

    def explained(rows: list[int]) -> float:
        columns = np.concatenate([np.arange(6 * r, 6 * r + 6) for r in rows])
        left = cc - cy[:, columns] @ np.linalg.solve(yy[np.ix_(columns, columns)], cy[:, columns].T)
        return float(1 - np.diag(left).mean())

    chosen: list[int] = []
    taken: set[str] = set()
    now = 0.0
    while len(chosen) < max(SIZES):
        room = min(size for size in SIZES if size > len(chosen)) - len(chosen)
        best: Unit | None = None
        gain = -1.0
        for unit in units:
            rows = list(unit)
            near = np.linalg.norm(where[rows][:, None] - where[chosen], axis=2).min() if chosen else np.inf
            if len(rows) > room or near < APART or places[rows[0]].name in taken:
                continue
            if room - len(rows) == 1 and len(chosen) + len(rows) < max(SIZES) and room > 2 and len(rows) == 2:
                continue  # leaves one place that only the midline could take; pairs are what matters
            value = (explained(chosen + rows) - now) / len(rows)
            if value > gain:
                best, gain = unit, value
        if best is None:
            break
        chosen += best
        taken |= {places[row].name for row in best}
        now = explained(chosen)
    return chosen


def shortlist(places: list[Place], units: list[Unit], seed: int) -> list[Unit]:
    """The units that are worth being measured."""
    first = set(estimated(places, units, seed))
    found = [unit for unit in units if unit[0] in first]
    where = centres(places)
    for spot in _BESIDE:
        free = [unit for unit in units if unit not in found]
        found.append(min(free, key=lambda unit: float(np.linalg.norm(where[unit[0], :2] - spot))))
    return found


def centres(places: list[Place]) -> F64:
    """Where places are on the average face, cm (N, 3)."""
    return np.stack([facekit().neutral[list(p.vertices)].mean(0) for p in places]).astype(np.float64)


def write_face(path: Path, places: list[Place]) -> None:
    """How the sensors move on the average face: what mien's own simulator and the packets' table of ids are made of."""
    moving = motion(Head(np.zeros(1, np.float32)), [patch(place) for place in places])
    rest, shapes = moving.rest.astype(np.float32), moving.shapes.astype(np.float32)
    np.savez_compressed(path, names=np.array([place.name for place in places]), rest=rest, shapes=shapes)


def main(
    seed: Annotated[int, typer.Option(help="of people and expressions")] = 1,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder to write the layouts to")] = None,
    face: Annotated[Path | None, typer.Option(help="file of the average face's sensors, for the simulator")] = None,
) -> None:
    """Chooses places, and says what they tell beside those of the layouts that ship."""
    places, units = _candidates()
    short = shortlist(places, units, seed)
    rows = [row for unit in short for row in unit]
    print(f"{len(places)} candidates, {len(rows)} of them are measured", flush=True)
    information = measured([places[row] for row in rows], seed)
    at = {row: k for k, row in enumerate(rows)}
    found = search(information, [tuple(at[row] for row in unit) for unit in short], centres(places)[rows])
    vertices = {place.vertices: at[row] for row, place in enumerate(places) if row in at}
    for size, chosen in found.items():
        known = [vertices.get(place.vertices) for place in layout(f"imu{size}").places]
        shipped = [k for k in known if k is not None]
        if len(shipped) == size:
            print(f"{size:>2} sensors that ship: mean r {information.r(shipped):.3f}")
        share = information.r(chosen)
        picked = [places[rows[k]] for k in chosen]
        print(f"{size:>2} sensors: mean r {share:.3f}: {', '.join(place.name for place in picked)}")
        if output is not None:
            write(output / f"imu{size}.toml", f"imu{size}", picked, share, seed)
        if face is not None and size == max(SIZES):
            write_face(face, picked)


if __name__ == "__main__":
    run(main)
