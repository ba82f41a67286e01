"""The default `imu` bundle: coefficients from sensors on the skin, trained on simulated wearers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training import imu_bundle, imu_data
from training.face_bundle import load_weights
from training.imu_data import Steps
from training.loop import Settings, Trainer
from training.models.imu import FEATURES, PER_SENSOR, SLOTS, ImuNetwork, region_matrix
from training.performer.imu_layout import layout

if TYPE_CHECKING:
    from training.train import Options

Batch = tuple[Tensor, Tensor]

WEARERS, STEPS, BATCH = 260, 2_600, 48
LENGTH = 256  # steps of a sequence; the first ones, in which the state fills, do not count
_IGNORED = 32
_RATE, _RATE_AGAIN = 2.5e-3, 1.5e-3  # the second where it goes on from a checkpoint
# How often each layout is trained; on top of it single sensors fail.
_LAYOUTS = {"imu12": 0.6, "imu18": 0.2, "imu6": 0.2}
_FAIL, _MOST_FAILED = 0.35, 5
_SMALL = 0.03  # a coefficient's spread below which it does not weigh more
_HUBER = 0.08
CONFIDENT = 0.1  # an error of a region at which its confidence is exp(-1)


def train(options: Options) -> None:
    """Simulates what is missing, trains, and writes the bundle. `--pictures` is the number of wearers here."""
    files = imu_data.ensure(options.data / "imu", options.pictures or WEARERS, options.seed)
    data = imu_data.load(files)
    settings = Settings(
        options.steps or STEPS,
        options.batch or BATCH,
        rate=_RATE_AGAIN if options.start else _RATE,
        warm_up=100,
        decay=0.01,
        average=0.998,
        seed=options.seed,
        threads=options.threads,
    )
    torch.manual_seed(options.seed)
    network = ImuNetwork()
    _begin(network, data)
    again = options.start is not None
    if options.start is not None:
        load_weights(network, options.start)
    batches = Batches(data, settings.batch, settings.seed + (1000 if again else 0))
    trainer = Trainer(options.out, network, settings, Loss(data), batches, device="cpu")
    trainer.run(250)
    trained = trainer.averaged()
    assert isinstance(trained, ImuNetwork)
    imu_bundle.write(options.bundle, trained, {"wearers": len(data), **asdict(settings)})


def _begin(network: ImuNetwork, data: Sequence[Steps]) -> None:
    """Coefficients begin at their mean."""
    mean = np.mean([steps.truth.mean(0, dtype=np.float32) for steps in data], axis=0)
    with torch.no_grad():
        network.coefficients.weight.mul_(0.3)
        network.coefficients.bias.copy_(torch.from_numpy(mean))


class Batches:
    """Random pieces of random wearers, as one who wears fewer sensors, or broken ones, would give them."""

    def __init__(self, data: Sequence[Steps], batch: int, seed: int) -> None:
        self._data, self._batch, self._seed = data, batch, seed

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, 7, step))
        features = np.empty((self._batch, LENGTH, FEATURES), np.float32)
        truth = np.empty((self._batch, LENGTH, self._data[0].truth.shape[1]), np.float32)
        for row in range(self._batch):
            steps = self._data[int(rng.integers(len(self._data)))]
            begin = rng.integers(len(steps.truth) - LENGTH + 1)
            features[row], truth[row] = steps.features[begin : begin + LENGTH], steps.truth[begin : begin + LENGTH]
            take_off(features[row], random_sensors(rng))
        return torch.from_numpy(features), torch.from_numpy(truth)


def random_sensors(rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which of the 18 sensors somebody has, bool (18,)."""
    name = str(rng.choice(list(_LAYOUTS), p=list(_LAYOUTS.values())))
    there = worn(name)
    if rng.random() < _FAIL:
        there[rng.choice(np.flatnonzero(there), rng.integers(1, _MOST_FAILED), replace=False)] = False
    return there


def worn(name: str) -> npt.NDArray[np.bool_]:
    """Which of the 18 sensors a layout has, bool (18,)."""
    own = set(layout(name).names)
    return np.array([sensor in own for sensor in layout(f"imu{SLOTS}").names])


def take_off(features: npt.NDArray[np.floating], there: npt.NDArray[np.bool_]) -> None:
    """Features (..., 240) as if the other sensors were missing (in place)."""
    features[..., : SLOTS * PER_SENSOR] *= np.repeat(there, PER_SENSOR)
    features[..., SLOTS * PER_SENSOR : SLOTS * (PER_SENSOR + 1)] *= there


class Loss:
    """Huber's error of each coefficient in units of its own spread, and of the confidences their cross-entropy."""

    def __init__(self, data: Sequence[Steps]) -> None:
        spread = np.mean([steps.truth.std(0, dtype=np.float32) for steps in data], axis=0)
        weight = 1 / (spread + _SMALL)
        self._weight = torch.from_numpy((weight / weight.mean()).astype(np.float32))
        self._regions = region_matrix()

    def __call__(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Mapping[str, float]]:
        assert isinstance(network, ImuNetwork)
        features, truth = batch
        coefficients, confidence, _ = network.sequence(features)
        coefficients, confidence, truth = (v[:, _IGNORED:] for v in (coefficients, confidence, truth))
        error = nn.functional.huber_loss(coefficients, truth, reduction="none", delta=_HUBER) / _HUBER
        off = (coefficients.detach() - truth).abs()
        wanted = torch.exp(-(off @ self._regions) / CONFIDENT)
        sure = nn.functional.binary_cross_entropy_with_logits(confidence, wanted)
        fit = (error * self._weight).mean()
        return fit + 0.05 * sure, {"fit": float(fit.detach()), "mae": float(off.mean())}
