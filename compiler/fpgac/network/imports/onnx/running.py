"""onnxruntime and QONNX with a file of theirs. Only the worker process imports this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["load"]

Arrays = Mapping[str, npt.NDArray[Any]]
Run = Callable[[Arrays, list[str]], list[Any]]

_BATCH = 256
_STANDARD = ("", "ai.onnx")
_OLDEST = 7


def load(file: Path, folder: Path, *, trust: bool) -> Run:
    """What gives the named tensors for samples of the inputs, in single precision.

    No operator of ONNX's is code, so that there is nothing to ``trust``.
    """
    import onnx

    model = _recent(onnx.load(file))
    custom = any(node.domain not in _STANDARD for node in model.graph.node)
    make = _node_by_node if custom else _whole
    size = _batch(model)

    def run(inputs: Arrays, tensors: list[str]) -> list[Any]:
        compute = make(model, tensors)
        singles = {name: np.asarray(array, np.float32) for name, array in inputs.items()}
        samples = len(next(iter(singles.values())))
        batches = [
            compute({name: array[start : start + size] for name, array in singles.items()})
            for start in range(0, samples, size)
        ]
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]

    return run


def _recent(model: Any) -> Any:
    """The model in a version of ONNX that onnxruntime still runs."""
    from onnx import version_converter

    versions = [each.version for each in model.opset_import if each.domain in _STANDARD]
    if versions and max(versions) < _OLDEST:
        return version_converter.convert_version(model, _OLDEST)
    return model


def _batch(model: Any) -> int:
    """How many samples the model takes at once: what it was exported for, or any number."""
    known = {tensor.name for tensor in model.graph.initializer}
    entries = [entry for entry in model.graph.input if entry.name not in known]
    first = entries[0].type.tensor_type.shape.dim[0]
    return int(first.dim_value) if first.dim_value == 1 else _BATCH


def _session(model: Any) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    # The file's own operations, one after the other, as it says them.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    content = model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _whole(model: Any, tensors: list[str]) -> Callable[[Arrays], list[Any]]:
    """The graph as a whole, with the tensors among its outputs."""
    import onnx

    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    _free_samples(wide)
    there = {output.name for output in wide.graph.output} | set(_inputs(wide))
    more = [onnx.helper.make_empty_tensor_value_info(name) for name in tensors if name not in there]
    wide.graph.output.extend(more)
    session = _session(wide)
    return lambda inputs: list(session.run(tensors, dict(inputs)))


def _free_samples(model: Any) -> None:
    """Exporters write down the samples at hand as if they were a part of the network."""
    known = {tensor.name for tensor in model.graph.initializer}
    for entry in (*model.graph.input, *model.graph.output):
        shape = entry.type.tensor_type.shape
        if entry.name not in known and shape.dim and shape.dim[0].dim_value > 1:
            shape.dim[0].dim_param = "samples"
    del model.graph.value_info[:]


def _inputs(model: Any) -> list[str]:
    return [entry.name for entry in model.graph.input]


def _node_by_node(model: Any, tensors: list[str]) -> Callable[[Arrays], list[Any]]:
    """Each node by itself: QONNX's own by its functions, all others by onnxruntime."""
    from onnx import numpy_helper

    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    steps = [_step(model, node) for node in model.graph.node]

    def compute(inputs: Arrays) -> list[Any]:
        known = {**constants, **inputs}
        for step in steps:
            step(known)
        return [known[name] for name in tensors]

    return compute


def _step(model: Any, node: Any) -> Callable[[dict[str, Any]], None]:
    if node.domain not in _STANDARD:
        return _custom(node)
    sessions: dict[tuple[Any, ...], Any] = {}

    def step(known: dict[str, Any]) -> None:
        arrays = {name: known[name] for name in dict.fromkeys(node.input) if name}
        key = tuple((array.dtype, array.ndim) for array in arrays.values())
        if key not in sessions:
            sessions[key] = _session(_alone(model, node, arrays))
        known.update(zip(node.output, sessions[key].run(None, arrays), strict=True))

    return step


def _alone(model: Any, node: Any, arrays: Arrays) -> Any:
    from onnx import helper

    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim
        )
        for name, array in arrays.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = helper.make_graph([node], "node", inputs, outputs)
    return helper.make_model(
        graph, opset_imports=model.opset_import[:1], ir_version=min(model.ir_version, 10)
    )


def _custom(node: Any) -> Callable[[dict[str, Any]], None]:
    """One of QONNX's own operators, whatever Brevitas calls its domain."""
    from qonnx.custom_op.registry import getCustomOp

    renamed = type(node)()
    renamed.CopyFrom(node)
    if "channels_last" not in node.domain:
        renamed.domain = "qonnx.custom_op.general"
    operation = getCustomOp(renamed)
    return lambda known: operation.execute_node(known, None)
