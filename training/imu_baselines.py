"""What the `imu` bundle is measured against: ridge regression and a plain GRU, on raw samples of the 12 sensors.

    python -m training.imu_baselines

Both see training wearers of the bundle, as resampled accelerometers and gyroscopes without any geometry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
import typer
from torch import Tensor, nn

from training import imu_data
from training.command import run
from training.errors import TrainingError
from training.imu_data import F16, Steps
from training.loop import Settings, Trainer
from training.models.imu import COEFFICIENTS, HIDDEN
from training.paths import ROOT
from training.recipes.imu import BATCH, LENGTH

F32 = npt.NDArray[np.float32]
Predict = Callable[[F16], F32]

FOLDER = ROOT / "out" / "training" / "imu_baselines"
WEARERS, STEPS = 260, 2_600
SENSORS = 13  # the head's and the twelve of the default layout, the first in the data
LAGS = (0, 1, 2, 4, 8, 16, 32, 64)  # steps of 10 ms: the ridge's window
_PENALTIES = (1e0, 1e1, 1e2, 1e3, 1e4, 1e5)
_GATHERED = 40  # every so many steps make the ridge's normal equations: neighbours say the same


def raw(values: F16) -> F32:
    """(T, 78): the twelve sensors and the head's."""
    return values[:, :SENSORS].reshape(len(values), -1).astype(np.float32)


def windows(values: F32, rows: npt.NDArray[np.intp]) -> F32:
    """(len(rows), 78 * lags + 1): the past at each row, and a 1."""
    parts = [values[np.maximum(rows - lag, 0)] for lag in LAGS]
    return np.concatenate([*parts, np.ones((len(rows), 1), np.float32)], 1)


class PlainGru(nn.Module):
    """One GRU on raw samples, and a linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(SENSORS * 6, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, len(COEFFICIENTS))

    def forward(self, values: Tensor) -> Tensor:
        """(B, T, 78) -> (B, T, 43)."""
        result: Tensor = self.out(self.cell(values)[0])
        return result


def fit_ridge(data: Sequence[Steps]) -> F32:
    """Weights (window, 43); the penalty is the one with the least squared error on every fifth wearer."""
    size = SENSORS * 6 * len(LAGS) + 1
    gram, right = np.zeros((size, size)), np.zeros((size, len(COEFFICIENTS)))
    tried: list[tuple[F32, F32]] = []
    for number, steps in enumerate(data):
        rows = np.arange(max(LAGS), len(steps.truth), _GATHERED)
        x, y = windows(raw(steps.raw), rows), steps.truth[rows].astype(np.float32)
        if number % 5 == 0:
            tried.append((x, y))
            continue
        gram += x.T.astype(np.float64) @ x
        right += x.T.astype(np.float64) @ y
    best: tuple[float, F32] | None = None
    for penalty in _PENALTIES:
        ridge = penalty * np.eye(size)
        ridge[-1, -1] = 0  # the mean is free
        weights = np.linalg.solve(gram + ridge, right).astype(np.float32)
        error = float(np.mean([np.square(np.clip(x @ weights, 0, 1) - y).mean() for x, y in tried]))
        if best is None or error < best[0]:
            best = (error, weights)
    assert best is not None
    return best[1]


def _batches(data: Sequence[Steps], seed: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    def batch(step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((seed, 8, step))
        x = np.empty((BATCH, LENGTH, SENSORS * 6), np.float32)
        y = np.empty((BATCH, LENGTH, len(COEFFICIENTS)), np.float32)
        for row in range(BATCH):
            steps = data[int(rng.integers(len(data)))]
            begin = int(rng.integers(len(steps.truth) - LENGTH + 1))
            x[row] = raw(steps.raw[begin : begin + LENGTH])
            y[row] = steps.truth[begin : begin + LENGTH]
        return torch.from_numpy(x), torch.from_numpy(y)

    return batch


def _loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Mapping[str, float]]:
    off = (network(batch[0]) - batch[1])[:, 32:].abs()
    loss = off.mean()
    return loss, {"mae": float(loss.detach())}


def load() -> dict[str, Predict]:
    """Name -> raw values (T, S, 6) to coefficients (T, 43). Raises TrainingError if they have not been trained."""
    ridge, checkpoint = FOLDER / "ridge.npy", FOLDER / "gru" / "checkpoint.pt"
    if not ridge.is_file() or not checkpoint.is_file():
        raise TrainingError("training.config", f"{FOLDER} holds no baselines.", "Run python -m training.imu_baselines.")
    weights = np.load(ridge)
    network = PlainGru().eval()
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"])

    def by_ridge(values: F16) -> F32:
        return np.asarray(np.clip(windows(raw(values), np.arange(len(values))) @ weights, 0, 1), np.float32)

    def by_gru(values: F16) -> F32:
        with torch.no_grad():
            return np.asarray(np.clip(network(torch.from_numpy(raw(values))[None])[0].numpy(), 0, 1), np.float32)

    return {"ridge": by_ridge, "plain GRU": by_gru}


def main(
    data: Annotated[Path, typer.Option(help="simulated wearers")] = ROOT / "out" / "training" / "data",
    wearers: Annotated[int, typer.Option(min=5)] = WEARERS,
    steps: Annotated[int, typer.Option(min=1)] = STEPS,
    seed: Annotated[int, typer.Option()] = 1,
    threads: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Trains both."""
    stored = imu_data.load(imu_data.ensure(data / "imu", wearers, seed))
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.save(FOLDER / "ridge.npy", fit_ridge(stored))
    settings = Settings(steps, BATCH, rate=2.5e-3, warm_up=100, decay=0.01, average=0.998, seed=seed, threads=threads)
    torch.manual_seed(seed)
    Trainer(FOLDER / "gru", PlainGru(), settings, _loss, _batches(stored, seed), device="cpu").run(250)


if __name__ == "__main__":
    run(main)
