"""Part `temporal`: how still a still face is, and how late a moving one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mien
import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52
from mien.types import Frame

from training.evaluation import metrics, plots
from training.evaluation.part import Asked, Context, Part
from training.evaluation.studio import stills
from training.paths import asset
from training.performer.coefficients import slots, vector

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

_FPS = 60
_NOISE = 6.0  # standard deviation of every channel of every pixel
_SETTLE = 12  # frames before the measurement begins, in which the filters find their level
_BEFORE, _AFTER = 30, 40  # frames of a step
STEPS = ("jawOpen", "mouthSmile", "eyeBlink")


def run(context: Context) -> Part:
    """Part `temporal`."""
    names = tuple(dict.fromkeys((*STEPS, *ARKIT52.names)))
    rest, *moved = stills(context, np.stack([vector({}), *(vector({name: 1.0}) for name in names)]))
    source = mien.Images(str(asset("data", "faces_public_domain", "astronaut_nasa.png")))
    portrait = source.read()
    assert portrait is not None
    quiet = {
        name: stillness(context, picture) for name, picture in {"render": rest, "portrait": portrait.to_rgb()}.items()
    }
    taken = {name: step(context, rest, picture, name) for name, picture in zip(names, moved, strict=True)}
    each = all_steps({name: taken[name] for name in ARKIT52.names})
    steps = {name: taken[name] for name in STEPS}
    curves = {name: {"raw": row.pop("raw"), "filtered": row.pop("filtered")} for name, row in steps.items()}
    plots.traces(context.out / "steps.png", curves, f"frames at {_FPS} per second")
    asked = [
        Asked(f"temporal: mean std of a still {name} with noise", row["filtered_mean"], 0.0010)
        for name, row in quiet.items()
    ]
    asked += [
        Asked(f"temporal: lag that the filter adds to {name}, frames", row["added_frames"], 1.5)
        for name, row in steps.items()
    ]
    asked.append(
        Asked("temporal: the same, median of the coefficients that move, frames", each["median_added_frames"], 1.5)
    )
    return Part({"noise": _NOISE, "fps": _FPS, "still": quiet, "step": steps, "each": each}, asked)


def all_steps(steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What `step` says of each coefficient alone: medians and means over those that move, and each."""
    moving = {name: row for name, row in steps.items() if np.isfinite(row["added_frames"])}
    return {
        "moving": len(moving),
        "median_added_frames": float(np.median([row["added_frames"] for row in moving.values()] or [np.nan])),
        "mean_missing": float(np.mean([row["missing"] for row in moving.values()] or [np.nan])),
        "added_frames": {name: row["added_frames"] for name, row in moving.items()},
        "missing": {name: row["missing"] for name, row in moving.items()},
    }


def stillness(context: Context, picture: U8) -> dict[str, Any]:
    """Standard deviation of each coefficient over frames of one picture with fresh noise, raw and filtered."""
    rng = np.random.default_rng(context.seed)
    frames = (
        np.clip(picture + rng.normal(0, _NOISE, picture.shape), 0, 255).round().astype(np.uint8)
        for _ in range(_SETTLE + context.frames)
    )
    raw, filtered, found = _follow(context, frames)
    if found[_SETTLE:].mean() < 1:
        return {"found": found.mean(), "raw_mean": np.nan, "filtered_mean": np.nan}
    spread = {"raw": raw[_SETTLE:].std(0), "filtered": filtered[_SETTLE:].std(0)}
    worst = int(spread["filtered"].argmax())
    return {
        "found": 1.0,
        "raw_mean": spread["raw"].mean(),
        "filtered_mean": spread["filtered"].mean(),
        "worst": ARKIT52.names[worst],
        "worst_filtered": spread["filtered"][worst],
        "raw_each": spread["raw"],
        "filtered_each": spread["filtered"],
    }


def step(context: Context, rest: U8, moved: U8, name: str) -> dict[str, Any]:
    """A face that changes from rest to a full coefficient (a pair: both sides) from one frame to the next.

    The added lag is the time between raw and filtered crossing half of the step, in frames; NaN where the step is not
    seen at all. missing: the share of the raw step that the filter has not made after all of the frames.
    """
    raw, filtered, found = _follow(context, [rest] * _BEFORE + [moved] * _AFTER)
    columns = list(slots(name))
    curves = {"raw": raw[:, columns].mean(1), "filtered": filtered[:, columns].mean(1)}
    late = [metrics.crossing(curve, _BEFORE) for curve in curves.values()]
    made = {key: float(curve[-1] - curve[:_BEFORE].mean()) for key, curve in curves.items()}
    return {
        **curves,
        "found": found.mean(),
        "added_frames": late[1] - late[0],
        "missing": 1 - made["filtered"] / made["raw"] if np.isfinite(late[0]) else np.nan,
        "raw_frames": late[0] - (_BEFORE - 1),
        "overshoot": curves["filtered"].max() - curves["filtered"][-1],
    }


def _follow(context: Context, pictures: Any) -> tuple[F32, F32, npt.NDArray[np.bool_]]:
    """Raw and filtered coefficients (T, 52) of frames at 60 per second through the bundle's own pipeline, and found."""
    with mien.open(context.bundle) as pipeline:
        states = [
            pipeline.process(Frame.of(picture, t_ns=k * 1_000_000_000 // _FPS)) for k, picture in enumerate(pictures)
        ]
    raw, filtered = (np.stack([getattr(state, name) for state in states]) for name in ("raw", "values"))
    return raw, filtered, np.array([state.found for state in states])
