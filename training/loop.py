"""The training loop that all networks share: seeded, resumable, averaging the weights, logged as JSON lines."""

from __future__ import annotations

import copy
import json
import math
import os
import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from training.errors import TrainingError
from training.muon import Muon

Batch = Any
Loss = Callable[[nn.Module, Batch], tuple[Tensor, Mapping[str, float]]]


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Attributes:
        steps: of the optimiser in all. batch: pictures per step. rate: the highest learning rate, reached after
            `warm_up` steps, then down a cosine to a hundredth. decay: of the weights. average: of the weights' mean.
        inner_speed: how many times faster Muon's weights learn than the rate says.
        seed: of everything. threads: of torch; 0 leaves its own choice.
        shares: into how many parts each batch is cut; each part has a thread and batch norms' statistics of its own.
            On two cores that also prepared the batches, two were 1.15 times faster than one on two threads of OpenMP,
            which wait for each other. Only for losses that draw nothing at random.
    """

    steps: int
    batch: int = 64
    rate: float = 2e-3
    warm_up: int = 300
    decay: float = 0.02
    average: float = 0.999
    inner_speed: float = 2.0
    seed: int = 1
    threads: int = 0
    shares: int = 1


class Trainer:
    """Trains one network in one folder: `checkpoint.pt` to go on from, `log.jsonl` with the losses.

    Args:
        loss: (network, batch) -> scalar and its parts by name.
        device: torch's name; None: a GPU where there is one.
        outer: first parts of the names of the parameters that AdamW trains; the other matrices are left to Muon.
            None: AdamW trains all.
        batch_of: number of a share, step * shares + k -> that part of the batch; must depend on the number alone, so
            that a run that was stopped goes on as if it was not.
    """

    def __init__(
        self,
        folder: Path,
        network: nn.Module,
        settings: Settings,
        loss: Loss,
        batch_of: Callable[[int], Batch],
        device: str | None = None,
        outer: Sequence[str] | None = None,
    ) -> None:
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.network: nn.Module = network.to(self.device)
        self.folder, self.settings, self.step = folder, settings, 0
        self._begun = 0  # the step of the first checkpoint: optimisers warm up from there
        self._loss, self._batch_of = loss, batch_of
        self._optimisers = self._optimisers_of(outer)
        self._twins = [self.network, *(_twin(self.network) for _ in range(settings.shares - 1))]
        self._average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def _optimisers_of(self, outer: Sequence[str] | None) -> list[torch.optim.Optimizer]:
        s = self.settings
        named = [(name, p) for name, p in self.network.named_parameters() if p.requires_grad]
        inner = {name for name, p in named if outer is not None and p.ndim > 1 and not name.startswith(tuple(outer))}
        decayed = [p for name, p in named if p.ndim > 1 and name not in inner]
        free = [p for _, p in named if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": s.decay}, {"params": free, "weight_decay": 0.0}]
        adam = torch.optim.AdamW(groups, s.rate, fused=True)
        if not inner:
            return [adam]
        return [adam, Muon([p for name, p in named if name in inner], s.rate, decay=s.decay, speed=s.inner_speed)]

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def _resume(self) -> None:
        if not self._checkpoint.exists():
            return
        try:
            state = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            for optimiser, stored in zip(self._optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(stored)
            self._average = state["average"]
            self.step, self._begun = int(state["step"]), int(state.get("begun", 0))
        except Exception as error:  # torch raises half a dozen kinds for a damaged file
            raise TrainingError(
                "training.checkpoint",
                f"{self._checkpoint} cannot be resumed ({error}).",
                "Delete it to start again, or use another folder.",
            ) from error

    def save(self) -> None:
        """Writes the checkpoint; the one before stays whole until the new one is."""
        part = self._checkpoint.with_suffix(".part")
        state = {
            "network": self.network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "average": self._average,
            "step": self.step,
            "begun": self._begun,
            "settings": asdict(self.settings),
        }
        try:
            torch.save(state, part)
            part.replace(self._checkpoint)
        except (OSError, RuntimeError) as error:
            part.unlink(missing_ok=True)
            raise TrainingError(
                "training.write",
                f"{self._checkpoint} could not be written ({error}).",
                "Free some space and run again.",
            ) from error

    def begin_at(self, step: int, weights: Mapping[str, Tensor]) -> None:
        """Goes on from averaged weights alone, as if at `step`; does nothing where a checkpoint was resumed."""
        if self.step:
            return
        self.network.load_state_dict(dict(weights))
        self._average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.step = self._begun = step

    @property
    def average(self) -> Mapping[str, Tensor]:
        """The averaged weights as they are now, by name; not to be written to."""
        return self._average

    def averaged(self) -> nn.Module:
        """The network with the averaged weights, in eval mode (the same object: training goes on from a checkpoint)."""
        self.network.load_state_dict(self._average)
        return self.network.eval()

    def run(self, every: int = 1000, report: Callable[[nn.Module, int], Mapping[str, Any]] | None = None) -> None:
        """Trains to the last step; saves and logs after every `every` steps, and when it is interrupted.

        Args:
            report: called then with the network and the step; what it returns is logged.
        """
        torch.manual_seed(self.settings.seed)
        random.seed(self.settings.seed)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, TextColumn("{task.fields[loss]}"), refresh_per_second=0.5) as progress:
            bar = progress.add_task(self.folder.name, total=self.settings.steps, completed=self.step, loss="")
            try:
                for parts in self._steps(every):
                    progress.update(bar, completed=self.step, loss=f"loss {parts['loss']:.3f}")
                    if self.step % every == 0 or self.step == self.settings.steps:
                        self.save()
                        extra = report(self.network, self.step) if report else {}
                        self._log({**parts, **extra})
            except KeyboardInterrupt:
                self.save()
                raise

    def _log(self, entry: Mapping[str, Any]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": self.step, **entry}) + "\n")

    def _steps(self, every: int) -> Iterator[dict[str, float]]:
        shares = self.settings.shares
        numbers = range(self.step * shares, self.settings.steps * shares)
        with ExitStack() as stack:
            ahead = stack.enter_context(closing(_ahead(self._batch_of, numbers, 3 * shares)))
            at_once: Any = map
            if shares > 1:
                pool = ThreadPoolExecutor(shares, initializer=torch.set_num_threads, initargs=(1,))
                at_once = stack.enter_context(pool).map
            yield from self._each_step(zip(*[ahead] * shares, strict=True), at_once, every)

    def _each_step(self, batches: Iterator[tuple[Batch, ...]], at_once: Any, every: int) -> Iterator[dict[str, float]]:
        sums: dict[str, float] = {}
        since, started = 0, time.monotonic()
        for shares in batches:
            for optimiser in self._optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = self._rate(self.step)
                optimiser.zero_grad(set_to_none=True)
            for network in self._twins:
                network.train()
            torch.manual_seed(self.settings.seed * 1_000_003 + self.step)  # so that a resumed run draws the same
            results = list(at_once(self._learn, self._twins, shares))
            self._gather()
            parts = {name: sum(result[name] for result in results) / len(results) for name in results[0]}
            nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            for optimiser in self._optimisers:
                optimiser.step()
            self.step += 1
            self._update_average()
            since += 1
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
            means = {name: value / since for name, value in sums.items()}
            means["pictures_per_s"] = since * self.settings.batch / (time.monotonic() - started)
            yield means
            if self.step % every == 0:
                sums, since, started = {}, 0, time.monotonic()

    def _learn(self, network: nn.Module, batch: Batch) -> dict[str, float]:
        """Adds a share's gradients to those of its network; the loss and its parts."""
        loss, parts = self._loss(network, batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                "training.diverged", f"The loss is {value} at step {self.step}.", "Lower the learning rate."
            )
        (loss / self.settings.shares).backward()  # type: ignore[no-untyped-call]
        return {"loss": value, **parts}

    def _gather(self) -> None:
        """Sums the shares' gradients into the first network's."""
        for own, *others in zip(*(twin.parameters() for twin in self._twins), strict=True):
            for other in others:
                if own.grad is not None and other.grad is not None:
                    own.grad += other.grad
                other.grad = None

    def _rate(self, step: int) -> float:
        s = self.settings
        along = (step - s.warm_up) / max(s.steps - s.warm_up, 1)
        rate = s.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(max(along, 0.0), 1.0))))
        return rate * min((step - self._begun + 1) / s.warm_up, 1.0)

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.settings.average, (1 + self.step) / (10 + self.step))  # a short memory at the start
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                self._average[name].lerp_(value, 1 - keep)
            else:
                self._average[name].copy_(value)


def _twin(network: nn.Module) -> nn.Module:
    """A network with the same weights in the same memory, and gradients and batch norm statistics of its own."""
    twin = copy.deepcopy(network)
    for own, shared in zip(twin.parameters(), network.parameters(), strict=True):
        own.data = shared.data
    return twin


def _ahead(batch_of: Callable[[int], Batch], steps: range, depth: int) -> Generator[Batch]:
    """The batches of these steps, prepared in a thread while the network works."""
    ready: queue.Queue[Any] = queue.Queue(depth)
    stop = threading.Event()

    def offer(item: Any) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.5)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for step in steps:
                if stop.is_set():
                    return
                offer(batch_of(step))
        except BaseException as error:
            offer(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        for _ in steps:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def rows_of(step: int, batch: int, count: int, seed: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The rows that step `step` sees: each epoch is its own permutation of all."""
    if batch > count:
        raise TrainingError("training.config", f"A batch of {batch} from {count} pictures.", "Render more pictures.")
    per_epoch = count // batch
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng((seed, epoch)).permutation(count)
    return order[place * batch : (place + 1) * batch]


def keep_threads_apart() -> None:
    """One thread for OpenCV, because torch owns the cores; and threads that do not wait long for the interpreter."""
    import cv2

    cv2.setNumThreads(1)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.setswitchinterval(2e-4)
