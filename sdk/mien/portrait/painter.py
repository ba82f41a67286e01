"""Painter: the network that refines a warped portrait, with its buffers."""

from __future__ import annotations

import numpy as np

from mien.backends.running import Running
from mien.errors import BundleError
from mien.portrait.canvas import HALF, MAPS, SIZE, Canvas, Source, pack
from mien.portrait.motion import Motion
from mien.profiler import Profiler
from mien.tasks._network import Runner
from mien.types import F32

_PORTS = {"cells": (1, 24 + MAPS, HALF, HALF), "drive": (1, 104)}
_RESULTS = {"keep": (1, 4, HALF, HALF), "change": (1, 12, HALF, HALF)}
# The network's keep never falls below 0.028, where it means 0: the picture would be sampled twice where nothing moves.
_LEAST = np.float32(0.03)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_MOUTH = np.array([0.24, 0.07, 0.08], np.float32)[:, None, None]
_GREY_MOUTH = np.float32(_LUMA @ _MOUTH[:, 0, 0])


class Painter:
    """One stream's use of a refining network.

    Raises:
        BundleError: its tensors are not those of such a network.
    """

    def __init__(self, running: Running) -> None:
        for ports, wanted in ((running.network.inputs, _PORTS), (running.network.outputs, _RESULTS)):
            for name, shape in wanted.items():
                if name not in ports or tuple(ports[name].shape) != shape:
                    raise BundleError("manifest.field", f"The network has no {name} of {shape}.", "")
        self._runner = Runner(running)
        self._of: Source | None = None
        self._keep = np.empty((1, SIZE, SIZE), np.float32)
        self._change = np.empty((3, SIZE, SIZE), np.float32)

    def paint(self, canvas: Canvas, source: Source, motion: Motion, profiler: Profiler) -> tuple[F32, F32]:
        """Keep (1, 256, 256) and change (3, 256, 256) for a canvas that was drawn; valid until the next call."""
        cells, drive = self._runner.buffer("cells")[0], self._runner.buffer("drive")[0]
        with profiler.stage("prepare"):
            cells[:12] = pack(canvas.warped)
            canvas.maps(cells[24:])
            drive[52:] = motion.coefficients
            if self._of is not source:
                cells[12:24], drive[:52], self._of = source.packed, source.fit.coefficients, source
        found = self._runner.run(profiler)
        with profiler.stage("decode"):
            for name, out in (("keep", self._keep), ("change", self._change)):
                spread(found[name].reshape(-1, HALF, HALF), out)
            self._keep -= _LEAST
            self._keep *= 1 / (1 - _LEAST)
            np.maximum(self._keep, 0, out=self._keep)
            if source.grey:  # the network has seen few such pictures and paints mouths bluish
                self._change[:] = np.einsum("c,cyx->yx", _LUMA, self._change)
            else:
                _redden(self._keep, self._change, canvas, source)
        return self._keep, self._change


class Filler:
    """What a portrait gets without a network: the picture moved, and a dark mouth where the picture shows none."""

    def __init__(self) -> None:
        self._keep = np.ones((1, SIZE, SIZE), np.float32)
        self._change = np.empty((3, SIZE, SIZE), np.float32)

    def paint(self, canvas: Canvas, source: Source) -> tuple[F32, F32]:
        """As `Painter.paint`."""
        np.subtract(_GREY_MOUTH if source.grey else _MOUTH, canvas.warped, out=self._change)
        self._change *= canvas.unseen_mouth()
        return self._keep, self._change


def _redden(keep: F32, change: F32, canvas: Canvas, source: Source) -> None:
    """Takes the green and blue from `change` that the mouth's inside has too much of.

    In photographs the network paints it bluish. In rendered mouths green and blue have nine tenths of the share that
    they have in skin; what is dark may have that much, what is as bright as skin, such as teeth, as much as red. PSNR
    on renders stays as it is.
    """
    where = np.flatnonzero(canvas.mouth())
    added, warped = change.reshape(3, -1), canvas.warped.reshape(3, -1)[:, where]
    still = source.picture.reshape(-1, 3)[where].T * np.float32(1 / 255)
    colour = still + keep.reshape(-1)[where] * (warped - still) + added[:, where]
    share = 0.9 * (source.skin[1:] / source.skin[0])[:, None]
    most = colour[0] * (share + (1 - share) * np.clip(colour[0] / source.skin[0], 0, 1) ** 2)
    added[1:, where] -= np.maximum(colour[1:] - most, 0)


def spread(cells: F32, out: F32) -> None:
    """Writes cells (4 C, 128, 128) as planes (C, 256, 256), torch's pixel_shuffle."""
    planes = out.reshape(len(out), HALF, 2, HALF, 2)
    for corner in range(4):
        planes[:, :, corner // 2, :, corner % 2] = cells[corner::4]
