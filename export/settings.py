"""Settings: what the command line says of one export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from quantization.calibration import LARGEST, SMALLEST
from quantization.errors import QuantizationError


@dataclass(frozen=True)
class Settings:
    """Equal settings and files give equal bundles.

    Attributes:
        work: folder of everything between.
        recipe: a recipe's name or .py file; "" where `origin` is a model that this project has no recipe for.
        origin: where the weights come from: the recipe's checkpoint or bundle, or the foreign model's file; None: the
            recipe's own choice.
        network: which network of a foreign bundle; "" means the first that looks at pictures.
        pictures: a folder with the user's pictures to calibrate and judge on, instead of the recipe's samples.
        calibration: how many samples to calibrate on.
        method: the file of quantization/methods that makes int8 ONNX.
        shapes: input -> extents, for foreign models that leave them open.
    """

    work: Path
    recipe: str = ""
    origin: Path | None = None
    network: str = ""
    pictures: Path | None = None
    calibration: int = 300
    method: str = "nncf-ptq"
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not SMALLEST <= self.calibration <= LARGEST:
            raise QuantizationError(
                "calibration.small" if self.calibration < SMALLEST else "calibration.large",
                f"{self.calibration} samples to calibrate on.",
                f"{SMALLEST} to {LARGEST} are sensible.",
            )
