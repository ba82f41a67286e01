"""Judge: the gate for one model: an int8 network beside the float one, on samples that fit the question."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from export.values import Values
from quantization.gate import Limits, Verdict, judge
from quantization.samples import Run, Samples, answers


class Judge:
    """See the module's text."""

    def __init__(self, values: Values) -> None:
        self._values = values

    @cached_property
    def limits(self) -> Limits:
        """The recipe's; where nobody knows an output's unit it is the range of its values, or 1 if that is less."""
        values, recipe = self._values, self._values.recipe
        if recipe.module is not None:
            return recipe.limits
        said = answers(values.run, values.tuning, list(recipe.outputs))
        spans = {name: float(np.ptp(np.percentile(found, (1, 99)))) for name, found in said.items()}
        return replace(recipe.limits, units={**{k: max(v, 1.0) for k, v in spans.items()}, **recipe.limits.units})

    def at_the_gate(self, run: Run) -> Verdict:
        """On samples that nobody has seen."""
        return self._judged(run, self._values.held_out, self.limits)

    def good_enough(self, run: Run) -> bool:
        """Whether an int8 network may go to the gate: on samples of its own, with less room than there."""
        return self._judged(run, self._values.tuning, self.limits.stricter()).passed

    def _judged(self, run: Run, samples: Samples, limits: Limits) -> Verdict:
        recipe = self._values.recipe
        return judge(
            self._values.run, run, samples, list(recipe.outputs), limits, columns=recipe.columns,
            metrics=recipe.metrics, image=recipe.image, white=recipe.value[0] * 255,
        )  # fmt: skip
