"""What embedding mien in a C program costs: from the start of the process to its first result, and its size.

The sample samples/c/face_states.c runs the default face bundle on OpenVINO with one thread, on one core; each time in a
fresh process, by turns with nothing kept from an earlier one and with the compiled networks in the plug-in's cache. The
clock starts before the process is made and stops when its first line has been read.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._report import ROOT, keep, pin, verdict

START_LIMIT_MS = 150.0
REPEATS = 21
FRAMES = 60
MODELS = ROOT / "sdk/mien/models"


def main() -> None:
    """Runs the measurement."""
    found = importlib.util.find_spec("openvino")
    assert found is not None and found.origin is not None, "needs openvino"
    with tempfile.TemporaryDirectory() as folder:
        build = _build(Path(folder) / "build", Path(found.origin).parent / "cmake")
        film, side = _film(Path(folder) / "film.nv12")
        core = pin()
        program, cache = build / "face_states", Path(folder) / "cache"
        filling = _run(program, film, side, cache)[0] * 1e3
        runs = [(_run(program, film, side), _run(program, film, side, cache)) for _ in range(REPEATS)]
        first = {kind: np.array([run[k][0] for run in runs]) * 1e3 for k, kind in enumerate(("without", "with"))}
        each = np.array([seconds for run in runs for _, seconds in run]) * 1e3
        figures: dict[str, Any] = {
            "core": core,
            "first_result_ms": {f"{kind} cache": _spread(times) for kind, times in first.items()},
            "filling_the_cache_ms": filling,
            "cache_kb": sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) / 1e3,
            "frame_ms": {"p50": float(np.median(each))},
            "library_kb": (build / "native/libmien.so").stat().st_size / 1e3,
            "engine_plugin_kb": (build / "native/engines/openvino/libmien_openvino.so").stat().st_size / 1e3,
        }
    starts = figures["first_result_ms"]
    figures["asked"] = [
        verdict(f"C program: start to first result, {what}", starts[kind]["p50"], START_LIMIT_MS, " ms")
        for kind, what in (("with cache", "networks compiled before"), ("without cache", "nothing kept"))
    ]
    print(f"     {json.dumps(starts)}; then {figures['frame_ms']['p50']:.2f} ms a frame, printing it too")
    print(f"     libmien {figures['library_kb']:.0f} kB, its plug-in for OpenVINO {figures['engine_plugin_kb']:.0f} kB")
    print("kept", keep("embedding", figures).relative_to(ROOT))


def _build(folder: Path, openvino: Path) -> Path:
    settings = ["-DCMAKE_BUILD_TYPE=Release", "-DMIEN_OPENVINO=ON", f"-DOpenVINO_DIR={openvino}"]
    source = ["-S", str(ROOT / "samples/c"), "-B", str(folder)]
    for command in (["cmake", *source, *settings], ["cmake", "--build", str(folder)]):
        subprocess.run(command, check=True, capture_output=True)
    return folder


def _film(path: Path) -> tuple[Path, int]:
    """The first frames of the shipped film as raw NV12."""
    import cv2

    film = cv2.VideoCapture(str(ROOT / "sdk/mien/data/performance.mp4"))
    side = int(film.get(cv2.CAP_PROP_FRAME_WIDTH))
    with path.open("wb") as file:
        for _ in range(FRAMES):
            planes = cv2.cvtColor(film.read()[1], cv2.COLOR_BGR2YUV_I420).reshape(-1)
            luma, u, v = np.split(planes, [side * side, side * side * 5 // 4])
            file.write(luma.tobytes() + np.stack([u, v], axis=-1).tobytes())
    return path, side


def _spread(values: Any) -> dict[str, float]:
    return {"p50": float(np.median(values)), "min": float(values.min()), "max": float(values.max())}


def _run(program: Path, film: Path, side: int, cache: Path | None = None) -> tuple[float, float]:
    """Seconds to the first result, and per frame after it."""
    command = [str(program), str(MODELS / "face.mien"), str(film), str(side), str(side), "33333333"]
    command += [str(cache)] if cache else []
    start = time.perf_counter()
    # The program is told to write each line at once.
    with subprocess.Popen(["stdbuf", "-oL", *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        first = time.perf_counter()
        rest = process.stdout.readlines()
        last = time.perf_counter()
    assert json.loads(line)["found"]
    assert len(rest) == FRAMES - 1
    return first - start, (last - first) / len(rest)


if __name__ == "__main__":
    main()
