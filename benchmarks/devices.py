"""Engines and devices: agreement between engines, refusals, starts with and without the cache, many streams at once.

Not pinned: four streams share the machine's cores, as they would in a host.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

import mien
import numpy as np
import psutil
from mien.bench import cases
from mien.locate import film, shipped

from benchmarks._report import ROOT, keep, verdict

SAME, REFUSED_MS = 1e-3, 200.0
STREAMS, RATE, SECONDS = 4, 30, 15
_STARTS = 7

_REFUSE = """
import sys, time
import mien
start = time.perf_counter()
try:
    mien.open("face", device=sys.argv[1])
except mien.DeviceError as error:
    print((time.perf_counter() - start) * 1e3, str(error).replace(chr(10), " "))
"""
_START = """
import sys, time
import mien, numpy as np, openvino
picture = np.zeros((480, 640, 3), np.uint8)
start = time.perf_counter()
mien.open("face", device="openvino", threads=1).process(picture)
print((time.perf_counter() - start) * 1e3)
"""


def main() -> None:
    """Runs the measurement."""
    figures: dict[str, Any] = {"asked": []}
    _agreement(figures)
    _refusals(figures)
    _starts(figures)
    _streams(figures)
    print("kept", keep("devices", figures).relative_to(ROOT))


def _agreement(figures: dict[str, Any]) -> None:
    """The shipped film through every engine and precision of the bundles that take it, and how far apart they are."""
    pictures = [frame for frame, _ in mien.open("detect").stream_all(str(film()))][:100]
    rows: list[dict[str, Any]] = []
    for model in (name for name in shipped() if name != "detect"):
        first = None
        for engine, precision in cases(model):
            with mien.open(model, device=engine, precision=precision, threads=1) as pipeline:
                if pipeline.takes is not mien.Frame:
                    break  # of sensors: benchmarks.parity
                values = np.stack([pipeline.process(picture).values for picture in pictures])
            first = values if first is None else first
            apart = float(np.nanmax(np.abs(values - first)))
            rows.append({"bundle": model, "engine": engine, "precision": precision, "apart": apart})
            print(f"     {model} {engine} {precision}: {apart:.2e} from the first engine")
    figures["agreement"] = rows
    worst = max(row["apart"] for row in rows if row["precision"] == "fp32")
    figures["asked"].append(verdict("largest difference of a coefficient between engines, fp32", worst, SAME))


def _refusals(figures: dict[str, Any]) -> None:
    """Devices that are not here, each asked for in a fresh process whose engines are not loaded yet."""
    rows: dict[str, dict[str, Any]] = {}
    for device in ("intel-npu", "jetson", "onnxruntime:CUDA", "openvino:GPU"):
        times = []
        for _ in range(_STARTS):
            spent, _, text = _fresh(_REFUSE, device).partition(" ")
            times.append(float(spent))
        rows[device] = {"p50_ms": float(np.median(times)), "said": text}
        print(f"     {device}: {rows[device]['p50_ms']:.0f} ms, {text[:150]}")
    figures["refusals"] = rows
    worst = max(row["p50_ms"] for row in rows.values())
    figures["asked"].append(verdict("a device that is not here is refused", worst, REFUSED_MS, " ms"))


def _starts(figures: dict[str, Any]) -> None:
    """Open to first result in OpenVINO, imported before: without the cache, filling it, and with it."""
    times: dict[str, list[float]] = {"without": [], "cold": [], "warm": []}
    for _ in range(_STARTS):
        with tempfile.TemporaryDirectory() as folder:
            times["without"].append(float(_fresh(_START, MIEN_CACHE=folder, MIEN_CACHE_MB="0")))
            times["cold"].append(float(_fresh(_START, MIEN_CACHE=folder)))
            times["warm"].append(float(_fresh(_START, MIEN_CACHE=folder)))
    figures["starts_ms"] = {name: float(np.median(values)) for name, values in times.items()}
    print("     start in OpenVINO: " + ", ".join(f"{k} {v:.0f} ms" for k, v in figures["starts_ms"].items()))
    ratio = figures["starts_ms"]["warm"] / figures["starts_ms"]["without"]
    figures["asked"].append(verdict("start in OpenVINO with the cache, without = 1", ratio, 1.0, "x"))


def _streams(figures: dict[str, Any]) -> None:
    """Four cameras of 640x480 at 30 a second on one set of weights, alone and while another process burns a core."""
    pictures = [frame.to_rgb() for frame, _ in mien.open("detect").stream_all(str(film()))]
    pictures = [np.ascontiguousarray(np.pad(p, _padding(p))[:480, :640]) for p in pictures]
    results = {"alone": _four(pictures)}
    burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        results["beside a burning core"] = _four(pictures)
    finally:
        burner.kill()
        burner.wait()
    figures["streams"] = results
    for name, row in results.items():
        print(f"     {name}: {json.dumps(row)}")
    frame_ms = 1000 / RATE
    figures["asked"].append(verdict("4 streams, p99 of a frame", results["alone"]["p99_ms"], frame_ms, " ms"))
    threads, cores = results["alone"]["engine_threads"], os.cpu_count() or 1
    figures["asked"].append(verdict("4 streams, threads that engines started", threads, float(cores)))


def _padding(picture: np.ndarray[Any, Any]) -> tuple[tuple[int, int], ...]:
    return (0, max(0, 480 - picture.shape[0])), (0, max(0, 640 - picture.shape[1])), (0, 0)


def _four(pictures: list[np.ndarray[Any, Any]]) -> dict[str, float]:
    process = psutil.Process()
    before = process.num_threads()
    first = mien.open("face", threads=1)
    first.process(pictures[0])
    engine_threads = process.num_threads() - before
    streams = [first, *(first.fork() for _ in range(STREAMS - 1))]
    times: list[list[float]] = [[] for _ in streams]
    late = [0] * STREAMS

    def camera(k: int) -> None:
        begin = time.perf_counter() + k / RATE / STREAMS
        for n in range(SECONDS * RATE):
            due = begin + n / RATE
            wait = due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            elif wait < -1 / RATE:
                late[k] += 1
                continue  # the next picture is there already: this one is dropped, as a camera would
            start = time.perf_counter()
            streams[k].process(pictures[n % len(pictures)])
            times[k].append((time.perf_counter() - start) * 1e3)

    threads = [threading.Thread(target=camera, args=(k,)) for k in range(STREAMS)]
    spent, began = sum(process.cpu_times()[:2]), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent, wall = sum(process.cpu_times()[:2]) - spent, time.perf_counter() - began
    every = np.concatenate(times)
    first.close()
    return {
        "p50_ms": round(float(np.median(every)), 3),
        "p99_ms": round(float(np.percentile(every, 99)), 3),
        "one_stream_p99_ms": round(float(np.percentile(times[0], 99)), 3),
        "cpu_percent": round(100 * spent / wall, 1),
        "dropped": sum(late),
        "engine_threads": engine_threads,
    }


def _fresh(code: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    main()
