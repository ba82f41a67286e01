"""How far the imported Face Landmarker is from MediaPipe 1.2.2 itself, with the comparison that tests/parity bounds.

Per source: every frame that is kept in tests/golden. Pictures of their own are asked to agree; in video mode the
figures are shown only, since there MediaPipe is sensitive to itself (see tests/parity/test_mediapipe.py).
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from mien.backends.litert import LiteRtSession
from mien.bundle import Bundle
from mien.importers.select import import_model

from benchmarks._report import ROOT, SHARED, TASK, keep, verdict

PAIR = SHARED / "mediapipe"
PAIR_SIZE = (820, 1024)


def main() -> None:
    """Runs the comparison."""
    if not TASK.is_file():
        sys.exit("needs the shared data beside the repository (../shared/data)")
    parity = _parity()
    work = ROOT / "out" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    bundle = import_model(TASK, work / "mediapipe.mien")
    figures: dict[str, Any] = {"image": {}, "video": {}}
    for mode, sources in (("image", parity.IMAGE_SOURCES), ("video", parity.IMAGE_SOURCES[2:4])):
        for source in sources:
            seen = parity.compare(source, mode, SHARED, bundle)
            row = {
                "faces": seen.faces,
                "coefficients_max": float(seen.coefficients.max()),
                "coefficients_mean": float(seen.coefficients.mean()),
                "landmarks_max": float(seen.landmarks.max()),
                "landmarks_mean": float(seen.landmarks.mean()),
            }
            figures[mode][source] = row
            print(
                f"{mode} {Path(source).name:<40} {seen.faces:2} faces  coefficients max {row['coefficients_max']:.5f} "
                f"mean {row['coefficients_mean']:.6f}  landmarks max {row['landmarks_max']:.5f} "
                f"mean {row['landmarks_mean']:.6f} of the inter-ocular distance"
            )
    rows = figures["image"].values()
    figures["asked"] = [
        verdict("largest coefficient difference to MediaPipe", max(r["coefficients_max"] for r in rows), 0.05),
        verdict("largest mean coefficient difference of a source", max(r["coefficients_mean"] for r in rows), 0.01),
        verdict("largest landmark difference, inter-ocular", 100 * max(r["landmarks_max"] for r in rows), 1.0, " %"),
        verdict("published pair of landmarks and coefficients", _published_pair(bundle), 1e-3),
    ]
    print("kept", keep("agreement", figures).relative_to(ROOT))


def _parity() -> Any:
    """The test module whose comparison this is."""
    path = ROOT / "tests" / "parity" / "test_mediapipe.py"
    spec = importlib.util.spec_from_file_location("parity", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["parity"] = module
    spec.loader.exec_module(module)
    return module


def _published_pair(path: Path) -> float:
    """The largest difference to MediaPipe's own test pair of 478 landmarks and 52 scores."""
    text = (PAIR / "face_blendshapes_in_landmarks.prototxt").read_text()
    x, y = (np.array(re.findall(rf"\b{axis}: (\S+)", text), np.float32) for axis in "xy")
    scores = np.array(re.findall(r"score: (\S+)", (PAIR / "face_blendshapes_out.prototxt").read_text()), np.float32)
    with Bundle.open(path) as bundle:
        network = bundle.manifest.networks["coefficients"]
        chosen = bundle.manifest.root.section("face").section("coefficients").integers("landmarks")
        target = network.targets[0]
        session = LiteRtSession(bundle.blob(target.blob), device="CPU", threads=1)
    points = np.stack([x * PAIR_SIZE[0], y * PAIR_SIZE[1]], axis=1).astype(np.float32)[chosen]
    (ours,) = session.run({target.tensors["points"]: points[None]}, [target.tensors["scores"]])
    return float(np.abs(ours - scores).max())


if __name__ == "__main__":
    main()
