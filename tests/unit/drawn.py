"""A drawn cat, and where its anchors are."""

from __future__ import annotations

import cv2
import numpy as np
from mien.types import U8

SIDE = 256
FUR, DARK, WHITE, PINK = (240, 150, 60), (60, 35, 20), (250, 250, 240), (240, 160, 160)
EYES = {"right": 88, "left": 168}  # columns of their middles
ANCHORS: dict[str, tuple[float, float]] = {
    **{f"eye_{side}_outer": (x + (24 if side == "left" else -24), 117.0) for side, x in EYES.items()},
    **{f"eye_{side}_inner": (x - (24 if side == "left" else -24), 117.0) for side, x in EYES.items()},
    **{f"eye_{side}_top": (float(x), 96.0) for side, x in EYES.items()},
    **{f"eye_{side}_bottom": (float(x), 138.0) for side, x in EYES.items()},
    **{f"pupil_{side}": (float(x), 117.0) for side, x in EYES.items()},
    "nose_tip": (128.0, 155.0), "mouth_right": (102.0, 175.0), "mouth_left": (154.0, 175.0),
    "mouth_top": (128.0, 172.0), "mouth_bottom": (128.0, 182.0), "mouth_inner_top": (128.0, 176.0),
    "mouth_inner_bottom": (128.0, 178.0), "chin": (128.0, 224.0),
    "ear_right": (34.0, 135.0), "ear_left": (222.0, 135.0),
}  # fmt: skip


def cat() -> U8:
    """(256, 256, 3) RGB."""
    picture = np.full((SIDE, SIDE, 3), (235, 220, 190), np.uint8)
    for side in (-1, 1):
        ear = np.array([(128 + side * 95, 20), (128 + side * 30, 65), (128 + side * 85, 100)])
        cv2.fillPoly(picture, [ear], FUR)
    cv2.ellipse(picture, (128, 140), (94, 84), 0, 0, 360, FUR, -1)
    cv2.ellipse(picture, (128, 140), (94, 84), 0, 0, 360, DARK, 2)
    for x in EYES.values():
        cv2.ellipse(picture, (x, 117), (22, 19), 0, 0, 360, WHITE, -1)
        cv2.circle(picture, (x, 117), 10, (10, 60, 10), -1)
    cv2.fillPoly(picture, [np.array([(119, 150), (137, 150), (128, 161)])], PINK)
    cv2.ellipse(picture, (128, 172), (26, 7), 0, 0, 180, DARK, 2)
    return picture
