"""Report: what a pipeline did so far, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field

from mien.backends.running import Choice


@dataclass(frozen=True)
class Report:
    """What a pipeline did so far.

    Attributes:
        bundle, task: what runs. networks: for each network where it runs and what was refused.
        stages: stage -> count, p50_ms, p99_ms.
        frames_in: frames that came (from `process` or a source); frames_out: frames processed; dropped: discarded by
            the drop policy; unprocessed: refused with an error, or left in the queue at a stop. Once a stream has
            ended, frames_in = frames_out + dropped + unprocessed. stale: those that the source repeated.
        sensors: of bundles that take sensors, each sensor's condition: ok, missing, stuck, saturated ...
        skipped: those of frames_out that were answered with the state before, to keep the budget.
    """

    bundle: str
    task: str
    networks: list[Choice]
    stages: dict[str, dict[str, float]]
    frames_in: int
    frames_out: int
    dropped: int
    stale: int
    unprocessed: int
    skipped: int
    sensors: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"{self.bundle} ({self.task}): {self.frames_in} in, {self.frames_out} out, {self.dropped} dropped"
            f", {self.unprocessed} unprocessed, {self.skipped} skipped"
        ]
        for choice in self.networks:
            lines.append(f"  {choice.network}: {choice.used} {choice.precision}, asked for {choice.requested}")
            lines += [f"    refused {line}" for line in choice.refused]
            lines += [f"    {event}" for event in choice.events]
        lines += [f"  sensor {name}: {what}" for name, what in self.sensors.items() if what != "ok"]
        for stage, row in self.stages.items():
            lines.append(f"  {stage:<8} p50 {row['p50_ms']:.3f} ms  p99 {row['p99_ms']:.3f} ms  x{int(row['count'])}")
        return "\n".join(lines)
