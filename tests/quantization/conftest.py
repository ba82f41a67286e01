"""A small network with a layer that int8 hurts, and pictures for it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from export.build import run_of
from export.graph import simplified, trace
from quantization.samples import Run, Samples

COLUMNS = ("smile", "open", "blink")


class Small(nn.Module):
    """Three numbers about a picture of 32 x 32; a huge channel of the first layer leaves its others no room in int8."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.second = nn.Conv2d(8, 16, 3, 2, 1)
        self.third = nn.Conv2d(16, 16, 3, 2, 1)
        self.head = nn.Linear(16 * 16, 3)
        with torch.no_grad():
            self.first.weight[0] *= 300
            self.second.weight[:, 0] /= 300

    def forward(self, image: Tensor) -> Tensor:
        x = torch.relu(self.first(image))
        x = torch.relu(self.third(torch.relu(self.second(x))))
        return self.head(x.flatten(1))


@pytest.fixture(scope="session")
def module() -> Small:
    torch.manual_seed(3)
    return Small().eval()


@pytest.fixture(scope="session")
def model(module: Small) -> onnx.ModelProto:
    return simplified(trace(module, [torch.rand(1, 3, 32, 32)], ["image"], ["face"]))


@pytest.fixture(scope="session")
def run(model: onnx.ModelProto) -> Run:
    return run_of(model)


@pytest.fixture(scope="session")
def pictures() -> Samples:
    """200 smooth random pictures; noise alone would give every picture the same answer."""
    rng = np.random.default_rng(5)
    coarse = torch.from_numpy(rng.random((200, 3, 4, 4)).astype(np.float32))
    return Samples({"image": nn.functional.interpolate(coarse, (32, 32), mode="bilinear").numpy()})
