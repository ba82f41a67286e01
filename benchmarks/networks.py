"""What the default networks cost: each against MobileNetV2-224, on one pinned core, one thread, interleaved.

REF is MobileNetV2 1.0 at 224x224 with random weights, written here as an ONNX graph: batch norms are folded into its
convolutions, as every engine does. Sizes are those of the shipped bundles. `halves` is the face network that is being
trained (training/face), with random weights: it does not ship yet.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import mien
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from mien.bundle import Bundle
from onnx import TensorProto, helper, numpy_helper

from benchmarks._report import ROOT, keep, pin, verdict
from export.named import Named
from training.face.network import HalvesNetwork
from training.models.blocks import fold

SEED = 3
ROUNDS = 300
FACE_LIMIT, HALVES_LIMIT, SIZE_LIMIT = 0.20, 0.48, 32.0  # x REF: of today's face network and of the next; MB of all
_OUTPUTS = 6  # of a face network, by which it is used
# expansion, channels, repeats, stride (Sandler et al. 2018, table 2)
_BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
MODELS = Path(mien.__file__).parent / "models"


def main() -> None:
    """Runs the comparison."""
    core = pin()
    sessions = {"REF": _session(mobilenet_v2()), "halves": _session(halves())}
    for path in sorted(MODELS.glob("*.mien")):
        bundle = Bundle.open(path)
        for name, network in bundle.manifest.networks.items():
            for target in network.targets:
                if target.engine == "onnxruntime":
                    sessions[f"{path.stem}/{name} {target.precision}"] = _session(bytes(bundle.blob(target.blob)))
    times: dict[str, list[int]] = {name: [] for name in sessions}
    rng = np.random.default_rng(SEED)
    feeds = {name: _feed(session, rng) for name, session in sessions.items()}
    for round_ in range(-20, ROUNDS):
        for name, session in sessions.items():
            start = time.perf_counter_ns()
            session.run(None, feeds[name])
            if round_ >= 0:
                times[name].append(time.perf_counter_ns() - start)
    p50 = {name: float(np.median(spent) / 1e6) for name, spent in times.items()}
    sizes = {path.name: path.stat().st_size / 1e6 for path in sorted(MODELS.glob("*.mien"))}
    for name, value in p50.items():
        print(f"{name:<28} p50 {value:.3f} ms  {value / p50['REF']:.3f} x REF")
    for name, size in sizes.items():
        print(f"{name:<28} {size:.2f} MB")
    face = next(value for name, value in p50.items() if name.startswith("face/"))
    asked = [
        verdict("face network, MobileNetV2-224 = 1", face / p50["REF"], FACE_LIMIT, "x"),
        verdict(
            "face network of two halves (in training), MobileNetV2-224 = 1",
            p50["halves"] / p50["REF"],
            HALVES_LIMIT,
            "x",
        ),
        verdict("all default bundles", sum(sizes.values()), SIZE_LIMIT, " MB"),
    ]
    figures = {"p50_ms": p50, "megabytes": sizes, "core": core, "asked": asked}
    print("kept", keep("networks", figures, SEED).relative_to(ROOT))


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _feed(session: onnxruntime.InferenceSession, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float32]]:
    return {port.name: rng.random(port.shape).astype(np.float32) for port in session.get_inputs()}


def halves() -> bytes:
    """The face network of two halves as ONNX, with random weights."""
    torch.manual_seed(SEED)
    network = HalvesNetwork().eval()
    picture = torch.rand(1, 3, network.size, network.size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "halves.onnx"
        module = Named(fold(network), _OUTPUTS)
        torch.onnx.export(module, (picture,), path, dynamo=True, opset_version=18, external_data=False, verbose=False)
        return path.read_bytes()


class _Graph:
    """Nodes one behind the other."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._rng = np.random.default_rng(SEED)

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def constant(self, value: npt.NDArray[np.float32]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def conv(self, x: str, inputs: int, outputs: int, side: int, stride: int, groups: int, relu: bool) -> str:
        fan = inputs // groups * side * side
        weight = self._rng.normal(0, (2 / fan) ** 0.5, (outputs, inputs // groups, side, side)).astype(np.float32)
        names = [x, self.constant(weight), self.constant(np.zeros(outputs, np.float32))]
        out = self.add("Conv", names, kernel_shape=[side] * 2, strides=[stride] * 2, pads=[side // 2] * 4, group=groups)
        return self.add("Clip", [out, self._zero(), self._six()]) if relu else out

    def _zero(self) -> str:
        return self.constant(np.array(0, np.float32))

    def _six(self) -> str:
        return self.constant(np.array(6, np.float32))


def mobilenet_v2() -> bytes:
    """MobileNetV2 1.0, 224x224, 1000 classes, as ONNX."""
    g = _Graph()
    x, width = g.conv("image", 3, 32, 3, 2, 1, True), 32
    for expansion, channels, repeats, stride in _BLOCKS:
        for k in range(repeats):
            inner, step = width * expansion, stride if k == 0 else 1
            y = x if expansion == 1 else g.conv(x, width, inner, 1, 1, 1, True)
            y = g.conv(y, inner, inner, 3, step, inner, True)
            y = g.conv(y, inner, channels, 1, 1, 1, False)
            x = g.add("Add", [x, y]) if step == 1 and width == channels else y
            width = channels
    x = g.add("GlobalAveragePool", [g.conv(x, width, 1280, 1, 1, 1, True)])
    x = g.add("Flatten", [x])
    classes = np.random.default_rng(SEED).normal(0, 0.02, (1280, 1000)).astype(np.float32)
    x = g.add("MatMul", [x, g.constant(classes)])
    graph = helper.make_graph(
        g.nodes,
        "mobilenet_v2",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 1000])],
        g.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
