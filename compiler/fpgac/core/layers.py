"""Each kind of layer as hls4ml wants it described."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from fpgac.network.arithmetic import Step, steps
from fpgac.network.network import (
    AveragePoolLayer,
    ConvLayer,
    DenseLayer,
    FlattenLayer,
    HardLayer,
    Layer,
    MaxPoolLayer,
    Network,
    ReluLayer,
    WeightedLayer,
)
from fpgac.numbers import FixedPoint
from fpgac.spec.shapes import Shape, pads

__all__ = ["constant_type", "described", "mean_type", "precisions", "results"]


def precisions(layer: Layer, x: FixedPoint, result: FixedPoint) -> dict[str, str]:
    """The types of a layer's numbers; it is given ``x`` and gives ``result``.

    hls4ml could find out results by itself ("auto"), but looks at all layers anew for each one.
    """
    match layer:
        case WeightedLayer():
            return {
                "weight": str(constant_type(layer.weight_type)),
                "bias": str(constant_type(layer.bias_type)),
                "accum": "auto",
                "result": str(result),
            }
        case MaxPoolLayer():
            return {"accum": str(x), "result": str(result)}
        case AveragePoolLayer():
            return {"accum": "auto", "result": str(result)}
        case ReluLayer() | HardLayer() | FlattenLayer():
            return {"result": str(result)}


def results(network: Network, output: FixedPoint | None) -> Iterator[FixedPoint]:
    """The type of each layer's results; of the last one's ``output``, None keeps every bit."""
    type_ = network.input_type
    for step in steps(network.input_type, network.layers):
        match step.layer:
            case WeightedLayer() as layer:
                is_last = layer is network.layers[-1]
                type_ = output if is_last and output else sum_type(layer, type_)
            case ReluLayer() | HardLayer() as layer:
                type_ = layer.type
            case AveragePoolLayer():
                type_ = mean_type(step)
        yield type_


def sum_type(layer: WeightedLayer, x: FixedPoint) -> FixedPoint:
    """hls4ml's type for sums that keep every bit: of products with ``x`` in turn, and the bias."""
    weight, bias = layer.weight_type, layer.bias_type
    signed = weight.signed or x.signed
    products = weight.integer + x.integer + (len(layer.matrix) - 1).bit_length()
    integer = 1 + max(
        products + (bias.signed and not signed), bias.integer + (signed and not bias.signed)
    )
    fraction = max(weight.fraction + x.fraction, bias.fraction)
    return FixedPoint(integer + fraction, integer, signed or bias.signed)


def constant_type(type_: FixedPoint) -> FixedPoint:
    """The format without its modes: constants are on its grid already."""
    return FixedPoint(type_.width, type_.integer, type_.signed)


def mean_type(step: Step) -> FixedPoint:
    """A type that holds every mean that an average pooling can give; by itself, hls4ml's does not.

    The mean of numbers needs no more bits before the point than they have.
    """
    bits = step.given.bits
    more = step.gives.fraction - step.given.fraction
    return FixedPoint(bits + more, bits - step.given.fraction)


def described(layer: Layer, shape: Shape) -> dict[str, Any]:
    """hls4ml's description of a layer that is given numbers of ``shape``."""
    return {"name": layer.name, **_kind(layer, shape)}


def _kind(layer: Layer, shape: Shape) -> dict[str, Any]:
    match layer:
        case DenseLayer():
            (inputs,) = shape
            return {
                "class_name": "Dense",
                "n_in": inputs,
                "n_out": layer.bias.size,
                **_constants(layer),
            }
        case ConvLayer():
            return {
                "class_name": f"Conv{len(layer.kernel)}D",
                "n_chan": shape[-1],
                "n_filt": layer.bias.size,
                **_along("filt", layer.kernel),
                **_along("stride", layer.strides),
                **_along("in", shape[:-1]),
                **_along("out", layer.output_shape(shape)[:-1]),
                **_padding(layer, shape),
                **_constants(layer),
                "data_format": "channels_last",
            }
        case MaxPoolLayer() | AveragePoolLayer():
            return _pooling(layer, shape)
        case ReluLayer():
            return {"class_name": "Activation", "activation": "relu", "n_in": prod(shape)}
        case HardLayer():
            return {**_halves(), "activation": f"hard_{layer.kind}", "n_in": prod(shape)}
        case FlattenLayer():
            return {"class_name": "Reshape", "target_shape": list(layer.output_shape(shape))}


def _halves() -> dict[str, Any]:
    """Slope and shift of QKeras's sigmoid, as hls4ml's own conversion describes them."""
    from hls4ml.model.types import FixedPrecisionType

    half = FixedPrecisionType(width=2, integer=0, signed=False)
    slope, shift = {"slope": 0.5, "slope_prec": half}, {"shift": 0.5, "shift_prec": half}
    return {"class_name": "HardActivation", **slope, **shift}


def _constants(layer: WeightedLayer) -> dict[str, Any]:
    return {
        "weight_data": layer.weight_type.number(layer.weights),
        "bias_data": layer.bias_type.number(layer.bias),
        "use_bias": True,
    }


def _pooling(layer: MaxPoolLayer | AveragePoolLayer, shape: Shape) -> dict[str, Any]:
    operation = "Max" if isinstance(layer, MaxPoolLayer) else "Average"
    line = len(layer.pool) == 1
    sizes = {"n_in": shape[0], "n_out": layer.output_shape(shape)[0]} if line else {}
    return {
        "class_name": f"{operation}Pooling{len(layer.pool)}D",
        "n_filt": shape[-1],
        **sizes,
        **_along("in", shape[:-1]),
        **_along("out", layer.output_shape(shape)[:-1]),
        **_along("pool", layer.pool),
        **_along("stride", layer.pool),
        **_sides([(0, 0)] * len(layer.pool)),
        "data_format": "channels_last",
    }


def _padding(layer: ConvLayer, shape: Shape) -> dict[str, int]:
    if layer.padding == "same":
        return _sides(pads(shape, layer.kernel, layer.strides))
    return _sides([(0, 0)] * len(layer.kernel))


def _along(what: str, sizes: tuple[int, ...]) -> dict[str, int]:
    """hls4ml's names for a size along each axis of space: the last one is the width."""
    return {f"{what}_{axis}": size for axis, size in zip(_AXES[-len(sizes) :], sizes, strict=True)}


def _sides(zeros: list[tuple[int, int]]) -> dict[str, int]:
    pairs = zip(_SIDES[-len(zeros) :], zeros, strict=True)
    return {
        f"pad_{side}": count
        for sides, counts in pairs
        for side, count in zip(sides, counts, strict=True)
    }


_AXES = ("height", "width")
_SIDES = (("top", "bottom"), ("left", "right"))
