"""The weights of a finished bundle, back in torch: for fine-tuning, or as a start, without the checkpoint that made it.

The ONNX of a bundle keeps the names of torch's parameters. Its convolutions are folded (see models/blocks.py), so the
networks here are the folded ones: they give the bundle's answers. `begin_with` gives them batch norms to train again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from mien.bundle import Bundle
from onnx import numpy_helper
from torch import Tensor, nn

from training.errors import TrainingError
from training.models.blocks import Foldable, fold
from training.models.expression import GRID, ExpressionNetwork, Heads
from training.models.face import REGIONS, FaceNetwork

NETWORK = "face"  # the network of a face or expression bundle, by the manifest's name
_FIXED = (".num_batches_tracked", ".pole")
_PREFIX, _HALF = "network.", "_half"  # what export/named.py and export/graph.py put around a name


def weights_of(path: Path, name: str = NETWORK) -> dict[str, Tensor]:
    """The parameters of a bundle's network by their names in the folded torch network, float32.

    They are exact to half precision, in which bundles store them. A bias that is zero throughout is missing.

    Raises:
        BundleError: the file is none or damaged. TrainingError: ``training.weights``, it holds no ONNX model of this
            project.
    """
    bundle = Bundle.open(path)
    found = {}
    for initializer in _graph(bundle, name).initializer:
        name = initializer.name.removesuffix(_HALF)
        if name.startswith(_PREFIX):
            values = numpy_helper.to_array(initializer).astype(np.float32)
            found[name.removeprefix(_PREFIX)] = torch.from_numpy(values)
    if not found:
        raise TrainingError("training.weights", f"{path.name} is not a bundle that this project has trained.", "")
    return found


def _graph(bundle: Bundle, name: str) -> onnx.GraphProto:
    networks = bundle.manifest.networks
    targets = networks[name].targets if name in networks else ()
    for target in targets:
        floating = target.engine == "onnxruntime" and target.precision in ("fp32", "fp16")
        if floating and target.blob.endswith(".onnx"):  # not the ORT format
            return onnx.load_from_string(bytes(bundle.blob(target.blob))).graph
    raise TrainingError(
        "training.weights",
        f"{bundle.path.name} has no network {name!r} for ONNX Runtime in floating point.",
        "Give a bundle of this project.",
    )


def load_folded(path: Path) -> FaceNetwork | ExpressionNetwork:
    """The folded network of a bundle, in eval mode; an `ExpressionNetwork` where the bundle tells expressions.

    Raises:
        BundleError, TrainingError: as `weights_of`; ``training.weights``, it is another network than this version's.
    """
    weights = weights_of(path)
    network: FaceNetwork | ExpressionNetwork = FaceNetwork()
    if any(name.startswith("heads.") for name in weights):
        network = ExpressionNetwork(FaceNetwork(), Heads(torch.zeros(REGIONS, GRID, GRID)))
    fold(network.eval())
    network.load_state_dict(complete(network, weights, path))
    return network


def load_face(path: Path) -> FaceNetwork:
    """The folded network of a `face` bundle, in eval mode.

    Raises:
        BundleError, TrainingError: as `load_folded`; ``training.weights``, the bundle tells expressions too.
    """
    folded = load_folded(path)
    if not isinstance(folded, FaceNetwork):
        raise TrainingError("training.weights", f"{path.name} is no bundle of a face network alone.", "Give face.mien.")
    return folded


@torch.no_grad()
def begin_with(network: FaceNetwork, path: Path, images: Tensor) -> None:
    """Gives a face network the weights of a finished `face` bundle, with batch norms that can be trained again.

    Args:
        images: float (B, 3, 144, 144), 0..1, as training sees them; the norms' means and variances come from them.

    Raises:
        BundleError, TrainingError: as `load_face`.
    """
    folded = load_face(path)
    found: dict[str, tuple[Tensor, Tensor]] = {}

    def look(name: str, skip: bool) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            linear = layer[0]  # type: ignore[index]
            out = linear(inputs[0]) - (inputs[0] if skip else 0)
            out = out.transpose(0, 1).flatten(1) - linear.bias[:, None]
            found[name] = out.mean(1), out.var(1)

        return hook

    foldable = {name: layer for name, layer in network.named_modules() if isinstance(layer, Foldable)}
    hooks = [
        folded.get_submodule(name).register_forward_pre_hook(look(name, getattr(layer, "skip", False)))
        for name, layer in foldable.items()
    ]
    folded(images)
    for hook in hooks:
        hook.remove()
    state = folded.state_dict()
    for name, layer in foldable.items():
        layer.unfold(state.pop(f"{name}.0.weight"), state.pop(f"{name}.0.bias"), *found[name])
    unknown = network.load_state_dict(state, strict=False).unexpected_keys  # missing are the unfolded layers' own
    assert not unknown, unknown


def complete(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Every parameter: the exporter leaves out biases that are zero, and what the code itself fixes."""
    out = {}
    for name, empty in network.state_dict().items():
        left_out = torch.zeros_like(empty) if name.endswith(".bias") else empty if name.endswith(_FIXED) else None
        value = weights.get(name, left_out)
        if value is None or value.numel() != empty.numel():
            came = "none" if value is None else tuple(value.shape)
            raise TrainingError(
                "training.weights",
                f"{path.name} is of another network: {name} should be {tuple(empty.shape)}, it has {came}.",
                "Use the version of training that made it.",
            )
        out[name] = value.reshape(empty.shape)
    return out
