"""The manifest of the `imu` bundle: where sensors sit and what comes out."""

from __future__ import annotations

from typing import Any

from mien.kinematics import quaternions

from export.manifests.common import licence, ports
from training.imu_data import STEP_RATE
from training.models.imu import COEFFICIENTS, FEATURES, HIDDEN, REGIONS, SLOTS
from training.performer.imu_layout import HEAD, SIZES, layout, nominal

INPUTS = {"features": (1, FEATURES), "state": (1, HIDDEN)}
OUTPUTS = {"coefficients": (1, len(COEFFICIENTS)), "confidence": (1, len(REGIONS)), "next_state": (1, HIDDEN)}
MIN_CONFIDENCE = 0.3  # a region's expected exp(-error / 0.1): an error of 0.12
# One-Euro, light: takes 40 % of the noise of a still face and 0.005 of mean r; with 1.5 Hz and 0.8 it took 0.035 of r.
COEFFICIENT_FILTER = {"min_cutoff": 5.0, "beta": 3.0, "derivative_cutoff": 1.0, "settle": True}
TRAINING_DATA = (
    "Simulated sensors on mien's own synthetic performer (ICT-FaceKit geometry, MIT; expression curves from recorded "
    "Live Link Face takes, MIT, and from rules). No photograph of a person was used, and nobody wore a sensor."
)


def imu_section() -> dict[str, Any]:
    """The manifest's `imu` section."""
    place, frame = nominal()
    names = (HEAD, *layout(f"imu{SLOTS}").names)
    rotation = quaternions(frame)
    return {
        "network": "imu",
        "rate": STEP_RATE,
        "sensors": [
            {"name": name, "place": [round(float(v), 5) for v in p], "rotation": [round(float(v), 6) for v in q]}
            for name, p, q in zip(names, place, rotation, strict=True)
        ],
        "layouts": {f"imu{size}": list(layout(f"imu{size}").names) for size in SIZES},
        "coefficients": list(COEFFICIENTS),
        "regions": {
            region: [name for name in COEFFICIENTS if name.startswith(starts)] for region, starts in REGIONS.items()
        },
        "min_confidence": MIN_CONFIDENCE,
        "coefficient_filter": COEFFICIENT_FILTER,
    }


def manifest() -> dict[str, Any]:
    """What the bundle says of itself, but for targets and metrics."""
    return {
        "schema": 1,
        "name": "imu",
        "task": "imu",
        "licence": licence(),
        "training_data": TRAINING_DATA,
        "networks": {"imu": ports(INPUTS, OUTPUTS)},
        "imu": imu_section(),
    }
