"""Lids and lips that would pass through each other are held, whoever's they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.layouts import ARKIT52

F32 = npt.NDArray[np.float32]  # not from mien.types: training reads this where the native core is not built

LID_GAP, LIP_GAP = 0.03, 0.02  # cm; nearer, lids and lips would pass through each other
SIDES = ("Left", "Right")


def held(coefficients: F32, blink: F32, lids: F32, lips: float, lid_shapes: F32, lip_shapes: F32) -> F32:
    """The weights (52,) that a face's shapes get for coefficients.

    On each eye the blink is scaled back first, then lookDown, squint and cheekSquint, so that eyes squeezed shut keep
    the cheeks' part of it; mouthClose until the lips touch.

    Args:
        coefficients: (52,). blink: (2,) what eyeBlink is multiplied by on each side.
        lids: (2,) cm between the lids at rest. lips: cm between the lips.
        lid_shapes: (2, 52), lip_shapes: (52,): cm that a unit of each coefficient adds to that.
    """
    out = coefficients.astype(np.float32).copy()
    for k, side in enumerate(SIDES):
        closing = ARKIT52.index(f"eyeBlink{side}")
        out[closing] *= blink[k]
        softer = [ARKIT52.index(f"{name}{side}") for name in ("eyeLookDown", "eyeSquint", "cheekSquint")]
        gap = lids[k] + float(out @ lid_shapes[k]) - LID_GAP
        for group in ([closing], softer):
            part = float(out[group] @ lid_shapes[k][group])
            if gap < 0 and part < 0:
                keep = max(0.0, 1 - gap / part)
                out[group] *= keep
                gap -= part * (1 - keep)
    close = ARKIT52.index("mouthClose")
    gap = lips + float(out @ lip_shapes) - LIP_GAP
    part = float(out[close] * lip_shapes[close])
    if gap < 0 and part < 0:
        out[close] *= max(0.0, 1 - gap / part)
    return out
