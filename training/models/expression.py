"""The expression network: what a face expresses, from the features of the face network.

It has the whole face network inside (frozen) and gives its outputs too, so that one run per frame answers everything.
Expert heads see different mixtures while they are trained, and are one linear layer each when exported.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.models.blocks import Foldable
from training.models.face import COEFFICIENTS, FEATURES, REGIONS, FaceNetwork, FaceOutputs

UNITS, EMOTIONS, EMBEDDING = 17, 8, 64
GRID = 14  # cells of the attention map along a side
_SPATIAL = 48
_CODE = 160
_LOCAL = 64
_WINDOW = 5  # cells of the finer map that one cell of the attention map sees, along a side
# Shares that training hides. Heads that saw all of it learnt the rendered people by heart: a trial that told unknown
# expressions alone reached an area under the curve of 0.823 on others, and 0.849 with these.
_HIDDEN_INPUTS, _HIDDEN_CODE = 0.1, 0.2


class ExpressionOutputs(NamedTuple):
    """What the heads give for a batch of B.

    aus: (B, 17), not clamped. emotion: (B, 8), probabilities. affect: (B, 2), valence and arousal, -1..1. embedding:
    (B, 64), unit. raw_embedding: (B, 64). unknown: (B, 1), probability. attention: (B, 14, 14), sums to 1.
    """

    aus: Tensor
    emotion: Tensor
    affect: Tensor
    embedding: Tensor
    raw_embedding: Tensor
    unknown: Tensor
    attention: Tensor


class Mixed(Foldable):
    """A linear layer made of experts: a random mixture per sample in training, their mean afterwards."""

    def __init__(self, inputs: int, outputs: int, experts: int = 4) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(inputs, outputs) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            mean: Tensor = self.fold()(x)
            return mean
        share = torch.distributions.Dirichlet(torch.ones(len(self.experts), device=x.device)).sample((len(x),))
        every = torch.stack([expert(x) for expert in self.experts], 2)
        return (every * share[:, None]).sum(2)

    def fold(self) -> nn.Linear:
        """The mean of the experts as one layer."""
        experts = [expert for expert in self.experts if isinstance(expert, nn.Linear)]
        first = experts[0]
        out = nn.Linear(first.in_features, first.out_features).to(first.weight.device)
        with torch.no_grad():
            out.weight.copy_(torch.stack([expert.weight for expert in experts]).mean(0))
            out.bias.copy_(torch.stack([expert.bias for expert in experts]).mean(0))
        return out


class Heads(nn.Module):
    """From the face network's outputs to an expression.

    Args:
        places: (9, 14, 14), where on the attention map each region of the face lies, 0..1.
    """

    places: Tensor
    pole: Tensor

    def __init__(self, places: Tensor) -> None:
        super().__init__()
        self.register_buffer("places", places.reshape(REGIONS, GRID * GRID))
        self.look = nn.Conv2d(_SPATIAL, 1, _WINDOW)
        self.spread = nn.AvgPool2d(_WINDOW, 1)
        width = FEATURES + _SPATIAL + COEFFICIENTS + REGIONS
        self.scale = nn.BatchNorm1d(width, affine=False)  # the parts come in very different units
        self.hide = nn.Dropout(_HIDDEN_INPUTS)
        self.code = nn.Sequential(nn.Linear(width, _CODE), _active(), nn.Linear(_CODE, _CODE), _active())
        self.local = nn.Sequential(nn.Linear(width, _LOCAL), _active())
        self.masks = nn.Linear(_CODE, UNITS * _LOCAL)
        self.units = nn.Linear(_LOCAL, UNITS)
        self.embed = nn.Linear(_CODE, EMBEDDING)
        # The neutral face is the pole of the sphere, else its direction would be noise.
        pole = torch.zeros(EMBEDDING)
        pole[-1] = 1
        self.register_buffer("pole", pole)
        self.emotion = Mixed(_CODE + EMBEDDING, EMOTIONS)
        self.affect = Mixed(_CODE + EMBEDDING, 2)
        self.unknown = Mixed(_CODE + EMBEDDING + EMOTIONS, 1)

    def forward(
        self, features: Tensor, spatial: Tensor, coefficients: Tensor, visibility: Tensor, neutral: Tensor
    ) -> ExpressionOutputs:
        """Everything as the face network gives it (visibility: logits); neutral: (B, 64), zeros where unknown."""
        seen = torch.sigmoid(visibility)
        # What is hidden is not looked at: its cells lose weight by the logarithm of how visible they are.
        hidden = torch.log(seen.clamp(min=0.02)) @ self.places
        attention = torch.softmax(self.look(spatial).flatten(1) + hidden, 1).reshape(-1, GRID, GRID)
        # The mean of what the cells see, as a weight of every finer cell: 48 channels need not be averaged first.
        weight = self.spread(nn.functional.pad(attention[:, None], [_WINDOW - 1] * 4))
        pooled = (spatial * weight).sum((2, 3))
        whole = self.hide(self.scale(torch.cat([features, pooled, coefficients, seen], 1)))
        code = self.code(whole)
        masks = torch.sigmoid(self.masks(code)).reshape(-1, UNITS, _LOCAL)
        aus = (masks * self.local(whole)[:, None] * self.units.weight).sum(2) + self.units.bias
        raw = self.embed(code) * (1 - self.pole)
        own = raw - neutral
        high = own + self.pole
        told = torch.cat([code, own], 1)
        emotion = self.emotion(told)
        return ExpressionOutputs(
            aus,
            torch.softmax(emotion, 1),
            torch.tanh(self.affect(told)),
            high / torch.sqrt((high * high).sum(1, keepdim=True)),
            raw,
            torch.sigmoid(self.unknown(torch.cat([told, emotion], 1))),
            attention,
        )


def _active() -> nn.Module:
    return nn.Sequential(nn.ReLU(), nn.Dropout(_HIDDEN_CODE))


class ExpressionNetwork(nn.Module):
    """The face network and the heads: image (B, 3, 144, 144) and neutral (B, 64) in, the outputs of both out."""

    def __init__(self, face: FaceNetwork, heads: Heads) -> None:
        super().__init__()
        self.face, self.heads = face, heads

    def forward(self, image: Tensor, neutral: Tensor) -> tuple[Tensor, ...]:
        seen: FaceOutputs = self.face(image)
        told: ExpressionOutputs = self.heads(seen.features, seen.spatial, seen.coefficients, seen.visibility, neutral)
        return (*seen[:6], *told)
