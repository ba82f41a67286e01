"""The picture of the `reenact` card: held-out pairs, the best, the middling and the worst, as everybody makes them.

python -m training.reenact_picture docs/reenact_pairs.jpg
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import mien
import numpy as np
import typer
from mien.portrait.transfer import READ_GAIN

from training import reenact_pairs
from training.command import run
from training.evaluate_reenact import VIEW, Keypoints, Subject
from training.evaluation.pictures import psnr
from training.paths import ROOT
from training.reenact_pairs import measured_motion

_SHARES = (0.03, 0.2, 0.4, 0.6, 0.8, 0.97)  # which pairs are shown, in order of what ours gains on the source
_COLUMNS = ("portrait", "driver", "truth", "mesh's warp", "keypoints", "ours")
_SIDE, _HEAD = 160, 20  # pixels


def main(
    output: Annotated[Path, typer.Argument(help="the picture to write")],
    bundle: Annotated[str, typer.Option(help="a bundle, or the name of a shipped one")] = "reenact",
    data: Annotated[Path, typer.Option(help="folder of rendered data")] = ROOT / "out" / "training" / "data",
    baseline: Annotated[Path, typer.Option()] = ROOT / "out/training/keypoints/checkpoint.pt",
) -> None:
    """Makes the cross-identity pictures of all held-out pairs and draws some of them."""
    sittings = reenact_pairs.load(data / "reenact_held_out")
    keypoints = Keypoints(baseline)
    rows = np.flatnonzero(sittings.labels["found"].all(1)).tolist()
    with mien.open(bundle, device="cpu", threads=1) as pipeline:
        subject = Subject(pipeline)
        made = {}
        for row in rows:
            source = subject.stage.source(sittings, row, VIEW["source"])
            motion = measured_motion(sittings, row, VIEW["driver_from"], VIEW["driver"], source.fit, READ_GAIN)
            made[row] = subject.make(source, motion)
    shown = {name: [sittings.pictures[row][VIEW[name]] for row in rows] for name in ("source", "truth", "driver")}
    gains = [
        psnr(made[row][0], truth) - psnr(source, truth)
        for row, source, truth in zip(rows, shown["source"], shown["truth"], strict=True)
    ]
    order = np.argsort(gains)
    lines = []
    for share in _SHARES:
        k = int(order[int(share * (len(order) - 1))])
        ours, warp = made[rows[k]]
        begin = sittings.pictures[rows[k]][VIEW["driver_from"]]
        other = keypoints.make(shown["source"][k], shown["driver"][k], begin)
        parts = [shown["source"][k], shown["driver"][k], shown["truth"][k], warp, other, ours]
        lines.append(np.hstack([cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for part in parts]))
    head = np.full((_HEAD, _SIDE * len(_COLUMNS), 3), 255, np.uint8)
    for column, name in enumerate(_COLUMNS):
        place = (column * _SIDE + 6, _HEAD - 6)
        cv2.putText(head, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
    sheet = np.vstack([head, *lines])
    cv2.imwrite(str(output), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    run(main)
