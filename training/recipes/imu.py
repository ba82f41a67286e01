"""The default `imu` bundle: coefficients from sensors on the skin, trained on simulated wearers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training import checkpoint, imu_data
from training.imu_data import Steps
from training.loop import Settings, Trainer
from training.models.imu import COEFFICIENTS, FEATURES, OF_HEAD, PER_SENSOR, SLOTS, ImuNetwork, region_matrix
from training.performer.imu_layout import layout

if TYPE_CHECKING:
    from training.train import Options

Batch = tuple[Tensor, Tensor, Tensor]

WEARERS, BATCH = 340, 48
STEPS, STEPS_AGAIN = 6_000, 900
LENGTH = 256  # steps of a sequence; the first ones, in which the state fills, do not count
_IGNORED = 32
_RATE, _RATE_AGAIN = 2.5e-3, 6e-4  # the second where it goes on from a checkpoint
# How often each layout is trained; on top of it single sensors fail.
_LAYOUTS = {"imu12": 0.6, "imu18": 0.2, "imu6": 0.2}
_FAIL, _MOST_FAILED = 0.35, 5
_SMALL, _SMALL_ONE = 0.03, 0.02  # a coefficient's spread, over all and of one wearer, below which it weighs no more
_MIRRORED = 0.5
_HUBER = 0.08
CONFIDENT = 0.1  # an error of a region at which its confidence is exp(-1)


def train(options: Options) -> None:
    """Simulates what is missing, trains, and writes the checkpoint. `--pictures` is the number of wearers here.

    The first run is in bfloat16; the one that goes on from a checkpoint (`--start`) in full, because a state that is
    rounded to 8 bits at each step cannot creep, and ends as the mean of the weights that it began with and those that
    it came to: on a take that it had not seen they made r 0.807, those that it came to 0.794, half-trained ones 0.803.
    """
    files = imu_data.ensure(options.data / "imu", options.pictures or WEARERS, options.seed)
    data = imu_data.load(files, raw=False)
    settings = Settings(
        options.steps or (STEPS_AGAIN if options.start else STEPS),
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
        checkpoint.load(network, options.start)
    batches = Batches(data, settings.batch, settings.seed + (1000 if again else 0))
    trainer = Trainer(options.out, network, settings, Loss(half=not again), batches, device="cpu")
    trainer.run(250)
    trained = trainer.averaged()
    assert isinstance(trained, ImuNetwork)
    if options.start is not None:
        began = ImuNetwork()
        checkpoint.load(began, options.start)
        halfway(trained, began)
    checkpoint.write(options.result, trained, {"wearers": len(data), **asdict(settings)})


def halfway(network: ImuNetwork, other: ImuNetwork) -> None:
    """Makes its weights the mean of both (in place)."""
    with torch.no_grad():
        for own, beside in zip(network.parameters(), other.parameters(), strict=True):
            own.lerp_(beside, 0.5)


def _begin(network: ImuNetwork, data: Sequence[Steps]) -> None:
    """Coefficients begin at their mean."""
    mean = np.mean([steps.truth.mean(0, dtype=np.float32) for steps in data], axis=0)
    with torch.no_grad():
        network.coefficients.weight.mul_(0.3)
        network.coefficients.bias.copy_(torch.from_numpy(mean))


class Batches:
    """Random pieces of random wearers, as one who wears fewer sensors, or broken ones, would give them.

    Half of them are mirrored: another person with the same right to be learnt from. The third part of a batch weighs
    each coefficient by how little it moves in all (as before) and in this wearer's face: what is to be followed in a
    quiet face are movements of 0.03, which an error that only a lively one would forgive would drown.
    """

    def __init__(self, data: Sequence[Steps], batch: int, seed: int) -> None:
        self._data, self._batch, self._seed = data, batch, seed
        spread = np.stack([steps.truth.std(0, dtype=np.float32) for steps in data])
        weight = 1 / np.sqrt((spread.mean(0) + _SMALL) * (spread + _SMALL_ONE))
        self._weights = (weight / weight.mean()).astype(np.float32)

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, 7, step))
        features = np.empty((self._batch, LENGTH, FEATURES), np.float32)
        truth = np.empty((self._batch, LENGTH, self._data[0].truth.shape[1]), np.float32)
        weights = np.empty((self._batch, truth.shape[2]), np.float32)
        for row in range(self._batch):
            wearer = int(rng.integers(len(self._data)))
            steps = self._data[wearer]
            begin = rng.integers(len(steps.truth) - LENGTH + 1)
            features[row], truth[row] = steps.features[begin : begin + LENGTH], steps.truth[begin : begin + LENGTH]
            weights[row] = self._weights[wearer]
            if rng.random() < _MIRRORED:
                order, signs = mirror_features()
                features[row] = features[row][:, order] * signs
                truth[row], weights[row] = truth[row][:, mirror_truth()], weights[row][mirror_truth()]
            take_off(features[row], random_sensors(rng))
        return torch.from_numpy(features), torch.from_numpy(truth), torch.from_numpy(weights)


def _other_side(names: Sequence[str]) -> npt.NDArray[np.intp]:
    """Index of each name's counterpart; its own where it has none."""
    swapped = [name[:-4] + "Right" if name.endswith("Left") else name[:-5] + "Left" for name in names]
    places = {name: k for k, name in enumerate(names)}
    return np.array([places.get(other, k) for k, other in enumerate(swapped)], np.intp)


@cache
def mirror_features() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """A mirrored wearer's features: from which of the 240 each is taken, and its sign.

    Rotation vectors and angular velocities keep x and turn y and z; accelerations and velocities turn x.
    """
    sides = _other_side(layout(f"imu{SLOTS}").names)
    turning, moving = (1.0, -1.0, -1.0), (-1.0, 1.0, 1.0)
    order = [other * PER_SENSOR + k for other in sides for k in range(PER_SENSOR)]
    order += [SLOTS * PER_SENSOR + other for other in sides] + list(range(FEATURES - OF_HEAD, FEATURES))
    signs = (turning + turning + moving + moving) * SLOTS + (1.0,) * SLOTS + turning + moving
    return np.array(order, np.intp), np.array(signs, np.float32)


@cache
def mirror_truth() -> npt.NDArray[np.intp]:
    """From which of the 43 coefficients each of a mirrored face is taken; jawLeft from jawRight too."""
    return _other_side(COEFFICIENTS)


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
    """Huber's error of each coefficient by its weight in the batch, and of the confidences their cross-entropy."""

    def __init__(self, half: bool = False) -> None:
        self._regions, self._half = region_matrix(), half

    def __call__(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Mapping[str, float]]:
        assert isinstance(network, ImuNetwork)
        features, truth, weights = batch
        coefficients, confidence, _ = network.sequence(features, half=self._half)
        coefficients, confidence, truth = (v[:, _IGNORED:] for v in (coefficients, confidence, truth))
        error = nn.functional.huber_loss(coefficients, truth, reduction="none", delta=_HUBER) / _HUBER
        off = (coefficients.detach() - truth).abs()
        wanted = torch.exp(-(off @ self._regions) / CONFIDENT)
        sure = nn.functional.binary_cross_entropy_with_logits(confidence, wanted)
        fit = (error * weights[:, None]).mean()
        return fit + 0.05 * sure, {"fit": float(fit.detach()), "mae": float(off.mean())}
