"""Follow a face from a camera or a video and print the three strongest coefficients.

python samples/live.py face.mien camera:0
"""

from __future__ import annotations

import sys

import mien
import numpy as np


def main(bundle: str, source: str) -> None:
    """Prints one line per frame until the source ends."""
    with mien.open(bundle, filters=[mien.OneEuro(), mien.Constraints()]) as face:
        for state in face.stream(source):
            if not state.found:
                print(f"{state.t_ns / 1e9:8.2f} s  no face")
                continue
            strongest = np.argsort(-np.where(state.valid, state.values, -1))[:3]
            shown = "  ".join(f"{state.layout.names[k]} {state.values[k]:.2f}" for k in strongest)
            print(f"{state.t_ns / 1e9:8.2f} s  {shown}")
        print(face.report())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
