"""The cases of the conformance corpus: bundles, and what their networks are made to say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

MS = 1_000_000
SECOND = 1000 * MS
CROP = 32  # side of the crop that landmark networks see
GRID = (64, 48, 16)  # of the detector: columns, rows, stride
EXTRAS = ["tongueUp", "tongueDown"]
REGIONS = ["eyes", "mouth", "brows"]

Array = npt.NDArray[Any]
Bundles = dict[str, tuple[dict[str, Any], dict[str, bytes]]]

# A face in its crop: subject's right and left eye, nose, mouth's corners, chin, brows, cheeks.
PATTERN = np.array(
    [[10, 12], [22, 12], [16, 17], [12, 23], [20, 23], [16, 25], [9, 9], [23, 9], [8, 18], [24, 18]], np.float64
)
# The same in centimetres, with the weight of each.
CANONICAL = np.array(
    [
        [-3, 3, 2, 1], [3, 3, 2, 1], [0, 0, 4.5, 2], [-2, -3, 3, 1], [2, -3, 3, 1], [0, -5, 2.5, 1],
        [-3.5, 4.5, 2, 0.5], [3.5, 4.5, 2, 0.5], [-4.5, -0.5, 0, 0.25], [4.5, -0.5, 0, 0.25],
    ],
    np.float32,
)  # fmt: skip


@dataclass
class Case:
    """A case before it was played.

    Attributes:
        bundles: `main` and what it refers to. director: what a network says in a step.
        steps: frames or rows of samples. options: as of `mien.open`.
    """

    about: str
    bundles: Bundles
    director: Callable[[str, int], dict[str, Array]]
    steps: list[dict[str, Any]]
    options: dict[str, Any] = field(default_factory=dict)


# -- bundles ----------------------------------------------------------------------------------------------------


def image(columns: int, rows: int, **fields: Any) -> dict[str, Any]:
    """An RGB input of 0..1."""
    kept = {"layout": "nchw", "color": "rgb", "scale": [1 / 255] * 3, "bias": [0.0] * 3, **fields}
    shape = [1, 3, rows, columns] if kept["layout"] == "nchw" else [1, rows, columns, 3]
    return {"shape": shape, "image": kept}


def network(name: str, inputs: dict[str, Any], outputs: dict[str, Sequence[int]]) -> dict[str, Any]:
    """A network whose blob is no network."""
    names = {key: key for key in (*inputs, *outputs)}
    return {
        "inputs": inputs,
        "outputs": {key: {"shape": list(shape)} for key, shape in outputs.items()},
        "targets": [{"engine": "scripted", "precision": "fp32", "blob": f"nets/{name}", "tensors": names}],
    }


def whole(task: str, networks: Mapping[str, Any], **sections: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A manifest and its blobs."""
    common = {"schema": 1, "name": task, "task": task, "licence": {"spdx": "CC0-1.0"}, "networks": dict(networks)}
    blobs = {f"nets/{name}": name.encode() for name in networks}
    return {**common, **sections}, blobs


def grid_detector() -> tuple[dict[str, Any], dict[str, bytes]]:
    """A detector of one level, in a bundle of its own."""
    columns, rows, stride = GRID
    cells = (columns // stride) * (rows // stride)
    outputs = {f"{part}_{stride}": (1, cells, width) for part, width in (("cls", 1), ("obj", 1), ("box", 4))}
    described = network("detector", {"image": image(columns, rows, border="constant")}, {
        **outputs, f"points_{stride}": (1, cells, 4),
    })  # fmt: skip
    section = {"network": "detector", "decode": "grid", "strides": [stride], "points": 2, "min_score": 0.4}
    return whole("detect", {"detector": described}, detect=section)


def face(**more: Any) -> dict[str, Any]:
    """A `face` section with a network of everything; `more` are further fields or replace what is there."""
    return {
        "crop_from_detection": {"scale": [1.4, 1.6], "square": True, "upright": [0, 1], "shift": 0.05},
        "crop_from_landmarks": {
            "scale": [1.8, 1.8], "square": True, "upright": [0, 1], "hull": "upright", "slack": 0.03, "grid": 0.002,
        },
        "refine": 1,
        "landmarks": {"network": "face", "decode": "points", "count": len(PATTERN), "dims": 2, "min_presence": 0.4},
        "landmark_filter": {"kind": "one_euro", "min_cutoff": 1.5, "beta": 0.8},
        **more,
    }  # fmt: skip


READINGS: dict[str, Any] = {
    "coefficients": {"layout": "arkit52", "extras": EXTRAS},
    "coefficient_filter": {
        "min_cutoff": 1.2, "beta": 5.0, "settle": True, "catch_up": True,
        "groups": {"eye": [4.0, 1.0], "eyeBlink": [8.0, 2.0]},
    },
    "visibility": {
        "regions": REGIONS, "min": 0.4,
        "coefficients": {"eyes": ["eyeBlinkLeft", "eyeBlinkRight"], "mouth": ["jawOpen", "tongueUp", "tongueDown"]},
    },
    "gaze": {"eyes": [1, 0]},
    "pose": {"kind": "network", "canonical": "geometry/canonical.f32", "fov_y_degrees": 55.0},
}  # fmt: skip
OUTPUTS = {
    "points": (1, len(PATTERN), 2),
    "presence": (1, 1),
    "coefficients": (1, 54),
    "visibility": (1, 3),
    "gaze": (1, 2, 3),
    "rotation": (1, 3, 3),
}


def bundles() -> Bundles:
    """A face bundle with all readings, and its detector beside it."""
    networks = {"face": network("face", {"image": image(CROP, CROP)}, OUTPUTS)}
    manifest, blobs = whole("face", networks, detect={"bundle": "finder"}, face=face(**READINGS))
    blobs["geometry/canonical.f32"] = CANONICAL.tobytes()
    return {"main": (manifest, blobs), "finder": grid_detector()}


# -- what networks say ------------------------------------------------------------------------------------------


class Actor:
    """Says what networks would of faces that move a little; everything is drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def cells(self, *seen: tuple[int, float]) -> dict[str, Array]:
        """The grid detector: faces in some cells, with their scores."""
        columns, rows, stride = GRID
        count = (columns // stride) * (rows // stride)
        cls, box = self.rng.uniform(0, 0.1, count), self.rng.uniform(-0.2, 0.4, (count, 4))
        for cell, score in seen:
            cls[cell] = score
        eyes = np.array([0.3, 0.4, 0.7, 0.45]) + self.rng.uniform(-0.05, 0.05, (count, 4))
        return {f"cls_{stride}": cls, f"obj_{stride}": np.ones(count), f"box_{stride}": box, f"points_{stride}": eyes}

    def points(self, roll: float = 0.0, move: tuple[float, float] = (0, 0), size: float = 1.0) -> Array:
        """The pattern, rolled by so many radians about the crop's middle, moved and scaled."""
        middle = np.array([CROP / 2, CROP / 2])
        cos, sin = math.cos(roll), math.sin(roll)
        around = (PATTERN - middle) * size + self.rng.normal(0, 0.2, PATTERN.shape)
        out: Array = around @ np.array([[cos, sin], [-sin, cos]]) + middle + move
        return out

    def rotation(self, yaw: float) -> Array:
        """A head's rotation, as a network says it: nearly one."""
        cos, sin = math.cos(yaw), math.sin(yaw)
        return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) + self.rng.normal(0, 0.01, (3, 3))

    def everything(self, presence: float, roll: float = 0.0, **more: Any) -> dict[str, Array]:
        """The network with all readings."""
        return {
            "points": self.points(roll, **more),
            "presence": np.array(presence),
            "coefficients": self.rng.uniform(-0.2, 1.2, 54),
            "visibility": self.rng.uniform(-2, 6, 3),
            "gaze": self.rng.normal(0, 0.2, (2, 3)) + np.array([0, 0, 1]),
            "rotation": self.rotation(float(self.rng.uniform(-0.6, 0.6))),
        }


def frames(count: int, width: int = 640, height: int = 360, step: int = 33_333_333) -> list[dict[str, Any]]:
    """Frames of a camera."""
    return [{"t_ns": k * step, "width": width, "height": height} for k in range(count)]


# -- cases ------------------------------------------------------------------------------------------------------


def one_face() -> Case:
    """Everything about one face in wide frames: it rolls, is lost for up to and over a second, and is hidden."""
    actor = Actor(1)
    gone = {6, 7, 9, 10, 11}
    rolls = [0.0, 0.1, 0.35, 0.5, 0.2, -0.4, 0, 0, -0.1, 0.0, 0, 0, 0.05, 0.0, 0.02, 0.01]

    def say(name: str, step: int) -> dict[str, Array]:
        if name == "detector":
            return actor.cells() if step in gone else actor.cells((5, 0.9), (2, 0.5))
        said = actor.everything(-5.0 if step in gone else 4.0, rolls[step])
        if step == 8:
            said["rotation"] = np.zeros((3, 3))  # is not a rotation
        if step == 13:
            said["gaze"] = np.zeros((2, 3))
        return said

    steps = frames(16)
    for step in steps[7:]:
        step["t_ns"] += 900 * MS  # with three frames that is 1 ns less than a second
    for step in steps[11:]:
        step["t_ns"] += SECOND + 1 - 4 * 33_333_333
    for step in steps[15:]:
        step["t_ns"] += 60 * SECOND  # a face of the frame before is never forgotten
    return Case(one_face.__doc__ or "", bundles(), say, steps)


def tall_frames() -> Case:
    """The same in tall frames that come late, without what is optional, in another order of colours and axes."""
    actor = Actor(2)
    made = bundles()
    manifest = made["main"][0]
    port = image(CROP, CROP, layout="nhwc", color="bgr", align="corner", border="constant", sampling="8bit")
    manifest["networks"]["face"] = network("face", {"image": port}, {k: OUTPUTS[k] for k in ("points", "coefficients")})
    manifest["networks"]["face"]["outputs"]["coefficients"]["shape"] = [52]
    manifest["face"] = {k: v for k, v in face().items() if k != "landmark_filter"}
    manifest["face"]["coefficients"] = {"layout": "arkit52"}
    manifest["face"]["crop_from_landmarks"] = {"scale": [2.0, 1.7], "shift": -0.1}
    del made["main"][1]["geometry/canonical.f32"]

    def say(name: str, step: int) -> dict[str, Array]:
        if name == "detector":
            return actor.cells((4 + step % 2, 0.8))
        # In step 4 it drifts out of the frame, and is looked for anew.
        return actor.everything(9.0, move=(0, 900) if step == 4 else (0, 0)) | {"coefficients": actor.rng.random(52)}

    return Case(tall_frames.__doc__ or "", made, say, frames(7, 270, 480, 1500 * MS))


def pictures() -> Case:
    """Each frame is a picture of its own: no identities, no filters, detection every time."""
    actor = Actor(3)

    def say(name: str, step: int) -> dict[str, Array]:
        return actor.cells((step, 0.7)) if name == "detector" else actor.everything(2.0)

    return Case(pictures.__doc__ or "", bundles(), say, frames(4, 500, 300), {"tracking": False})


def looks() -> Case:
    """A face is found from further away, where small ones do not count, or turned; what no crop holds still is none;
    the crop lies on the middle of three points, and two regions tell of one coefficient."""
    actor = Actor(9)
    made = bundles()
    manifest = made["main"][0]
    made["finder"][0]["detect"]["looks"] = [2.0, 0.0, 1.0, 90.0]
    manifest["face"] |= {"refine": 3, "rest": 0.15}
    manifest["face"]["crop_from_landmarks"] = {**manifest["face"]["crop_from_landmarks"], "middle": [3, 4, 7]}
    visible = manifest["face"]["visibility"]
    visible["coefficients"] = {**visible["coefficients"], "brows": ["jawOpen", "browInnerUp"]}
    asked: dict[int, int] = {}

    def say(name: str, step: int) -> dict[str, Array]:
        if name == "detector":
            asked[step] = asked.get(step, 0) + 1
            # Step 0: the first look. 1: from further away. 2: turned. 3: small, from further away. 4: never at rest.
            seen = asked[step] == {0: 1, 1: 2, 2: 3, 3: 2, 4: 1}[step]
            said = actor.cells((5, 0.9)) if seen else actor.cells()
            stride = GRID[2]
            said[f"box_{stride}"] = np.full((12, 4), [0.1, 0.2, *([-1.5, -1.5] if step == 3 else [0.9, 0.8])])
            return said
        return actor.everything(4.0, 0.4 if step == 4 else 0.0, size=1.11) | {
            "visibility": np.array([4.0, -6.0, 5.0 if step % 2 else -5.0])
        }

    return Case(looks.__doc__ or "", made, say, frames(5, 600, 400), {"tracking": False})


def passers_by() -> Case:
    """More faces within a second than filters are kept; the first one comes back to its place with a filter anew."""
    actor = Actor(4)
    stride = GRID[2]
    made = bundles()
    manifest = made["main"][0]
    manifest["networks"]["face"] = network("face", {"image": image(CROP, CROP)}, {k: OUTPUTS[k] for k in (
        "points", "presence", "coefficients")})  # fmt: skip
    manifest["networks"]["face"]["outputs"]["coefficients"]["shape"] = [52]
    manifest["face"] = {
        **{k: v for k, v in face().items() if k not in ("refine", "landmark_filter")},
        "crop_from_detection": {"scale": [0.2, 0.2]},
        "coefficients": {"layout": "arkit52"},
        "coefficient_filter": {"min_cutoff": 0.5, "beta": 0.0},
    }
    del made["main"][1]["geometry/canonical.f32"]
    asked: list[int] = []

    def say(name: str, step: int) -> dict[str, Array]:
        place = step % 66
        if name == "detector":
            asked[:] = [step]
            said = actor.cells((place % 12, 0.9))
            said[f"box_{stride}"] = np.zeros((12, 4))
            said[f"box_{stride}"][place % 12] = [place // 12 * 0.15, 0.1, 0, 0]
            return said
        # Whom the step before followed is gone; whom the detector has just found is there.
        said = actor.everything(5.0 if asked == [step] else -5.0)
        return {**said, "points": PATTERN, "coefficients": np.full(52, (step % 5) / 5 + 0.1)}

    return Case(passers_by.__doc__ or "", made, say, frames(67, 640, 480, 10 * MS))


def several() -> Case:
    """Up to three faces from an SSD detector that finds faces twice; MediaPipe's coefficients, and pose from depth."""
    actor = Actor(5)
    count = len(PATTERN)
    networks = {
        "detector": network("detector", {"image": image(64, 64, align="corner")}, {
            "boxes": (1, 24, 8), "scores": (1, 24, 1),
        }),
        "face": network("face", {"image": image(CROP, CROP, align="corner")}, {
            "points": (1, count, 3), "presence": (1, 1),
        }),
        "blendshapes": network("blendshapes", {"points": {"shape": [1, 4, 2]}}, {"scores": (1, 52)}),
    }  # fmt: skip
    section = {
        "network": "detector", "decode": "ssd", "strides": [16, 32], "per_cell": [1, 2], "points": 2, "min_score": 0.6,
        "score_clip": 20.0, "nms": "weighted", "iou": 0.7,
    }  # fmt: skip
    described = face(
        coefficients={"network": "blendshapes", "landmarks": [0, 1, 5, 2], "layout": "mediapipe52"},
        pose={"kind": "depth", "canonical": "geometry/canonical.f32"},
        landmarks={"network": "face", "decode": "points", "count": count, "depth_unit": "image"},
    )
    manifest, blobs = whole("face", networks, detect=section, face=described)
    blobs["geometry/canonical.f32"] = CANONICAL.tobytes()

    def detections(step: int) -> dict[str, Array]:
        boxes, scores = np.zeros((24, 8)), np.full(24, -6.0)
        boxes[:, 4:] = [-3, -2, 3, -1.5]
        # Two of one face that are less than `iou` apart, so both are looked at; one below; one elsewhere.
        for slot, score, box in ((5, 4.0, (2, 1)), (6, 3.0, (-11.5, 1.5)), (0, 2.0, (1, 2)), (21, 1.5, (9, 3))):
            if slot != 21 or step >= 8:
                scores[slot], boxes[slot, :4] = score, (*box, 13, 12)
        return {"boxes": boxes, "scores": scores}

    def say(name: str, step: int) -> dict[str, Array]:
        if name == "detector":
            return detections(step)
        if name == "blendshapes":
            return {"scores": actor.rng.uniform(-0.1, 1.1, 52)}
        flat = actor.points(0.05 * step)
        depth = CANONICAL[:, 2:3] * -1.5 + actor.rng.normal(0, 0.1, (count, 1))
        lost = step == 12 and actor.rng.random() < 0.5
        return {"points": np.concatenate([flat, depth], axis=1), "presence": np.array(-4.0 if lost else 4.0)}

    return Case(several.__doc__ or "", {"main": (manifest, blobs)}, say, frames(20, 512, 300), {"max_faces": 3})


def heat_maps() -> Case:
    """Landmarks from heat maps, as OpenSeeFace gives them; the head's pose comes from points alone; no detector."""
    actor = Actor(6)
    count, side = len(PATTERN), 8
    networks = {"face": network("face", {"image": image(CROP, CROP)}, {"maps": (1, 3 * count, side, side)})}
    described = {
        "crop_from_landmarks": {"scale": [1.6, 1.6], "square": True, "upright": [0, 1], "hull": "upright"},
        "refine": 1,
        "landmarks": {"network": "face", "decode": "heatmap", "count": count, "slope": 16.0, "min_presence": 0.3},
        "pose": {"kind": "points", "canonical": "geometry/canonical.f32", "fov_y_degrees": 48.0},
    }
    manifest, blobs = whole("face", networks, face=described)
    blobs["geometry/canonical.f32"] = CANONICAL.tobytes()

    def say(name: str, step: int) -> dict[str, Array]:
        maps = actor.rng.uniform(0.3, 0.7, (1, 3 * count, side, side)) * [[[[0.2]]]]
        maps[:, count:] += 0.4
        cells = np.clip(actor.points(0.1 * step) / CROP * side, 0, side - 1).astype(int)
        maps[0, np.arange(count), cells[:, 1], cells[:, 0]] = 0.25 if step == 2 else 0.9
        return {"maps": maps}

    return Case(heat_maps.__doc__ or "", {"main": (manifest, blobs)}, say, frames(4, 300, 200))


def expressions() -> Case:
    """All that a network says of an expression, beside a neutral embedding; two faces; a repeated frame."""
    actor = Actor(7)
    sizes = {"aus": 3, "emotion": 2, "affect": 2, "embedding": 4, "raw_embedding": 4, "unknown": 1}
    outputs = {**OUTPUTS, **{name: (1, size) for name, size in sizes.items()}, "attention": (1, 3, 3)}
    made = bundles()
    manifest = made["main"][0]
    inputs = {"image": image(CROP, CROP), "neutral": {"shape": [1, 4]}}
    manifest |= {"name": "expression", "task": "expression"}
    manifest["networks"]["face"] = network("face", inputs, outputs)
    manifest["expression"] = {"aus": ["AU01", "AU12", "AU26"], "emotions": ["neutral", "happy"]}

    def say(name: str, step: int) -> dict[str, Array]:
        if name == "detector":
            return actor.cells((4, 0.9), (7, 0.8))
        more = {name: actor.rng.normal(0.3, 0.8, size) for name, size in sizes.items()}
        return {**actor.everything(3.0), **more, "attention": actor.rng.random((3, 3))}

    steps = frames(4, 400, 320)
    steps[2]["stale"] = True
    options = {"max_faces": 2, "neutral": [0.5, -0.5, 0.25, 0.0]}
    return Case(expressions.__doc__ or "", made, say, steps, options)


def detections() -> Case:
    """The detector alone, with identities."""
    actor = Actor(8)

    def say(name: str, step: int) -> dict[str, Array]:
        # Boxes of neighbouring cells that overlap, in an order that changes.
        return actor.cells((5, 0.9 - 0.1 * step), (7, 0.45 + 0.1 * step))

    return Case(detections.__doc__ or "", {"main": grid_detector()}, say, frames(5, 320, 200), {"max_faces": 4})


def sensors(seconds: float, seed: int, step: float = 1e7) -> dict[str, Any]:
    """Rows of three sensors, at rest for two seconds, then moving."""
    rng = np.random.default_rng(seed)
    count = round(seconds * 100)
    acc, gyro = rng.normal(0, 0.02, (count, 3, 3)), rng.normal(0, 0.002, (count, 3, 3))
    acc[:, :, 1] += 9.81
    moving = np.clip((np.arange(count) - 215) / 10, 0, 1)[:, None]
    gyro[:, 1] += moving * np.sin(np.arange(count) / 9)[:, None]
    t_ns = np.arange(count) * step + rng.uniform(-0.1, 0.1, count) * step
    return {"t_ns": t_ns.astype(np.int64), "acc": np.round(acc, 3), "gyro": np.round(gyro, 4)}


def windows(rows: Mapping[str, Array], size: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows cut into steps."""
    return [
        {
            "t_ns": [start + int(t) for t in rows["t_ns"][k : k + size]],
            **{name: [float(v) for v in rows[name][k : k + size].reshape(-1)] for name in ("acc", "gyro")},
        }
        for k in range(0, len(rows["t_ns"]), size)
    ]


def skin_bundle() -> Bundles:
    """Three sensors."""
    inputs = {"features": {"shape": [1, 32]}, "state": {"shape": [1, 3]}}
    networks = {"skin": network("skin", inputs, {"coefficients": (1, 3), "confidence": (1, 2), "next_state": (1, 3)})}
    places = [[0.0, 0.09, -0.02], [0.03, -0.02, 0.09], [-0.02, -0.05, 0.08]]
    section = {
        "network": "skin",
        "rate": 100,
        "sensors": [
            {"name": name, "place": place, "rotation": [0, 0, 0, 1]}
            for name, place in zip(("head", "cheek", "chin"), places, strict=True)
        ],
        "layouts": {"two": ["cheek", "chin"]},
        "coefficients": ["jawOpen", "mouthSmileLeft", "browInnerUp"],
        "regions": {"mouth": ["jawOpen", "mouthSmileLeft"], "brows": ["browInnerUp"]},
        "min_confidence": 0.5,
        "coefficient_filter": {"min_cutoff": 2.0, "beta": 1.0},
    }
    return {"main": whole("imu", networks, imu=section)}


def skin() -> Case:
    """Sensors on the skin: still, then moving; a gap of 9.9 s goes on, one of 11 s is another clock."""
    actor = Actor(9)

    def say(name: str, step: int) -> dict[str, Array]:
        rng = actor.rng
        return {
            "coefficients": rng.uniform(-0.2, 1.2, 3),
            "confidence": rng.uniform(0.2, 1.1, 2),
            "next_state": rng.normal(0, 1, 3),
        }

    steps = windows(sensors(2.6, 10), 10)
    late = windows(sensors(0.1, 11), 5, steps[-1]["t_ns"][-1] + 9900 * MS)
    later = windows(sensors(0.05, 12), 5, late[-1]["t_ns"][-1] + 11_000 * MS)
    return Case(skin.__doc__ or "", skin_bundle(), say, [*steps, *late, *later])


def microseconds() -> Case:
    """Sensors whose times are microseconds, or come too slowly: refused once sixteen spacings tell."""
    fast, slow = windows(sensors(0.3, 13, step=1e4), 9), windows(sensors(0.3, 14, step=6e7), 9, 10**9)
    return Case(microseconds.__doc__ or "", skin_bundle(), lambda name, step: {}, [*fast, *slow])


CASES: dict[str, Callable[[], Case]] = {
    make.__name__: make
    for make in (
        one_face, tall_frames, pictures, looks, passers_by, several, heat_maps, expressions, detections, skin,
        microseconds,
    )
}  # fmt: skip

# Of `bundles()`: where in the main manifest, what is put there, and what the refusal says.
REFUSALS: list[tuple[list[str | int], Any, str]] = [
    (["detect", "bundle"], "dét-ect", "not the name of a bundle"),
    (["detect", "bundle"], "../finder", "not the name of a bundle"),
    (["detect", "bundle"], "", "not the name of a bundle"),
    (["face", "landmark_filter", "min_cutoff"], 1.1e6, "manifest.face.landmark_filter.min_cutoff"),
    (["face", "landmark_filter", "min_cutoff"], 0, "manifest.face.landmark_filter.min_cutoff"),
    (["face", "landmark_filter", "beta"], 1.1e6, "manifest.face.landmark_filter.beta"),
    (["face", "landmark_filter", "derivative_cutoff"], 1.1e6, "manifest.face.landmark_filter.derivative_cutoff"),
    (["face", "coefficient_filter", "min_cutoff"], 1.1e6, "manifest.face.coefficient_filter"),
    (["face", "coefficient_filter", "beta"], -1, "manifest.face.coefficient_filter"),
    (["face", "coefficient_filter", "groups", "eye"], [1e7, 1.0], "manifest.face.coefficient_filter"),
    (["face", "coefficient_filter", "unknown"], 1, "manifest.face.coefficient_filter.unknown"),
    (["face", "landmarks", "count"], 3, "manifest.face.landmarks.count"),
    (["face", "landmarks", "count"], 11, "points"),
    (["face", "landmarks", "decode"], "lines", "manifest.face.landmarks.decode"),
    (["face", "landmarks", "min_presence"], 1.5, "manifest.face.landmarks.min_presence"),
    (["face", "crop_from_landmarks", "slack"], 0.3, "manifest.face.crop_from_landmarks.slack"),
    (["face", "crop_from_landmarks", "upright"], [0, 10], "manifest.face.crop_from_landmarks.upright"),
    (["face", "crop_from_detection", "upright"], [0, 2], "manifest.face.crop_from_detection.upright"),
    (["face", "refine"], 9, "manifest.face.refine"),
    (["face", "coefficients", "extras"], ["jawOpen", "tongueUp"], "manifest.face.coefficients.extras"),
    (["face", "visibility", "coefficients", "mouth"], ["noseOpen"], "manifest.face.visibility.coefficients"),
    (["face", "gaze", "eyes"], [0, 10], "manifest.face.gaze.eyes"),
    (["face", "pose", "canonical"], "nobody", "manifest.face.pose.canonical"),
    (["face", "pose", "canonical"], "../canonical_ibug66", "manifest.face.pose.canonical"),
    (["face", "pose", "fov_y_degrees"], 180, "manifest.face.pose.fov_y_degrees"),
    (["face", "misspelt"], 1, "manifest.face.misspelt"),
]
assert len(ARKIT52) + len(EXTRAS) == 54
