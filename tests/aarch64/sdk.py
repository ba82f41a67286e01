"""What the SDK sees in frames of the shipped film, on this processor or an emulated one; see run.sh.

    sdk.py film FILM.npy                        writes the frames
    sdk.py see FILM.npy SEEN.npz [BUNDLE ...]   runs the shipped bundles, and these, on every engine that is here

SEEN.npz: "PART BUNDLE ENGINE PRECISION WHAT" -> array, a row for each frame; and `about`, the machine as JSON. PART is
`network`: every network of the bundle on the same piece of each frame, sampled by the core; or `film`: the whole SDK,
which looks for a face where it was in the frame before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import mien
import numpy as np
from mien import registry
from mien.backends.base import Session
from mien.backends.select import Terms, load
from mien.bench import cases
from mien.bundle import Bundle
from mien.locate import film, locate, shipped
from mien.machine import describe
from mien.profiler import Profiler
from mien.sources.select import open_source
from mien.tasks._network import Runner
from mien.tracking import Region

FRAMES, STRIDE = 12, 12  # spread over the film
WINDOWS = 300  # of sensors' samples, from the simulator's beginning
STEP_NS = 33_333_333
Seen = Iterator[tuple[str, np.ndarray]]


def write_film(path: Path) -> None:
    """Frames of the shipped film, uint8 (n, H, W, 3) RGB."""
    shown = [frame.to_rgb() for frame, _ in mien.open("detect").stream_all(str(film()))]
    np.save(path, np.stack(shown[::STRIDE][:FRAMES]))


def networks(frames: list[mien.Frame], model: str, engine: str, precision: str) -> Seen:
    """The outputs of each network for a square around the middle of each frame, a little turned."""
    with Bundle.open(locate(model)) as bundle:
        for network in bundle.manifest.networks.values():
            terms = Terms(f"{engine}:CPU", precision=precision)
            runner = Runner(load(bundle, network, terms))
            rows: dict[str, list[np.ndarray]] = {name: [] for name in network.outputs}
            for frame in frames:
                for name, port in network.inputs.items():
                    if port.image is None:
                        runner.buffer(name)[...] = 0.25
                        continue
                    height, width = port.shape[2:] if port.image.layout == "nchw" else port.shape[1:3]
                    side = 0.7 * frame.height
                    region = Region(0.49 * frame.width, 0.47 * frame.height, side * width / height, side, 0.05)
                    runner.prepare(name, frame.image, region.affine(width, height, port.image.align))
                for name, values in runner.run(Profiler()).items():
                    rows[name].append(np.array(values))
            yield from ((name, np.stack(values)) for name, values in rows.items())


def whole(frames: list[mien.Frame], model: str, engine: str, precision: str) -> Seen:
    """What a user gets; that a face is found in every frame is part of it.

    A bundle of sensors gets what its simulator sends; one that moves portraits moves the first frame under the others.
    """
    with mien.open(model, device=f"{engine}:CPU", precision=precision, threads=1) as pipeline:
        if pipeline.takes is mien.ImuWindow:
            with closing(open_source(pipeline.example)) as source:
                windows = islice(iter(source.read, None), WINDOWS)
                yield "coefficients", np.array([pipeline.process(window).raw for window in windows])
            return
        states = [pipeline.process(frame) for frame in frames]
        if pipeline.bundle.manifest.task == "reenact":
            portrait = mien.Portrait(pipeline, frames[0])
            yield "mask", np.array([portrait.show(state).mask for state in states])
    assert all(state.found for state in states), f"{model} on {engine} {precision} lost the face"
    first = states[0]
    yield "box", np.array([state.box for state in states])
    if first.valid.any():
        yield "coefficients", np.array([state.raw for state in states])
    for what in ("landmarks", "gaze", "embedding"):
        if getattr(first, what) is not None:
            yield what, np.array([getattr(state, what) for state in states])
    for what in ("aus", "emotion"):
        if getattr(first, what) is not None:
            yield what, np.array([list(getattr(state, what).values()) for state in states])
    if first.head is not None:
        yield "rotation", np.array([state.head.rotation for state in states])


def see(path: Path, out: Path, bundles: list[str]) -> None:
    """Runs everything over the frames."""
    frames = [mien.Frame.of(picture, t_ns=(k + 1) * STEP_NS) for k, picture in enumerate(np.load(path))]
    here = {engine.engine for engine in registry.every("backends", Session) if engine.version()}
    seen = {"about": np.array(json.dumps(describe()))}
    for model in [*shipped(), *bundles]:
        for engine, precision in cases(model):
            if engine not in here or precision == "fp16":  # half is for GPUs
                continue
            title = f"{Path(model).stem}{'' if model in shipped() else '-all'} {engine} {precision}"
            for part, look in (("network", networks), ("film", whole)):
                for what, values in look(frames, model, engine, precision):
                    seen[f"{part} {title} {what}"] = np.asarray(values, np.float64)
            print(f"   {title}", flush=True)
    np.savez(out, **seen)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    if verb == "film":
        write_film(Path(arguments[0]))
    else:
        see(Path(arguments[0]), Path(arguments[1]), arguments[2:])
