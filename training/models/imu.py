"""The network of the `imu` bundle: features of one step and a state in, coefficients, confidences and the state out.

A gated recurrent unit (Cho et al. 2014, as torch.nn.GRU has it) between two dense layers. `forward` takes one step,
written with matrix products so that every engine has its operators and int8 takes them; `sequence` is the same over
many steps at once, for training.
"""

from __future__ import annotations

import torch
from mien.layouts import ARKIT52
from torch import Tensor, nn

from training.performer.imu_layout import SIZES, skin_moving

SLOTS = max(SIZES)
PER_SENSOR, OF_HEAD = 12, 6  # as native/include/mien/imu.h lays the features out
FEATURES = SLOTS * (PER_SENSOR + 1) + OF_HEAD
HIDDEN, WIDE, DEEP = 160, 144, 112
COEFFICIENTS = tuple(ARKIT52.names[k] for k in skin_moving())
REGIONS = {
    "brows": ("brow",),
    "eyes": ("eye",),
    "cheeks": ("cheek",),
    "nose": ("nose",),
    "jaw": ("jaw",),
    "mouth": ("mouth",),
}


def region_matrix() -> Tensor:
    """float32 (43, regions): the mean over the coefficients of each region, as a matrix."""
    rows = torch.tensor([[float(name.startswith(starts)) for starts in REGIONS.values()] for name in COEFFICIENTS])
    return rows / rows.sum(0)


class ImuNetwork(nn.Module):
    """See the module's text. Outputs are not clamped; confidences are 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(FEATURES, WIDE)
        self.cell = nn.GRU(WIDE, HIDDEN, batch_first=True)
        self.deep = nn.Linear(WIDE + HIDDEN, DEEP)
        self.coefficients = nn.Linear(DEEP, len(COEFFICIENTS))
        self.confidence = nn.Linear(DEEP, len(REGIONS))

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One step.

        Args:
            features: (1, 240). state: (1, 160), zeros at first.

        Returns:
            coefficients (1, 43), confidence (1, 6), the next state (1, 160).
        """
        x = torch.relu(self.enter(features))
        input_weight, state_weight, input_bias, state_bias = self.cell.all_weights[0]
        of_input = nn.functional.linear(x, input_weight, input_bias)
        of_state = nn.functional.linear(state, state_weight, state_bias)
        reset = torch.sigmoid(of_input[:, :HIDDEN] + of_state[:, :HIDDEN])
        update = torch.sigmoid(of_input[:, HIDDEN : 2 * HIDDEN] + of_state[:, HIDDEN : 2 * HIDDEN])
        new = torch.tanh(of_input[:, 2 * HIDDEN :] + reset * of_state[:, 2 * HIDDEN :])
        after = new + update * (state - new)
        coefficients, confidence = self._say(x, after)
        return coefficients, torch.sigmoid(confidence), after

    def sequence(
        self, features: Tensor, state: Tensor | None = None, half: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Many steps (B, T, 240) from a state (1, B, 160): coefficients, logits of the confidences, the last state.

        Args:
            half: all but the last two layers in bfloat16: twice as fast where the processor has it.
        """
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            x = torch.relu(self.enter(features))
            states, last = self.cell(x, state)
        coefficients, confidence = self._say(x.float(), states.float())
        return coefficients, confidence, last

    def _say(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        deep = torch.relu(self.deep(torch.cat([x, state], -1)))
        return self.coefficients(deep), self.confidence(deep)
