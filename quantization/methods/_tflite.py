"""A .tflite file as ai-edge-quantizer wants it: with a signature, and with weights instead of halves to be widened."""

from __future__ import annotations

from typing import Any

import numpy as np

from quantization.samples import F32

_HALF, _FLOAT = 1, 0  # TensorType of the .tflite schema
_DEQUANTIZE, _WEIGHTED = 6, (3, 4, 9)  # BuiltinOperator; the second: convolutions, depthwise ones, dense layers
SIGNATURE = "serving_default"


def prepared(model: bytes) -> bytes:
    """The same function; bytes that need nothing come back as they are."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    tree = schema.ModelT.InitFromPackedBuf(bytes(model), 0)
    widened = sum(_widen(tree, graph) for graph in tree.subgraphs)
    if tree.signatureDefs and not widened:
        return bytes(model)
    if not tree.signatureDefs:
        tree.signatureDefs = [_signature(schema, tree.subgraphs[0])]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def weighted(model: bytes) -> list[tuple[str, F32]]:
    """The convolutions and dense layers with float weights: the name of what each makes, and its weights."""
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(bytes(model), 0)
    found = []
    for graph in tree.subgraphs:
        for op in graph.operators:
            code = tree.operatorCodes[op.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) not in _WEIGHTED:
                continue
            weights = graph.tensors[op.inputs[1]]
            data = tree.buffers[weights.buffer].data
            if weights.type == _FLOAT and data is not None:
                name = graph.tensors[op.outputs[0]].name.decode()
                found.append((name, np.frombuffer(bytes(data), np.float32)))
    return found


def _widen(tree: Any, graph: Any) -> int:
    """Folds each DEQUANTIZE of a constant in half precision into a float constant; how many there were."""
    kept = []
    for op in graph.operators:
        code = tree.operatorCodes[op.opcodeIndex]
        data = None
        if max(code.builtinCode, code.deprecatedBuiltinCode) == _DEQUANTIZE:
            source = graph.tensors[op.inputs[0]]
            data = tree.buffers[source.buffer].data if source.type == _HALF else None
        if data is None:
            kept.append(op)
            continue
        wide = np.frombuffer(bytes(data), np.float16).astype(np.float32)
        out = graph.tensors[op.outputs[0]]
        buffer = type(tree.buffers[0])()
        buffer.data = np.frombuffer(wide.tobytes(), np.uint8)
        tree.buffers.append(buffer)
        out.type, out.buffer = _FLOAT, len(tree.buffers) - 1
    folded = len(graph.operators) - len(kept)
    graph.operators = kept
    return folded


def _signature(schema: Any, graph: Any) -> Any:
    """Inputs `args_0` ... and outputs `output_0` ... in the file's order, as LiteRT's converter names them."""
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE.encode(), 0
    for field, stem, tensors in (("inputs", "args", graph.inputs), ("outputs", "output", graph.outputs)):
        ports = []
        for k, index in enumerate(tensors):
            port = schema.TensorMapT()
            port.name, port.tensorIndex = f"{stem}_{k}".encode(), int(index)
            ports.append(port)
        setattr(signature, field, ports)
    return signature
