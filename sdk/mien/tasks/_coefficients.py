"""The coefficients of a face: an output of the landmark network, or of a network of their own behind the landmarks.

And what the landmark network says about how well each region of the face can be seen.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mien.errors import BundleError, InputError
from mien.filters.one_euro import OneEuro
from mien.layouts import ARKIT52, layout
from mien.manifest import Section
from mien.profiler import Profiler
from mien.tasks._landmarks import Found, LandmarkStage
from mien.tasks._loader import Loader
from mien.tasks._network import Runner

F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


class CoefficientStage:
    """Coefficients in a layout, then `extras` that no layout has.

    Without `network` they are the output `coefficients` of the landmark network. With one, it takes some landmarks in
    frame pixels as its input `points` and gives `scores`.

    Attributes:
        loaded: the network of their own, or None.
        extras: the names of the extras.
    """

    def __init__(self, section: Section, load: Loader, landmarks: LandmarkStage) -> None:
        self._layout = layout(section.text("layout"))
        self.extras = tuple(section.texts("extras", []))
        if len(set(self.extras) - set(ARKIT52.names)) != len(self.extras):
            raise BundleError("manifest.field", f"{section.path}.extras: names stand twice or are ARKit's.", "")
        # Which output goes where is settled once; converting by name each time took 33 us of a frame instead of 13.
        source = self._layout.mapping(ARKIT52)
        self.valid = source >= 0
        self.valid.setflags(write=False)
        self._slots, self._source = np.flatnonzero(self.valid), source[self.valid]
        self.loaded = load(section.text("network")) if "network" in section else None
        if self.loaded is None:
            landmarks.expect("coefficients", len(self._layout) + len(self.extras))
            return
        chosen = section.integers("landmarks")
        if not chosen or min(chosen) < 0 or max(chosen) >= landmarks.count:
            last = landmarks.count - 1
            raise BundleError("manifest.field", f"{section.path}.landmarks: not all within 0..{last}.", "")
        # Offsets of x and y of each chosen landmark in the flat array.
        self._chosen = (np.array(chosen, np.intp)[:, None] * 3 + np.arange(2)).reshape(-1)
        points = self.loaded.network.inputs.get("points")
        if len(self.loaded.network.inputs) != 1 or points is None or points.shape != (1, len(chosen), 2):
            raise BundleError(
                "manifest.field",
                f"Network {self.loaded.network.name!r} needs one input, points (1, {len(chosen)}, 2).",
                "",
            )
        shape = self.loaded.network.output("scores").shape
        if math.prod(shape) != len(self._layout) + len(self.extras):
            named = f"{self._layout.name} has {len(self._layout)}, and there are {len(self.extras)} extras"
            raise BundleError("manifest.field", f"Output scores has shape {shape}, {named}.", "")

    def read(self, face: Found, runner: Runner | None, profiler: Profiler) -> F32:
        """The coefficients in the network's own order."""
        if runner is None:
            return face.outputs["coefficients"].reshape(-1)
        with profiler.stage("prepare"):
            points = runner.buffer("points").reshape(-1)
            np.take(face.landmarks.reshape(-1), self._chosen, axis=0, out=points, mode="clip")
        return runner.run(profiler)["scores"].reshape(-1)

    def decode(self, values: F32) -> tuple[F32, dict[str, float] | None]:
        """What `read` gave as (52,) in ARKit order and extras by name, all clamped to 0..1."""
        clamped = np.minimum(values, 1.0)
        np.maximum(clamped, 0.0, out=clamped)
        out = np.zeros(len(ARKIT52), np.float32)
        out[self._slots] = clamped[self._source]
        out.setflags(write=False)  # `values` and `raw` share it
        if not self.extras:
            return out, None
        return out, dict(zip(self.extras, clamped[len(self._layout) :].tolist(), strict=True))


class VisibilityStage:
    """Which regions of the face can be seen: the landmark network's output `visibility`, a logit per region.

    A region below `min` is hidden; then the coefficients and extras that the manifest lists for it are not valid.
    """

    def __init__(self, section: Section, landmarks: LandmarkStage, extras: tuple[str, ...]) -> None:
        self._regions = tuple(section.texts("regions"))
        self._min = section.number("min", 0.5, 0, 1)
        landmarks.expect("visibility", len(self._regions))
        names = [*ARKIT52.names, *extras]
        self._rules = np.zeros((len(self._regions), len(names)), np.bool_)
        self._extras = extras
        rules = section.section("coefficients")
        for region in rules.fields:
            for name in rules.texts(region):
                if region not in self._regions or name not in names:
                    raise BundleError("manifest.field", f"{rules.path}.{region}: no such region, or no {name!r}.", "")
                self._rules[self._regions.index(region), names.index(name)] = True

    def read(self, face: Found) -> tuple[dict[str, float], Bool | None]:
        """Each region's visibility 0..1, and which of the 52 coefficients and extras are hidden, if any are."""
        # The sigmoid as a tanh, which cannot overflow.
        seen = 0.5 + 0.5 * np.tanh(0.5 * face.outputs["visibility"].reshape(-1))
        hidden = seen < self._min
        return dict(zip(self._regions, seen.tolist(), strict=True)), hidden @ self._rules if hidden.any() else None


def coefficient_filter(section: Section) -> OneEuro:
    """The filter that the bundle wants on its coefficients."""
    groups = section.section("groups") if "groups" in section else Section({}, "")
    pairs = {prefix: groups.numbers(prefix, 2) for prefix in groups.fields}
    try:
        return OneEuro(
            section.number("min_cutoff"),
            section.number("beta"),
            section.number("derivative_cutoff", 1.0),
            {prefix: (cutoff, beta) for prefix, (cutoff, beta) in pairs.items()},
            section.flag("settle", False),
            section.flag("catch_up", False),
        )
    except InputError as error:
        raise BundleError("manifest.field", f"{section.path}: {error.message}", error.advice) from error
