"""Samples: what a network is fed while it is calibrated and judged, with labels where there are any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quantization.errors import QuantizationError

F32 = npt.NDArray[np.float32]
Arrays = Mapping[str, F32]
# One sample's inputs, with the batch extent of 1, and the outputs wanted -> those outputs.
Run = Callable[[Arrays, Sequence[str]], Sequence[npt.NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class Samples:
    """N inputs of a network.

    Attributes:
        feeds: input -> float32 (N, ...), without the network's batch extent.
        labels: output -> float32 (N, ...), the truth in the output's own units; empty where nobody knows it.
    """

    feeds: Arrays
    labels: Arrays = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = {len(values) for values in (*self.feeds.values(), *self.labels.values())}
        if len(counts) != 1:
            raise QuantizationError("calibration.shape", f"The arrays hold {sorted(counts)} samples; one number.", "")

    def __len__(self) -> int:
        return len(next(iter(self.feeds.values())))

    def __iter__(self) -> Iterator[dict[str, F32]]:
        """Each sample's inputs as the network takes them, with a batch extent of 1."""
        for i in range(len(self)):
            yield {name: np.ascontiguousarray(values[i : i + 1]) for name, values in self.feeds.items()}

    def rows(self, index: npt.NDArray[np.integer]) -> Samples:
        """These samples alone, in this order."""
        return Samples(
            {name: values[index] for name, values in self.feeds.items()},
            {name: values[index] for name, values in self.labels.items()},
        )


def answers(run: Run, samples: Samples, outputs: Sequence[str]) -> dict[str, F32]:
    """Output -> float32 (N, ...): what a network says to each sample, without its batch extent."""
    rows = [run(feed, outputs) for feed in samples]
    return {name: np.stack([np.asarray(row[k], np.float32)[0] for row in rows]) for k, name in enumerate(outputs)}
