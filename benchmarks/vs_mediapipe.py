"""Our video mode against MediaPipe 1.2.2's: same 640x480 frames, same pinned core, interleaved.

Three of ours: MediaPipe's own weights imported, and the default bundles `face` and `expression`. MediaPipe runs in a
virtual environment of its own (made here on first use, or given with --peer-python). Only one of them works at any
moment; they take turns every few frames, in alternating order. Both get frames already in their
own wrapper, so that only detection to coefficients and pose is timed. Jitter: one frame with fresh pixel noise
(sigma 6) each time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import cv2
import mien
import numpy as np
import numpy.typing as npt
from mien.importers.select import import_model

from benchmarks._report import ROOT, SHARED, TASK, keep, pin, verdict

SEED = 7
CLIP = SHARED / "faces_intel_ccby/head-pose-face-detection-male.gif"
TURN = 10
NOISE_SIGMA = 6.0
LIMITS = {"imported": 0.85, "face": 0.35, "expression": 0.5}  # of MediaPipe's p50
PEER = "mediapipe==1.2.2"


def main() -> None:
    """Runs the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="Python of an environment with mediapipe")
    parser.add_argument("--rounds", type=int, default=40, help=f"turns of {TURN} frames each")
    arguments = parser.parse_args()
    if not TASK.is_file():
        sys.exit("needs the shared data beside the repository (../shared/data)")
    python = arguments.peer_python or _peer_environment()
    work = ROOT / "out" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    core = pin()
    moving = _frames()
    still = _noisy(moving[10], 100)
    np.save(work / "frames.npy", np.concatenate([moving, still]))
    bundles: dict[str, str | Path] = {"imported": import_model(TASK, work / "mediapipe.mien")}
    bundles |= {name: name for name in LIMITS if name != "imported"}
    stack = np.concatenate([moving, still])
    with _Peer(python, work / "frames.npy") as peer:
        sides: dict[str, _Side] = {name: _Ours(bundle, stack) for name, bundle in bundles.items()}
        sides["mediapipe"] = peer
        figures = _race(sides, len(moving), arguments.rounds)
        figures["jitter"] = _jitter(sides, len(moving), len(still))
    theirs = figures["mediapipe"]
    for name in sides:
        row, still_std = figures[name], figures["jitter"][name]
        nets = f"  networks p50 {row['nets_p50_ms']:.3f} ms" if "nets_p50_ms" in row else ""
        p99 = f"{row['p99_ms']:.3f} ms ({row['p99_ms'] / theirs['p99_ms']:.3f} x)"
        std = f"mean {still_std['mean_std']:.5f}, worst {still_std['worst_std']:.5f} ({still_std['worst']})"
        print(f"{name:<10} p50 {row['p50_ms']:.3f} ms  p99 {p99}  static-frame coefficient std: {std}{nets}")
    figures["asked"] = [
        verdict(f"p50 ratio, {what} / MediaPipe VIDEO", figures[name]["p50_ms"] / theirs["p50_ms"], LIMITS[name])
        for name, what in (("imported", "its weights in mien"), ("face", "face"), ("expression", "face and expression"))
    ]
    print("kept", keep("vs_mediapipe", {**figures, "core": core, "peer": PEER}, SEED).relative_to(ROOT))


def _peer_environment() -> str:
    folder = ROOT / ".venv-peers"
    python = folder / "bin" / "python"
    if not python.is_file():
        print(f"making {folder.name} with {PEER} (once)")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", PEER], check=True)
    return str(python)


def _frames() -> npt.NDArray[np.uint8]:
    """The clip, its middle cut out and scaled to 640x480 RGB."""
    pictures = []
    with_clip = mien.Video(str(CLIP))
    while (frame := with_clip.read()) is not None:
        rgb = frame.to_rgb()
        height, width = rgb.shape[:2]
        left = (width - height * 4 // 3) // 2
        middle = rgb[:, left : left + height * 4 // 3]
        pictures.append(cv2.resize(middle, (640, 480), interpolation=cv2.INTER_CUBIC))
    return np.stack(pictures)


def _noisy(picture: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(SEED).normal(0, NOISE_SIGMA, (count, *picture.shape))
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


class _Side(Protocol):
    """One of those who take turns."""

    def run(self, indices: list[int]) -> tuple[list[int], list[Any]]:
        """Nanoseconds and coefficients (None: no face) of these frames."""


class _Peer:
    """The other process."""

    def __init__(self, python: str, frames: Path) -> None:
        script = Path(__file__).with_name("_mediapipe_peer.py")
        self._process = subprocess.Popen(
            [python, str(script), str(TASK), str(frames)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._t_ms = 0
        while self._read() != "ready":
            pass

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("the MediaPipe process ended")
        return line.strip()

    def run(self, indices: list[int]) -> tuple[list[int], list[Any]]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"frames": indices, "t_ms": self._t_ms}) + "\n")
        self._process.stdin.flush()
        self._t_ms += 33 * len(indices)
        answer = json.loads(self._read())
        return answer["ns"], answer["scores"]

    def __enter__(self) -> _Peer:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait()


class _Ours:
    """mien on the same frames."""

    def __init__(self, bundle: str | Path, stack: npt.NDArray[np.uint8]) -> None:
        self._pipeline = mien.open(bundle, threads=1)
        self._stack = stack
        self._t_ns = 0
        self.nets: list[int] = []
        self.names: list[str] = []

    def run(self, indices: list[int]) -> tuple[list[int], list[Any]]:
        spent, scores = [], []
        for index in indices:
            frame = mien.Frame.of(self._stack[index], t_ns=self._t_ns)
            self._t_ns += 33_000_000
            before = self._pipeline.total_ns("run")
            start = time.perf_counter_ns()
            state = self._pipeline.process(frame)
            spent.append(time.perf_counter_ns() - start)
            self.nets.append(self._pipeline.total_ns("run") - before)
            scores.append(state.values.tolist() if state.found else None)
            self.names = list(state.layout.names)
        return spent, scores


def _race(sides: dict[str, _Side], frames: int, rounds: int) -> dict[str, Any]:
    order = np.arange(frames)
    there_and_back = np.concatenate([order, order[::-1]])  # no jump where the clip starts again
    times: dict[str, list[int]] = {name: [] for name in sides}
    for round_ in range(-2, rounds):
        indices = there_and_back[np.arange(round_ * TURN, (round_ + 1) * TURN) % len(there_and_back)].tolist()
        for name, side in list(sides.items())[:: 1 if round_ % 2 else -1]:
            spent, scores = side.run(indices)
            if None in scores:
                sys.exit(f"{name} lost the face in frames {indices}")
            if round_ >= 0:
                times[name] += spent
    result: dict[str, Any] = {}
    for name, spent in times.items():
        p50, p99 = np.percentile(np.array(spent) / 1e6, [50, 99])
        result[name] = {"p50_ms": float(p50), "p99_ms": float(p99), "frames": len(spent)}
        side = sides[name]
        if isinstance(side, _Ours):
            result[name]["nets_p50_ms"] = float(np.median(side.nets[-len(spent) :]) / 1e6)
    return result


def _jitter(sides: dict[str, _Side], first: int, count: int) -> dict[str, Any]:
    result = {}
    for name, side in sides.items():
        _, scores = side.run(list(range(first, first + count)))
        std = np.array(scores[count // 4 :]).std(axis=0)  # the filters settle first
        if isinstance(side, _Ours):
            names = side.names
        else:
            names, std = list(mien.layout("mediapipe52").names)[1:], std[1:]  # _neutral is no coefficient
        worst = int(np.argmax(std))
        result[name] = {"mean_std": float(std.mean()), "worst_std": float(std[worst]), "worst": names[worst]}
    return result


if __name__ == "__main__":
    main()
