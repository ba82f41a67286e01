"""What embedding mien in a C program costs: from the start of the process to its first result, and its size.

The sample samples/c/face_states.c runs the default face bundle on OpenVINO with one thread, on one core; each time in a
fresh process that nothing was cached for. The clock starts before the process is made and stops when its first line has
been read.
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
        runs = [_run(build / "face_states", film, side) for _ in range(REPEATS)]
        first, each = (np.array(column) * 1e3 for column in zip(*runs, strict=True))
        figures: dict[str, Any] = {
            "core": core,
            "first_result_ms": {"p50": float(np.median(first)), "min": float(first.min()), "max": float(first.max())},
            "frame_ms": {"p50": float(np.median(each))},
            "library_kb": (build / "native/libmien.so").stat().st_size / 1e3,
            "engine_plugin_kb": (build / "native/engines/openvino/libmien_openvino.so").stat().st_size / 1e3,
        }
    median = figures["first_result_ms"]["p50"]
    figures["asked"] = [verdict("C program: start to first result", median, START_LIMIT_MS, " ms")]
    each_ms = figures["frame_ms"]["p50"]
    print(f"     {first.min():.0f}..{first.max():.0f} ms; then {each_ms:.2f} ms a frame, printing it too")
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


def _run(program: Path, film: Path, side: int) -> tuple[float, float]:
    """Seconds to the first result, and per frame after it."""
    command = [str(program), str(MODELS / "face.mien"), str(film), str(side), str(side)]
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
