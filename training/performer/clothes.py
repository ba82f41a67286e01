"""What is worn below the head and around it: torsos with their collars, scarves, hoods and headscarves."""

from __future__ import annotations

import numpy as np

from training.performer.anatomy import CENTRE, Head, anatomy, ball, direction, taut
from training.performer.mesh import F32, Mesh
from training.performer.solids import grid, paint, ring, ripple, smooth, tube
from training.performer.wear import cloth_colour

# sections of a clothed torso: height, half width, half depth, middle's depth (y, x, z, z), centimetres
_TORSO = np.array(
    [
        (-10.2, 6.7, 6.4, -0.9),
        (-11.6, 7.6, 6.9, -1.4),
        (-12.8, 10.4, 7.4, -2.0),
        (-13.8, 13.2, 7.9, -2.2),
        (-15.2, 16.2, 8.4, -2.2),
        (-18.0, 19.0, 9.4, -2.2),
        (-23.0, 20.6, 10.8, -2.2),
        (-32.0, 21.0, 12.0, -2.2),
        (-46.0, 20.0, 12.5, -2.2),
    ],
    np.float32,
)
_COLLARS = ("crew", "deep", "turtle", "shirt", "hoodie", "suit")


def clothes(head: Head, rng: np.random.Generator, kind: str | None = None) -> list[Mesh]:
    """A clothed torso below the head, so that the neck does not end in the air.

    Args:
        kind: crew, deep (a wide neck), turtle, shirt, hoodie or suit; drawn when None.
    """
    kind = kind or _COLLARS[rng.integers(len(_COLLARS))]
    rows, columns = 26, 96
    rgb = cloth_colour(rng)
    azimuth = np.arange(columns, dtype=np.float32) * np.float32(2 * np.pi / columns)
    t = np.linspace(0, 1, rows, dtype=np.float32)[:, None] ** 1.4
    depth = {"crew": rng.uniform(1.5, 3), "deep": rng.uniform(4, 7), "shirt": 2.5, "suit": 2.5}.get(kind, 0.5)
    wide = 2.0 if kind == "deep" else 0.3
    # the neckline hangs in front
    start = (
        -10.8
        - wide * (1 - np.cos(2 * azimuth)) / 2
        - depth * np.exp(-((((azimuth + np.pi) % (2 * np.pi) - np.pi) / 0.75) ** 2))
    )
    y = start + (-46 - start) * t
    width, deep, middle = (np.interp(-y, -_TORSO[:, 0], _TORSO[:, k]).astype(np.float32) for k in (1, 2, 3))
    loose = _around_bust(head) * rng.uniform(1.01, 1.06)
    x = np.sin(azimuth) * width * loose
    z = middle + np.cos(azimuth) * deep * loose
    fold = 0.25 * ripple(rng, 2, 6, np.broadcast_to(azimuth, y.shape), y / 4) * smooth(t * 6)
    points = np.stack([x + fold * np.sin(azimuth), y + 0 * x, z + fold * np.cos(azimuth)], axis=-1)
    colour = rgb * np.exp(rng.normal(0, 0.05, (*y.shape, 1))) * _pattern(rng, points)[..., None]
    if kind in ("suit", "shirt"):
        opening = np.abs(points[..., 0]) < (0.35 if kind == "shirt" else np.clip((y + 30) * 0.35, 0, 6))
        inner = (opening & (points[..., 2] > 0))[..., None]
        colour = np.where(inner, cloth_colour(rng) if kind == "suit" else 0.8 * colour, colour)
    meshes = [
        paint((points.reshape(-1, 3).astype(np.float32), np.array(grid(rows, columns, True))), colour.reshape(-1, 3))
    ]
    if kind != "deep":
        meshes.append(_collar(rng, kind, points[0], azimuth, rgb))
    return meshes


def _around_bust(head: Head) -> float:
    """By how much the torso must grow to enclose this identity's bust."""
    low = head.vertices[anatomy().bust]
    width, deep, middle = (np.interp(-low[:, 1], -_TORSO[:, 0], _TORSO[:, k]) for k in (1, 2, 3))
    return float(max(1.0, np.hypot(low[:, 0] / width, (low[:, 2] - middle) / deep).max()))


def _pattern(rng: np.random.Generator, points: F32) -> F32:
    """Brightness of a print or a weave."""
    kind, period = rng.integers(5), rng.uniform(1.5, 5)
    across, down = np.sin(2 * np.pi * points[..., 0] / period), np.sin(2 * np.pi * points[..., 1] / period)
    dark = rng.uniform(0.3, 0.8)
    if kind == 0:
        return np.where(down > 0, 1.0, dark).astype(np.float32)
    if kind == 1:
        return np.where(across * down > 0, 1.0, dark).astype(np.float32)
    return np.ones(points.shape[:-1], np.float32)


def _collar(rng: np.random.Generator, kind: str, edge: F32, azimuth: F32, rgb: F32) -> Mesh:
    """What ends the cloth at the neck: a hem, a roll, or a band that stands and folds over."""
    if kind in ("crew", "hoodie"):
        thick = 0.3 if kind == "crew" else rng.uniform(0.9, 1.6)
        back = 1 + (0.0 if kind == "crew" else 0.9) * (1 - np.cos(azimuth)) / 2
        path = edge + np.stack([0 * azimuth, 0.6 * (back - 1), -0.6 * (back - 1)], axis=1)
        return paint(ring(path, thick, 7, (0, 1, 0)), rgb * rng.uniform(0.7, 1.05))
    rows = 7
    v = np.linspace(0, 1, rows)[:, None]
    height = rng.uniform(2.2, 4.0) if kind == "turtle" else rng.uniform(1.6, 2.6)
    lean = 0.1 if kind == "turtle" else 0.06
    # up along the neck, then out and down again
    rise, out = (
        height * np.sin(np.pi * 0.75 * v),
        0.5 * smooth((v - 0.4) / 0.3) + 0.9 * smooth((v - 0.5) / 0.5) * (kind != "turtle"),
    )
    away = np.stack([np.sin(azimuth), 0 * azimuth, np.cos(azimuth)], axis=1)
    points = edge * [1 - lean, 1, 1 - lean] + rise[..., None] * [0, 1, 0] + out[..., None] * away
    if kind in ("shirt", "suit"):  # the points of the collar
        front = np.exp(-((((azimuth + np.pi) % (2 * np.pi) - np.pi) / 0.5) ** 2))
        points[..., 1] -= 2.2 * front * smooth((v - 0.5) / 0.5)
        points[..., 2] += 0.6 * front * smooth((v - 0.5) / 0.5)
        rgb = np.asarray(cloth_colour(rng), np.float32) if kind == "suit" else rgb
    return paint((points[::-1].reshape(-1, 3).astype(np.float32), np.array(grid(rows, len(azimuth), True))), rgb * 1.05)


def scarf(head: Head, rng: np.random.Generator) -> list[Mesh]:
    """A scarf in two or three turns around the neck, some up to the chin, with an end that hangs down in some."""
    rgb, other = cloth_colour(rng), cloth_colour(rng)
    turn = np.arange(40) * (2 * np.pi / 40)
    chin = float(head.landmarks[8, 1])
    top = chin - rng.uniform(0.6, 2.5)
    meshes = []
    for k in range(rng.integers(2, 4)):
        radius = rng.uniform(1.3, 1.9)
        wide = 7.6 + 0.7 * k + rng.uniform(0, 0.6)
        path = np.stack(
            [
                wide * np.sin(turn),
                top
                - 1.6 * k
                - 1.0 * np.cos(turn - rng.uniform(-0.5, 0.5))
                + 0.3 * ripple(rng, 1, 3, turn.astype(np.float32)),
                -0.6 + (wide + 0.9 - 0.3 * k) * np.cos(turn),
            ],
            axis=1,
        )
        part = ring(path, np.array([radius, 1.1 * radius]), 10, (0, 1, 0))
        vertices = part[0] + 0.12 * ripple(rng, 2, 5, *part[0].T)[:, None]
        stripes = rng.random() < 0.4
        colour = np.where((np.sin(3 * part[0][:, :1]) > 0) & stripes, other, rgb)
        colour = colour * np.exp(rng.normal(0, 0.1, (len(vertices), 1)))
        meshes.append(paint((vertices.astype(np.float32), part[1]), colour))
    if rng.random() < 0.5:
        x = rng.choice([-1, 1]) * rng.uniform(1, 4)
        path = np.array([[x, top - 1, 8.3], [x, top - 5, 9.5], [x * 1.1, top - 12, 9.8], [x * 1.1, top - 24, 11]])
        meshes.append(paint(tube(path, (2.6, 0.7), 10, (0, 0, 1)), rgb))
    return meshes


def hood(head: Head, rng: np.random.Generator, scarf_like: bool | None = None) -> list[Mesh]:
    """A hood around the head, or a headscarf that lies close and also covers ears, neck and the rim of the jaw.

    Draw no hair, or hair with `under_hat=True` in a short style.

    Args:
        scarf_like: a headscarf; every second one when None.
    """
    close = bool(rng.random() < 0.5) if scarf_like is None else scarf_like
    rgb = cloth_colour(rng)
    rows, columns = 30, 112
    azimuth = np.linspace(0, 2 * np.pi, columns, endpoint=False).astype(np.float32)
    turned = np.abs((azimuth + np.pi) % (2 * np.pi) - np.pi)
    upper, side = (
        (rng.uniform(1.1, 1.35), rng.uniform(0.85, 1.0)) if close else (rng.uniform(0.85, 1.3), rng.uniform(0.8, 1.1))
    )
    rim = upper + (2.85 - upper) * smooth((turned - 0.55 * side) / (0.75 * side))
    u, around = np.meshgrid(np.linspace(0.01, 1, rows, dtype=np.float32), azimuth, indexing="ij")
    polar = u * rim
    gap = rng.uniform(0.3, 0.6) if close else rng.uniform(1.2, 2.4)
    height = (
        0.3 + gap * (1 + 0.12 * ripple(rng, 1, 4, around, 3 * polar)) + 0.07 * ripple(rng, 5, 14, around, 5 * polar)
    )
    if not close:  # the crown stands up, the opening is stiff
        height = height + rng.uniform(0, 2.5) * np.exp(-((polar / 0.7) ** 2)) + 0.5 * smooth((u - 0.85) / 0.15)
    points = taut(ball(head, ears=True).at(polar, around), 12) + direction(polar, around) * height[..., None]
    # below the jaw the cloth widens towards the shoulders
    drop = smooth((-4.0 - points[..., 1]) / 8)[..., None]
    points = points + drop * (points - CENTRE) * [0.3, 0.15, 0.3]
    colour = rgb * np.exp(rng.normal(0, 0.05, (*u.shape, 1)))
    meshes = [
        paint((points.reshape(-1, 3).astype(np.float32), np.array(grid(rows, columns, True))), colour.reshape(-1, 3))
    ]
    if close:
        meshes.append(_under_chin(head, rng, rgb))
    return meshes


def _under_chin(head: Head, rng: np.random.Generator, rgb: F32) -> Mesh:
    """The front of a headscarf: from under the jaw over the neck to the chest."""
    jaw = head.landmarks[2:15] * [1.06, 1, 1] + np.array([0, -0.35, 0.25])
    below = jaw + np.array([0, -2.0, -0.8])
    chest = jaw * [1.5, 0, 0.55] + np.array([0, -16.5, 4.2])
    t = np.linspace(0, 1, 12)[:, None, None]
    points = (1 - t) ** 2 * jaw + 2 * t * (1 - t) * below + t**2 * chest
    fine = np.linspace(0, 12, 49)
    low = np.minimum(fine.astype(int), 11)
    part = fine - low
    points = points[:, low] * (1 - part[:, None]) + points[:, low + 1] * part[:, None]
    points[..., 2] += 0.25 * ripple(rng, 1, 4, points[..., 0], points[..., 1] / 2) * smooth(t[..., 0] * 3)
    vertices = points.reshape(-1, 3).astype(np.float32)
    return paint((vertices, np.array(grid(12, 49))), rgb * np.exp(rng.normal(0, 0.05, (len(vertices), 1))))
