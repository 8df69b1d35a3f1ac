"""Whether a network makes sense in itself: names, formats, shapes that chain, words in range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.arithmetic import check_range
from fpgac.network.network import (
    DenseLayer,
    HardLayer,
    Layer,
    Network,
    ReluLayer,
    WeightedLayer,
)
from fpgac.numbers import WIDEST, FixedPoint, IntArray, Overflow, Rounding
from fpgac.spec.formats import hard_type
from fpgac.spec.names import check_identifier
from fpgac.spec.shapes import MisfitError, Shape, shape_text

__all__ = ["unsound"]


def unsound(network: Network) -> list[Problem]:
    """Everything that is wrong with ``network``; empty if it can be computed."""
    problems = [*_names(network), *_input(network), *_order(network)]
    shape: Shape | None = network.input_shape
    for place, layer in enumerate(network.layers):
        found, shape = _fit(f"layers[{place}]", layer, shape)
        problems += [*found, *_formats(f"layers[{place}]", layer)]
    if not problems:
        problems += [*_range(network), *_recording(network)]
    return problems


def _problem(key: str, what: str, expected: str = "", got: str = "") -> Problem:
    return Problem(what, Where(key=key), expected, got)


def _names(network: Network) -> Iterator[Problem]:
    seen: set[str] = set()
    keys = ["name", *(f"layers[{place}].name" for place in range(len(network.layers)))]
    for key, name in zip(keys, [network.name, *(x.name for x in network.layers)], strict=True):
        try:
            check_identifier(name)
        except ValueError as error:
            yield _problem(key, str(error))
        if key != "name" and name in seen:
            yield _problem(key, f"two layers are named {name!r}")
        if key != "name":
            seen.add(name)


def _input(network: Network) -> Iterator[Problem]:
    if min(network.input_shape, default=0) < 1:
        got = shape_text(network.input_shape)
        yield _problem("input", "a network needs an input", got=got)
    if network.input_type.width > WIDEST:
        yield _wide("input.type", network.input_type)


def _wide(key: str, given: FixedPoint) -> Problem:
    return _problem(key, "the type is too wide", f"at most {WIDEST} bits", str(given))


def _order(network: Network) -> Iterator[Problem]:
    kinds = [type(layer) for layer in network.layers]
    if not kinds or kinds[-1] is not DenseLayer:
        yield _problem("layers", "the last layer must be dense: its sums are the output")
    for place, (before, here) in enumerate(zip([ReluLayer, *kinds], kinds, strict=False)):
        if issubclass(here, ReluLayer | HardLayer) and not issubclass(before, WeightedLayer):
            yield _problem(f"layers[{place}]", "an activation must follow a layer with weights")


def _fit(key: str, layer: Layer, shape: Shape | None) -> tuple[list[Problem], Shape | None]:
    """What is wrong with the shape that comes to ``layer``, and the one that leaves it."""
    try:
        return [], layer.output_shape(shape) if shape else None
    except MisfitError as misfit:
        return [_problem(f"{key}.{misfit.key}", str(misfit))], misfit.shape


def _formats(key: str, layer: Layer) -> Iterator[Problem]:
    if isinstance(layer, WeightedLayer):
        if not layer.bias.size:
            yield _problem(f"{key}.bias", f"{layer.name!r} has no outputs")
        yield from _words(f"{key}.weights", layer.weights, layer.weight_type)
        yield from _words(f"{key}.bias", layer.bias, layer.bias_type)
    elif isinstance(layer, ReluLayer):
        yield from _relu(key, layer)
    elif isinstance(layer, HardLayer) and layer.type != hard_type(layer.kind, layer.type.width):
        yield _problem(
            f"{key}.type",
            f"no type that quantized_{layer.kind}(bits) has",
            str(hard_type(layer.kind, layer.type.width)),
            str(layer.type),
        )


def _words(key: str, words: IntArray, type_: FixedPoint) -> Iterator[Problem]:
    if not _is_quantised(type_, signed=True) or type_.width < 2:
        yield _problem(
            key.replace("weights", "weight_type").replace(".bias", ".bias_type"),
            "no type that quantized_bits(bits, integer, alpha=1) has",
            "ap_fixed<W,I,RND_CONV,SAT> of 2 to 53 bits, I at least 1",
            str(type_),
        )
    elif (outside := (words < type_.lowest) | (words > type_.highest)).any():
        place = tuple(int(index) for index in np.argwhere(outside)[0])
        yield _problem(
            key + "".join(f"[{index}]" for index in place),
            f"a word is outside its type {type_}",
            f"{type_.lowest} to {type_.highest}",
            str(words[place]),
        )


def _relu(key: str, layer: ReluLayer) -> Iterator[Problem]:
    if not _is_quantised(layer.type, signed=False):
        yield _problem(
            f"{key}.type",
            "no type that quantized_relu(bits, integer) has",
            "ap_ufixed<W,I,RND_CONV,SAT> of 1 to 53 bits, I at least 0",
            str(layer.type),
        )


def _is_quantised(type_: FixedPoint, signed: bool) -> bool:
    usual = replace(type_, rounding=Rounding.RND_CONV, overflow=Overflow.SAT)
    integer = type_.integer - type_.signed
    return type_ == usual and type_.signed is signed and type_.width <= WIDEST and integer >= 0


def _range(network: Network) -> Iterator[Problem]:
    try:
        check_range(network.input_type, network.layers)
    except NetworkError as error:
        yield from error.problems


def _recording(network: Network) -> Iterator[Problem]:
    recording = network.recording
    if recording is None:
        return
    samples = len(recording.inputs)
    for key, array, size in (
        ("inputs", recording.inputs, network.input_size),
        ("outputs", recording.outputs, network.output_size),
    ):
        if array.shape != (samples, size):
            yield _problem(
                f"recording.{key}",
                "the recording is not the network's",
                f"{samples} x {size} numbers",
                " x ".join(map(str, array.shape)),
            )
    lowest, highest = network.input_type.lowest, network.input_type.highest
    if ((recording.inputs < lowest) | (recording.inputs > highest)).any():
        yield _problem(
            "recording.inputs",
            f"a word is outside the input's type {network.input_type}",
            f"{lowest} to {highest}",
        )
    if not np.isfinite(recording.outputs).all():
        yield _problem("recording.outputs", "a recorded answer is not finite")
