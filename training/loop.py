"""The training loop that all networks share: seeded, resumable, averaging the weights, logged as JSON lines."""

from __future__ import annotations

import json
import math
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from training.errors import TrainingError

Batch = Any
Loss = Callable[[nn.Module, Batch], tuple[Tensor, Mapping[str, float]]]


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Attributes:
        steps: of the optimiser in all. batch: pictures per step. rate: the highest learning rate, reached after
            `warm_up` steps, then down a cosine to a hundredth. decay: of the weights. average: of the weights' mean.
        seed: of everything. threads: of torch; 0 leaves its own choice.
    """

    steps: int
    batch: int = 64
    rate: float = 2e-3
    warm_up: int = 300
    decay: float = 0.02
    average: float = 0.999
    seed: int = 1
    threads: int = 0


class Trainer:
    """Trains one network in one folder: `checkpoint.pt` to go on from, `log.jsonl` with the losses.

    Args:
        loss: (network, batch) -> scalar and its parts by name.
        device: torch's name; None: a GPU where there is one.
        batch_of: step -> batch; must depend on the step alone, so that a run that was stopped goes on as if it was not.
    """

    def __init__(
        self,
        folder: Path,
        network: nn.Module,
        settings: Settings,
        loss: Loss,
        batch_of: Callable[[int], Batch],
        device: str | None = None,
    ) -> None:
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.network: nn.Module = network.to(self.device)
        self.folder, self.settings, self.step = folder, settings, 0
        self._loss, self._batch_of = loss, batch_of
        decayed = [p for p in network.parameters() if p.ndim > 1]
        free = [p for p in network.parameters() if p.ndim <= 1]
        self._optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": settings.decay}, {"params": free, "weight_decay": 0.0}],
            settings.rate,
            fused=True,
        )
        self._average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def _resume(self) -> None:
        if not self._checkpoint.exists():
            return
        try:
            state = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self._optimiser.load_state_dict(state["optimiser"])
            self._average = state["average"]
            self.step = int(state["step"])
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
            "optimiser": self._optimiser.state_dict(),
            "average": self._average,
            "step": self.step,
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
        self.network.train()
        sums: dict[str, float] = {}
        since, started = 0, time.monotonic()
        for batch in _ahead(self._batch_of, range(self.step, self.settings.steps)):
            for group in self._optimiser.param_groups:
                group["lr"] = self._rate(self.step)
            self._optimiser.zero_grad(set_to_none=True)
            self.network.train()
            torch.manual_seed(self.settings.seed * 1_000_003 + self.step)  # so that a resumed run draws the same
            loss, parts = self._loss(self.network, batch)
            if not bool(torch.isfinite(loss)):
                raise TrainingError(
                    "training.diverged",
                    f"The loss is {float(loss.detach())} at step {self.step}.",
                    "Lower the learning rate.",
                )
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            self._optimiser.step()
            self.step += 1
            self._update_average()
            since += 1
            for name, value in {"loss": float(loss.detach()), **parts}.items():
                sums[name] = sums.get(name, 0.0) + value
            means = {name: value / since for name, value in sums.items()}
            means["pictures_per_s"] = since * self.settings.batch / (time.monotonic() - started)
            yield means
            if self.step % every == 0:
                sums, since, started = {}, 0, time.monotonic()

    def _rate(self, step: int) -> float:
        s = self.settings
        if step < s.warm_up:
            return s.rate * (step + 1) / s.warm_up
        along = (step - s.warm_up) / max(s.steps - s.warm_up, 1)
        return s.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(along, 1.0))))

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.settings.average, (1 + self.step) / (10 + self.step))  # a short memory at the start
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                self._average[name].lerp_(value, 1 - keep)
            else:
                self._average[name].copy_(value)


def _ahead(batch_of: Callable[[int], Batch], steps: range, depth: int = 3) -> Iterator[Batch]:
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
    """One thread for OpenCV: torch owns the cores."""
    import cv2

    cv2.setNumThreads(1)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
