"""What the SDK sees in frames of the shipped film, on this processor or an emulated one; see run.sh.

    sdk.py film FILM.npy                        writes the frames
    sdk.py see FILM.npy SEEN.npz [BUNDLE ...]   runs the shipped bundles, and these, on every engine that is here

SEEN.npz: "BUNDLE ENGINE PRECISION WHAT" -> array, a row for each frame; and `about`, the machine as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mien
import numpy as np
from mien import registry
from mien.backends.base import Session
from mien.bench import cases
from mien.locate import film, shipped
from mien.machine import describe

FRAMES, STRIDE = 12, 12  # spread over the film
STEP_NS = 33_333_333


def write_film(path: Path) -> None:
    """Frames of the shipped film, uint8 (n, H, W, 3) RGB."""
    shown = [frame.to_rgb() for frame, _ in mien.open("detect").stream_all(str(film()))]
    np.save(path, np.stack(shown[::STRIDE][:FRAMES]))


def see(frames: Path, out: Path, bundles: list[str]) -> None:
    """Runs everything over the frames; a bundle that finds no face anywhere is an error."""
    pictures = np.load(frames)
    here = {engine.engine for engine in registry.every("backends", Session) if engine.version()}
    seen: dict[str, np.ndarray] = {"about": np.array(json.dumps(describe()))}
    for model in [*shipped(), *bundles]:
        for engine, precision in cases(model):
            if engine not in here:
                continue
            with mien.open(model, device=f"{engine}:CPU", precision=precision, threads=1) as pipeline:
                states = [
                    pipeline.process(mien.Frame.of(picture, t_ns=(k + 1) * STEP_NS))
                    for k, picture in enumerate(pictures)
                ]
            assert all(state.found for state in states), f"{model} on {engine} {precision} lost the face"
            values = {"landmarks": [state.landmarks for state in states], "box": [state.box for state in states]}
            if states[0].valid.any():
                values["coefficients"] = [state.raw for state in states]
            for what in ("embedding", "gaze"):
                if getattr(states[0], what) is not None:
                    values[what] = [getattr(state, what) for state in states]
            for what in ("aus", "emotion"):
                if getattr(states[0], what) is not None:
                    values[what] = [list(getattr(state, what).values()) for state in states]
            if states[0].head is not None:
                values["rotation"] = [state.head.rotation for state in states]
            for what, rows in values.items():
                if rows[0] is not None:
                    seen[f"{Path(model).stem} {engine} {precision} {what}"] = np.array(rows, np.float64)
            print(f"   {Path(model).stem} {engine} {precision}", flush=True)
    np.savez(out, **seen)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    if verb == "film":
        write_film(Path(arguments[0]))
    else:
        see(Path(arguments[0]), Path(arguments[1]), arguments[2:])
