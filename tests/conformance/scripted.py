"""Runs a case of the corpus in Python: a pipeline whose networks give what the case's script says.

A case is a folder of `corpus`: bundles whose blobs are no networks, and `case.json`, the script: frames (or rows of
sensor samples), for each the networks that are run, in order, with a few values of what they are given and all that
they give, and the states that come of it. native/tests/conformance_test.cpp reads the same files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mien import registry
from mien.backends.running import Running
from mien.backends.select import Terms
from mien.bundle import Bundle
from mien.errors import MienError
from mien.locate import beside
from mien.manifest import Network, Port
from mien.pipeline import Pipeline
from mien.tasks._loader import Loader
from mien.tasks.base import Task
from mien.types import FaceState, Frame, ImuWindow

CORPUS = Path(__file__).parent / "corpus"

Array = npt.NDArray[Any]
Answer = Callable[[Network, Mapping[str, Array]], dict[str, npt.NDArray[np.float32]]]


def gradient(width: int, height: int) -> npt.NDArray[np.uint8]:
    """The picture of all cases, RGB: red grows to the right, green downwards, blue along the diagonal."""
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    planes = np.broadcast_arrays(x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 255 // (width + height - 2))
    return np.stack(planes, axis=-1).astype(np.uint8)


def samples(port: Port, values: Array) -> list[float]:
    """The values of an input that a case keeps: of a picture its corners and its middle, otherwise the first four."""
    if port.image is None:
        return [float(v) for v in values.reshape(-1)[:4]]
    planes = values[0] if port.image.layout == "nchw" else np.moveaxis(values[0], -1, 0)
    rows, columns = planes.shape[1:]
    at = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)]
    return [float(planes[channel, y, x]) for y, x in at for channel in range(len(planes))]


class _Scripted(Running):
    """A network that gives what `answer` says."""

    def __init__(self, network: Network, answer: Answer) -> None:
        self.network, self._answer = network, answer

    def run(self, feeds: Mapping[str, Array]) -> dict[str, npt.NDArray[np.float32]]:
        return self._answer(self.network, feeds)


class _Loader(Loader):
    """Loads nothing."""

    def __init__(self, bundle: Bundle, answer: Answer) -> None:
        super().__init__(bundle, Terms("auto", 1, True))
        self._answer = answer

    def __call__(self, name: str) -> Running:
        return _Scripted(self.bundle.manifest.networks[name], self._answer)

    def other(self, name: str) -> Loader:
        loader = _Loader(Bundle.open(beside(self.bundle.path, name)), self._answer)
        self._others.append(loader)
        return loader


def opened(folder: Path, options: Mapping[str, Any], answer: Answer) -> Pipeline:
    """The pipeline of a case's `main.mien`, whose networks give what `answer` says. Raises BundleError."""
    bundle = Bundle.open(folder / "main.mien")
    load = _Loader(bundle, answer)
    tracking = options.get("tracking", True)
    kind = registry.find("tasks", bundle.manifest.task, Task)
    task = kind(bundle, load, max_faces=options.get("max_faces", 1), tracking=tracking)
    load.done()
    neutral = np.float32(options["neutral"]) if "neutral" in options else None
    return Pipeline(load, task, task.filters if tracking else (), tracking, neutral)


def stepped(pipeline: Pipeline, step: Mapping[str, Any], single: bool) -> dict[str, Any]:
    """What becomes of one frame or window: its states, or the code of its error."""
    given: Frame | ImuWindow
    if "acc" in step:
        shape = (len(step["t_ns"]), -1, 3)
        acc, gyro = (np.array(step[name], np.float32).reshape(shape) for name in ("acc", "gyro"))
        names = tuple(row["name"] for row in pipeline.bundle.manifest.root.fields["imu"]["sensors"])
        given = ImuWindow(np.array(step["t_ns"], np.int64), acc, gyro, names)
    else:
        picture = gradient(step["width"], step["height"])
        given = Frame.of(picture, t_ns=step["t_ns"], stale=step.get("stale", False))
    try:
        states = [pipeline.process(given)] if single else pipeline.process_all(given)
    except MienError as error:
        return {"error": error.code}
    return {"states": [_plain(state) for state in states if state.found]}


def _plain(state: FaceState) -> dict[str, Any]:
    """A state as the corpus has it; what was not measured is left out, what is not valid is null."""
    extras = list((state.extras or {}).values())
    raw = [float(v) if v == v else None for v in [*state.raw.tolist(), *extras]]
    valid = [*state.valid.tolist(), *(v == v for v in extras)]
    values = [v if ok else None for v, ok in zip([*state.values.tolist(), *extras], valid, strict=True)]
    out: dict[str, Any] = {"id": state.id, "t_ns": state.t_ns, "presence": float(state.confidence)}
    if state.valid.any() or state.extras:
        out |= {"raw": raw, "valid": valid, "values": values}
    if state.stale:
        out["stale"] = True
    if state.head is not None:
        out |= {"rotation": list(state.head.rotation), "translation": list(state.head.translation)}
        out["residual"] = state.head.residual
    if state.visibility is not None:
        out["visibility"] = list(state.visibility.values())
    for name in ("aus", "emotion"):
        if (table := getattr(state, name)) is not None:
            out[name] = list(table.values())
    for name in ("box", "landmarks", "gaze", "eyes", "valence", "arousal", "unknown"):
        if (value := getattr(state, name)) is not None:
            out[name] = np.array(value, np.float64).reshape(-1).tolist()
    for name in ("embedding", "raw_embedding", "attention"):
        if (value := getattr(state, name)) is not None:
            out[name] = value.reshape(-1).tolist()
    return out


def replayed(folder: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What the case says of each step, and what Python makes of it.

    Raises:
        AssertionError: a network is run that the case does not name, or is given something else than it says.
    """
    case = json.loads((folder / "case.json").read_text("utf-8"))
    waiting: list[dict[str, Any]] = []

    def answer(network: Network, feeds: Mapping[str, Array]) -> dict[str, npt.NDArray[np.float32]]:
        assert waiting, f"nobody expected that {network.name} is run"
        run = waiting.pop(0)
        assert network.name == run["network"]
        for name, expected in run["inputs"].items():
            given = samples(network.inputs[name], feeds[name])
            np.testing.assert_allclose(given, expected, rtol=0, atol=1e-4, err_msg=f"{network.name}.{name}")
        return {name: np.float32(run["outputs"][name]).reshape(p.shape) for name, p in network.outputs.items()}

    told = []
    with opened(folder, case["options"], answer) as pipeline:
        for step in case["steps"]:
            waiting[:] = step["runs"]
            said = stepped(pipeline, step, case["options"].get("max_faces", 1) == 1)
            assert not waiting, f"{waiting[0]['network']} was not run"
            told.append((step, said))
    return told
