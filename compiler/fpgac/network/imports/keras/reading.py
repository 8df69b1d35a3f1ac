"""From a Keras file to a draft."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fpgac.network.imports.draft import Draft, Drafting, UnreadInputError, UnsupportedError
from fpgac.network.imports.files import refuse_file
from fpgac.network.imports.imitating import Observed, observe
from fpgac.network.imports.keras import hgq
from fpgac.network.imports.keras.containers import KerasFile, Weights, read_keras
from fpgac.network.imports.keras.graph import Call, Graph, Place, graph_of
from fpgac.network.imports.keras.layers import Reading, is_code, read_layer

__all__ = ["draft_keras"]

assert hgq  # registers its layers


def draft_keras(path: Path, *, trust: bool = False) -> Draft:
    """The network in a file of Keras 2 or 3, QKeras or HGQ2.

    Code in the file runs only where there is ``trust``, in a process of its framework.

    Raises:
        NetworkError: there is no such file, or no model that can be read in it.
        ToolchainError: there is code to run, and the framework is not installed.
    """
    file = read_keras(path)
    try:
        graph = graph_of(file)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        refuse_file(path, "the file's model cannot be read", str(error))
    drafting = Drafting(_framework(file, graph))
    seen = _observed(path, drafting.framework, graph) if trust else {}
    known: dict[Place, str] = {}
    for call in graph.calls:
        _draft(drafting, call, known, file, seen)
    ends = [known[place] for place in graph.outputs]
    return drafting.finish(ends, [place.layer for place in graph.outputs])


def _observed(path: Path, framework: str, graph: Graph) -> Mapping[str, Observed]:
    """What layers that are code do, by their names, if they read one tensor."""
    code = [
        call.layer.name for call in graph.calls if is_code(call.layer) and len(call.inputs) == 1
    ]
    return observe(path, framework, list(dict.fromkeys(code))) if code else {}


def _framework(file: KerasFile, graph: Graph) -> str:
    """What answers with the original."""
    layers = [call.layer for call in graph.calls]
    if any(layer.package == "hgq" for layer in layers):
        return "HGQ2"
    if any("quantizer" in key for layer in layers for key in layer.config) or any(
        layer.kind == "QActivation" for layer in layers
    ):
        return "QKeras"
    return "Keras 3" if file.is_new else "Keras 2"


def _draft(
    drafting: Drafting,
    call: Call,
    known: dict[Place, str],
    file: KerasFile,
    seen: Mapping[str, Observed],
) -> None:
    layer, place = call.layer, call.place
    if call.is_input:
        shape = call.shape or ()
        if None in shape or not 1 <= len(shape) <= 3:
            what = f"samples of the shape {shape}: fpgac takes 1 to 3 axes of known sizes"
            drafting.refuse(str(layer), what, code="network.open-shape")
        known[place] = drafting.enter(layer.name, tuple(size or 1 for size in shape))
        return
    inputs = tuple(known[read] for read in call.inputs)
    try:
        name = read_layer(Reading(drafting, layer, inputs, file.is_new, seen.get(layer.name)))
    except UnsupportedError as error:
        name = drafting.skip(layer.name, inputs, str(layer), _numbers(layer.weights))
        if not isinstance(error, UnreadInputError):
            drafting.refuse(str(layer), str(error), error.hint, code=error.code)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        name = drafting.skip(layer.name, inputs, str(layer), _numbers(layer.weights))
        what = f"its configuration cannot be read: {type(error).__name__}: {error}"
        drafting.refuse(str(layer), what, code="network.bad-layer")
    else:
        drafting.mark(name, str(place))
    known[place] = name


def _numbers(weights: Weights) -> int:
    parts: Mapping[str, Weights] = weights.parts
    return sum(array.size for array in weights.arrays) or sum(map(_numbers, parts.values()))
