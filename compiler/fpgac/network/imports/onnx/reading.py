"""From an ONNX file to a draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fpgac.network.imports.draft import Draft, Drafting, Numbers, UnreadInputError, UnsupportedError
from fpgac.network.imports.onnx.graph import Call, Graph, View, load_model
from fpgac.network.imports.onnx.integers import dequantised, quantised_linear
from fpgac.network.imports.onnx.operators import read_node
from fpgac.network.imports.onnx.quantisers import quantised
from fpgac.network.imports.simplifying import simplified

__all__ = ["draft_onnx"]

# What gives constants a grid.
_QUANTISERS: Mapping[str, Callable[[Call], Numbers]] = {
    **dict.fromkeys(("Quant", "IntQuant", "BipolarQuant"), quantised),
    "QuantizeLinear": quantised_linear,
    "DequantizeLinear": dequantised,
}


def draft_onnx(path: Path) -> Draft:
    """The network in an ONNX or QONNX file.

    Raises:
        NetworkError: there is no model that can be read in it.
        ToolchainError: ``onnx`` is not installed.
    """
    model = load_model(path)
    nodes = model.graph.node
    custom = any(node.domain not in ("", "ai.onnx") for node in nodes)
    graph = Graph(model, Drafting("QONNX" if custom else "onnxruntime"))
    _enter(graph)
    for node in nodes:
        _read(Call(graph, node, _attributes(node)))
    outputs = [output.name for output in model.graph.output]
    ends = [_end(graph, name) for name in outputs]
    draft = graph.drafting.finish(ends, outputs)
    axes = {name: view.order for name, view in graph.views.items() if not view.is_plain}
    return simplified(replace(draft, axes=axes))


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    found = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    return {
        name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()
    }


def _enter(graph: Graph) -> None:
    for given in graph.model.graph.input:
        if given.name in graph.constants:
            continue
        sizes = [size.dim_value for size in given.type.tensor_type.shape.dim][1:]
        if 0 in sizes or not 1 <= len(sizes) <= 3:
            what = f"samples of the shape {sizes}: fpgac takes 1 to 3 axes of known sizes"
            graph.drafting.refuse(f"input {given.name!r}", what, code="network.open-shape")
            sizes = [size or 1 for size in sizes[:3]] or [1]
        name = graph.drafting.enter(given.name, tuple(sizes))
        graph.views[given.name] = View(name, tuple(range(len(sizes))))


def _read(call: Call) -> None:
    try:
        if call.kind == "Constant":
            call.graph.constants[call.output] = _constant(call)
        elif all(name in call.graph.constants for name in call.node.input if name):
            _fold(call)
        else:
            read_node(call)
    except UnsupportedError as error:
        _skip(call)
        if not isinstance(error, UnreadInputError):
            call.graph.drafting.refuse(call.label, str(error), error.hint, code=error.code)
    except (ValueError, KeyError, TypeError, IndexError, RuntimeError) as error:
        _skip(call)
        what = f"it cannot be read: {type(error).__name__}: {error}"
        call.graph.drafting.refuse(call.label, what, code="network.bad-layer")


def _skip(call: Call) -> None:
    drafting, constants = call.graph.drafting, call.graph.constants
    reads = [call.graph.views[name].name for name in call.node.input if name in call.graph.views]
    numbers = sum(constants[name].values.size for name in call.node.input if name in constants)
    wanted = call.node.name or call.output
    name = drafting.skip(wanted, reads, call.label, numbers)
    for output in call.node.output:
        call.graph.views[output] = View(name, ())


def _constant(call: Call) -> Numbers:
    from onnx import numpy_helper

    for key in ("value_float", "value_floats", "value_int", "value_ints"):
        if key in call.attributes:
            return Numbers(np.asarray(call.attributes[key]))
    return Numbers(numpy_helper.to_array(call.attributes["value"]))


def _fold(call: Call) -> None:
    """A node that reads constants alone is one itself."""
    if call.kind in _QUANTISERS:
        call.graph.constants[call.output] = _QUANTISERS[call.kind](call)
        return
    from onnx.reference import ReferenceEvaluator

    inputs = [name for name in call.node.input if name]
    known = [call.graph.constants[name] for name in inputs]
    arrays = {name: numbers.values for name, numbers in zip(inputs, known, strict=True)}
    evaluator = ReferenceEvaluator(_alone(call, arrays))
    results = evaluator.run(None, arrays)
    # What only moves numbers leaves their type as it is.
    moved = call.kind in ("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity")
    for output, values in zip(call.node.output, results, strict=False):
        type_ = known[0].type if moved else None
        call.graph.constants[output] = Numbers(np.asarray(values), type_)


def _alone(call: Call, arrays: dict[str, Any]) -> Any:
    """A model of the node alone."""
    from onnx import helper

    def described(name: str, array: Any) -> Any:
        return helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), None
        )

    inputs = [described(name, array) for name, array in arrays.items()]
    outputs = [helper.make_empty_tensor_value_info(name) for name in call.node.output if name]
    graph = helper.make_graph([call.node], "constant", inputs, outputs)
    return helper.make_model(graph, opset_imports=call.graph.model.opset_import)


def _end(graph: Graph, name: str) -> str:
    """The step of a result, in ONNX's own order of axes."""
    view = graph.views.get(name)
    if view is None:
        graph.drafting.refuse(f"output {name!r}", "nothing gives it", code="network.bad-layer")
        return graph.drafting.skip(name, (), f"output {name!r}")
    if view.is_plain or not view.axes:
        return view.name
    end = graph.drafting.ordered(view.name, view.axes, name, f"output {name!r}")
    graph.views[name] = View(end, tuple(range(len(view.axes))))
    graph.drafting.mark(end, name)
    return end
