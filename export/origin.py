"""Origin: what a default bundle's recipe takes over from where its weights come from.

That is a checkpoint of training, or a bundle that was made before: what ships has outlived its checkpoints. Then its
float ONNX is taken over byte for byte, so that what was measured on it stays true of the new bundle, and so are the
members that need the assets of training to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.bundle import Bundle

from training import checkpoint


@dataclass(frozen=True)
class Origin:
    """See the module's text.

    Attributes:
        metrics: what the checkpoint or the bundle says of how its weights were made and how well they do.
        members: of the bundle, beside the network.
        stored: the float graph as ONNX, weights in half; empty where it has to be traced.
    """

    metrics: Mapping[str, Any]
    members: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    stored: bytes = field(default=b"", repr=False)

    def metrics_with(self, lost: float) -> dict[str, Any]:
        """The figures for the new manifest.

        Args:
            lost: what rounding the weights to half changed just now; 0 for those of a bundle, which says it already.
        """
        return {**self.metrics, **({"parity_with_torch": lost} if lost else {})}


def is_bundle(path: Path) -> bool:
    """Whether that is a bundle, by its name."""
    return path.suffix == ".mien"


def open_origin(path: Path, network: str, members: Callable[[], Mapping[str, bytes]] = dict) -> Origin:
    """Reads it.

    Args:
        network: its name in a bundle's manifest; it has that one. members: makes the other members for a checkpoint.

    Raises:
        BundleError: the bundle is damaged. TrainingError: ``training.checkpoint``, the checkpoint is, or `members`.
    """
    if not is_bundle(path):
        return Origin(checkpoint.metrics_of(path), members())
    with Bundle.open(path) as bundle:
        targets = bundle.manifest.networks[network].targets
        own = {name for target in targets for name in (target.blob, target.weights)}
        kept = {name: bytes(bundle.blob(name)) for name in bundle.names() if name not in own}
        metrics = {k: v for k, v in bundle.manifest.root.fields.get("metrics", {}).items() if k != "export"}
        onnx = (
            t.blob for t in targets if (t.engine, t.precision) == ("onnxruntime", "fp32") and t.blob.endswith(".onnx")
        )
        stored = next(onnx, "")
        return Origin(metrics, kept, bytes(bundle.blob(stored)) if stored else b"")
