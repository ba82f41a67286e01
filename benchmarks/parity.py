"""The same frames through every engine and precision: how far coefficients, landmarks and head are from ONNX Runtime's.

Runs the bundles with all targets that `python -m benchmarks.export` leaves in out/export; the detector beside them runs
on the same engine in the same precision. Every frame is looked at twice: alone, where the face is found and cropped
anew, and in the film, where each engine follows the face by its own landmarks, so that what it rounds differently adds
up. A bundle of sensors gets the windows of its simulator, one stream of them. One that moves portraits moves the film's
first frame under the film. What int8 may change is the gate's business (docs/export.md); its word on each target is
kept here too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mien
import numpy as np
from mien.bench import cases
from mien.locate import film, shipped
from mien.portrait.transfer import READ_GAIN
from mien.sources.select import open_source

from benchmarks._report import ROOT, keep, verdict

OUT = ROOT / "out" / "export"
FRAMES = 100
SAME = 1e-3
_REFERENCE = ("onnxruntime", "fp32")


def main() -> None:
    """Measures the bundles that are there."""
    paths = [path for name in shipped() if name != "detect" and (path := OUT / f"{name}.mien").exists()]
    if not paths:
        raise SystemExit(f"{OUT.relative_to(ROOT)} holds no bundles; run python -m benchmarks.export")
    rows = [row for path in paths for row in _matrix(path, _pieces(path))]
    refused = sum(row["gate"] is False for row in rows)
    worst = max(row["coefficient_max"] for row in rows if row["precision"] == "fp32")
    asked = [
        verdict("same frame, every engine: largest difference of a coefficient, fp32", worst, SAME),
        verdict("every engine: int8 targets that the gate refuses", float(refused), 0.0),
    ]
    print("kept", keep("parity", {"frames": FRAMES, "rows": rows, "asked": asked}).relative_to(ROOT))


def _pieces(path: Path) -> list[mien.Frame] | list[mien.ImuWindow]:
    """Frames of the film, or the windows that the bundle's sensors send in their simulator."""
    with mien.open(path) as pipeline:
        source = open_source(pipeline.example or str(film()))
    try:
        pieces = list(iter(source.read, None))
    finally:
        source.close()
    return pieces if pipeline.takes is mien.ImuWindow else pieces[:FRAMES]  # type: ignore[return-value]


def _matrix(path: Path, pictures: list[mien.Frame] | list[mien.ImuWindow]) -> list[dict[str, Any]]:
    runs = [case for case in cases(path) if case[1] != "fp16"]  # half is for GPUs
    runs.sort(key=lambda case: (case != _REFERENCE, case[1], case[0]))
    rows: list[dict[str, Any]] = []
    first: tuple[dict[str, Any], dict[str, Any]] | None = None
    for engine, precision in runs:
        alone, following = (_seen(path, f"{engine}:CPU", precision, pictures, film) for film in (False, True))
        expected, followed = first = first or (alone, following)
        apart = np.abs(alone["coefficients"] - expected["coefficients"])
        row = {
            "bundle": path.stem,
            "engine": engine,
            "precision": precision,
            "coefficient_max": float(apart.max()),
            "coefficient_mean": float(apart.mean()),
            "farthest": mien.ARKIT52.names[int(apart.max(axis=0).argmax())],
            **(_of_faces(alone, expected) if "landmarks" in alone else {}),
            **(_of_portraits(alone, expected) if "portraits" in alone else {}),
            "film_coefficient_max": float(np.abs(following["coefficients"] - followed["coefficients"]).max()),
            "gate": _gate(path, engine) if precision == "int8" else None,
        }
        print(f"     {path.stem} {engine} {precision}: {apart.max():.2e} at most, {apart.mean():.2e} on average")
        rows.append(row)
    return rows


def _of_portraits(seen: dict[str, Any], expected: dict[str, Any]) -> dict[str, float]:
    apart = [np.abs(a.astype(int) - b) for a, b in zip(seen["portraits"], expected["portraits"], strict=True)]
    return {"portrait_max_of_255": float(np.max(apart)), "portrait_mean_of_255": float(np.mean(apart))}


def _of_faces(seen: dict[str, Any], expected: dict[str, Any]) -> dict[str, float]:
    points = np.abs(seen["landmarks"] - expected["landmarks"])[..., :2]
    cosines = np.abs((seen["rotation"] * expected["rotation"]).sum(axis=1)).clip(0, 1)
    return {
        "landmark_max_px": float(points.max()),
        "head_max_degrees": float(np.degrees(2 * np.arccos(cosines)).max()),
    }


def _seen(
    path: Path, device: str, precision: str, pieces: list[mien.Frame] | list[mien.ImuWindow], film: bool
) -> dict[str, Any]:
    """Float64: coefficients (n, 52), and of pictures landmarks (n, N, 3) in pixels, rotation (n, 4). Unfiltered.

    Of a bundle that moves portraits also those, a list of uint8 (H, W, 3).
    """
    with mien.open(path, device=device, precision=precision, threads=1, tracking=film, smoothing=False) as pipeline:
        pictures = pipeline.takes is mien.Frame
        portrait = _portrait(pipeline, pieces[0])
        states, shown = [], []
        for piece in pieces:
            state = pipeline.process(piece)
            states.append(state)
            if portrait is not None:
                shown.append(portrait.show(state, gain=READ_GAIN).picture.copy())
    assert not pictures or all(s.found for s in states), f"{path.name} on {device} {precision} lost the face"
    seen: dict[str, Any] = {"coefficients": np.array([state.raw for state in states], np.float64)}
    if pictures:
        heads = [state.head for state in states]
        seen["landmarks"] = np.array([state.landmarks for state in states], np.float64)
        seen["rotation"] = np.array([head.rotation for head in heads if head is not None], np.float64)
    if portrait is not None:
        seen["portraits"] = shown
    return seen


def _portrait(pipeline: mien.Pipeline, first: mien.Frame | mien.ImuWindow) -> mien.Portrait | None:
    """Of the first frame, by a bundle that moves portraits."""
    if pipeline.bundle.manifest.task != "reenact" or not isinstance(first, mien.Frame):
        return None
    return mien.Portrait(pipeline, first, mark="none")


def _gate(path: Path, engine: str) -> bool:
    """Whether the gate let all int8 targets of an engine pass, for this engine's CPU."""
    targets = json.loads((path.with_suffix(".report") / "report.json").read_text())["targets"].values()
    mine = [t for t in targets if t["engine"] == engine and t["precision"] == "int8" and t["device"] in ("", "CPU")]
    assert mine, f"{path.stem} has no int8 target for {engine}"
    return all(bool(target["gate"]["passed"]) for target in mine)


if __name__ == "__main__":
    main()
