"""Keeps the identity of faces from frame to frame, and over short absences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Box = Sequence[float]  # x0, y0, x1, y1

_FORGET_NS = 1_000_000_000  # a face that comes back to its place within a second keeps its id
_SAME_IOU = 0.3


@dataclass
class _Seen:
    identity: int
    box: Box
    t_ns: int


class Identities:
    """Gives boxes ids: greedy matching by overlap with the boxes last seen."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []
        self._next = 0
        self._last_ns = 0

    def forget(self) -> None:
        """Forgets all faces; ids start again at 0."""
        self._seen.clear()
        self._next = 0

    def assign(self, boxes: Sequence[Box], t_ns: int) -> list[int]:
        """One id per box (x0, y0, x1, y1), in order; the same id for a box that overlaps a recently seen one."""
        # A face of the frame before is never forgotten, however slow the stream.
        self._seen = [s for s in self._seen if t_ns - s.t_ns <= _FORGET_NS or s.t_ns == self._last_ns]
        self._last_ns = t_ns
        pairs = sorted(
            ((overlap(box, seen.box), i, seen) for i, box in enumerate(boxes) for seen in self._seen),
            key=lambda pair: -pair[0],
        )
        ids = [-1] * len(boxes)
        taken: set[int] = set()
        for iou, i, seen in pairs:
            if iou >= _SAME_IOU and ids[i] < 0 and seen.identity not in taken:
                ids[i] = seen.identity
                taken.add(seen.identity)
                seen.box, seen.t_ns = boxes[i], t_ns
        for i, box in enumerate(boxes):
            if ids[i] < 0:
                ids[i] = self._next
                self._seen.append(_Seen(self._next, box, t_ns))
                self._next += 1
        return ids


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    ax0, ay0, ax1, ay1 = a
    bx0, by0, bx1, by1 = b
    wide, high = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return float(both / ((ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both))
