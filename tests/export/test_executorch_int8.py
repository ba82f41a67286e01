"""The ExecuTorch target in int8: a network that does not run with its heads in float gets another chance."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mien.errors import ModelError
from torch import Tensor, nn

pytest.importorskip("executorch")

from export.running import runner
from export.targets import executorch_int8
from export.targets.executorch_int8 import ExecutorchInt8, dense
from quantization.samples import Samples
from quantization.sensitivity import Layer

HEADS = ("look.", "say.", "tell.")


class Two(nn.Module):
    """A convolution, a small and a large dense layer as heads."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.look, self.say = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 16, 1), nn.Linear(1024, 20)
        self.tell = nn.Linear(1024, 40)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.relu(self.body(image))
        x = torch.relu(self.look(x)).flatten(1)
        return torch.cat([self.say(x), self.tell(x)], 1)


def build(judge: Any) -> Any:
    module = Two().eval()
    image = torch.rand(1, 3, 16, 16)
    recipe = SimpleNamespace(module=module, inputs={"image": image}, outputs=["y"], keep_float=HEADS)
    samples = Samples({"image": np.random.default_rng(0).random((32, 3, 16, 16)).astype(np.float32)})
    layers = [Layer("node_body", "body.weight", 1.0, 432)]
    return SimpleNamespace(
        network="two", recipe=recipe, calibration=samples, layers=lambda: layers, good_enough=judge,
        kept=lambda name, make: make(), settings=SimpleNamespace(work=Path()),
    )  # fmt: skip


def test_dense_heads_alone_stay_in_float_where_the_first_program_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    real = executorch_int8.Pt2e

    class Watched(real):  # type: ignore[valid-type, misc]
        def quantize(self, model: Any, samples: Samples, scheme: Any) -> Any:
            seen.append(list(scheme.keep_float))
            return super().quantize(model, samples, scheme)

    def judge(run: Any) -> bool:
        if "look." in seen[-1]:
            raise ModelError("model.run", "it does not run", "")
        return True

    monkeypatch.setattr(executorch_int8, "Pt2e", Watched)
    built = ExecutorchInt8.build(build(judge))
    assert seen == [list(HEADS), ["say.weight"]]
    said = runner(ExecutorchInt8, built)({"image": np.ones((1, 3, 16, 16), np.float32)}, ["y"])
    assert np.isfinite(said[0]).all()


def test_small_dense_heads_are_named_by_their_weights() -> None:
    assert dense(None, ("say.",)) == []
    assert dense(Two(), HEADS) == ["say.weight"]
