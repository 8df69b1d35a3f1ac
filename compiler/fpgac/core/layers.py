"""What hls4ml calls each operation: its description of the layer, and the types of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from fpgac.network.network import Node
from fpgac.network.operation import Operation
from fpgac.network.ops.arrangement import (
    Cropping,
    Flatten,
    Permute,
    Reshape,
    Upsampling,
    ZeroPadding,
)
from fpgac.network.ops.convolution import Convolution, Depthwise, Sweeping
from fpgac.network.ops.curve import CURVES, Curve
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Concatenate, Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.scale import Scale
from fpgac.network.ops.sloped import LeakyRelu, Prelu
from fpgac.network.ops.softmax import Argmax, Softmax
from fpgac.network.ops.squash import Squash
from fpgac.network.ops.thresholded import ThresholdedRelu
from fpgac.network.ops.weighted import Weighted, sum_type
from fpgac.numbers import FixedPoint
from fpgac.program.formats import Formats
from fpgac.spec.shapes import Shape, Sides, pads
from fpgac.tensors import Tensor

__all__ = ["Described", "constant_type", "described"]


@dataclass(frozen=True)
class Described:
    """A node in hls4ml's words: its description, and its types and settings in the configuration.

    ``precision`` lacks the result's type, which every node has.
    """

    layer: Mapping[str, Any]
    precision: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@singledispatch
def described(operation: Operation, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    """The node of ``operation``, which reads ``inputs``."""
    raise TypeError(f"hls4ml has no layer for {type(operation).__name__}")


def constant_type(type_: FixedPoint) -> FixedPoint:
    """The format without its modes: constants are on its grid already."""
    return FixedPoint(type_.width, type_.integer, type_.signed)


def _weighted(operation: Weighted, x: Tensor, layer: Mapping[str, Any]) -> Described:
    constants = {
        "weight_data": operation.weight_type.number(operation.weights),
        "bias_data": operation.bias_type.number(operation.bias),
        "use_bias": True,
    }
    precision = {
        "weight": str(constant_type(operation.weight_type)),
        "bias": str(constant_type(operation.bias_type)),
        "accum": str(sum_type(operation, x.type)),
    }
    return Described({**layer, **constants}, precision)


@described.register
def _(operation: Dense, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    (x,) = inputs
    layer = {"class_name": "Dense", "n_in": x.size, "n_out": node.output.size}
    return _weighted(operation, x, layer)


def _sweeping(operation: Sweeping, node: Node, x: Tensor) -> dict[str, Any]:
    kernel, shape = operation.kernel, x.shape
    sides = [(0, 0)] * len(kernel)
    if operation.padding == "same":
        sides = pads(shape, kernel, operation.strides)
    return {
        "n_chan": shape[-1],
        "n_filt": node.output.shape[-1],
        **_along("filt", kernel),
        **_along("stride", operation.strides),
        **_along("in", shape[:-1]),
        **_along("out", node.output.shape[:-1]),
        **_sides("pad", tuple(sides)),
        "data_format": "channels_last",
    }


@described.register
def _(operation: Convolution, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    (x,) = inputs
    layer = {"class_name": f"Conv{len(operation.kernel)}D", **_sweeping(operation, node, x)}
    return _weighted(operation, x, layer)


@described.register
def _(operation: Depthwise, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    (x,) = inputs
    name = f"DepthwiseConv{len(operation.kernel)}D"
    layer = {"class_name": name, "depth_multiplier": 1, **_sweeping(operation, node, x)}
    found = _weighted(operation, x, layer)
    weights = operation.weight_type.number(operation.weights)[..., None]
    rest = {key: value for key, value in found.layer.items() if key != "weight_data"}
    return Described({**rest, "depthwise_data": weights}, found.precision)


def _elementwise(x: Tensor, class_name: str, activation: str, **more: Any) -> dict[str, Any]:
    return {"class_name": class_name, "activation": activation, "n_in": x.size, **more}


@described.register
def _(operation: Relu, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    function = "relu" if operation.ceiling is None else operation.kind
    return Described(_elementwise(inputs[0], "Activation", function))


@described.register
def _(operation: Squash, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    """Slope and shift of QKeras's sigmoid, as hls4ml's own conversion describes them."""
    from hls4ml.model.types import FixedPrecisionType

    half = FixedPrecisionType(width=2, integer=0, signed=False)
    slope, shift = {"slope": 0.5, "slope_prec": half}, {"shift": 0.5, "shift_prec": half}
    activation = f"hard_{operation.kind}"
    return Described(_elementwise(inputs[0], "HardActivation", activation, **slope, **shift))


@described.register
def _(operation: LeakyRelu, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    slope = {"activ_param": operation.slope}
    layer = _elementwise(inputs[0], "LeakyReLU", "leakyrelu", **slope)
    return Described(layer, {"param": str(operation.slope_type)})


@described.register
def _(operation: Prelu, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    slopes = {"param_data": operation.slope_type.number(operation.slopes)}
    layer = _elementwise(inputs[0], "PReLU", "prelu", **slopes)
    return Described(layer, {"param": str(constant_type(operation.slope_type))})


@described.register
def _(operation: ThresholdedRelu, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    threshold = {"activ_param": operation.threshold}
    layer = _elementwise(inputs[0], "ThresholdedReLU", "thresholdedrelu", **threshold)
    return Described(layer, {"param": str(operation.threshold_type)})


@described.register
def _(operation: Pooling, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    (x,) = inputs
    what, pool = "Average" if operation.is_mean else "Max", operation.pool
    line = {"n_in": x.shape[0], "n_out": node.output.shape[0]} if len(pool) == 1 else {}
    layer = {
        "class_name": f"{what}Pooling{len(pool)}D",
        "n_filt": x.shape[-1],
        **line,
        **_along("in", x.shape[:-1]),
        **_along("out", node.output.shape[:-1]),
        **_along("pool", pool),
        **_along("stride", operation.steps_of_pools),
        **_sides("pad", operation.margins),
        "data_format": "channels_last",
    }
    return Described(layer, {"accum": str(operation.accumulator(x))})


@described.register
def _(operation: GlobalPooling, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    (x,) = inputs
    what = "Average" if operation.is_mean else "Max"
    line = {"n_in": x.shape[0]} if operation.axes == 1 else {}
    layer = {
        "class_name": f"Global{what}Pooling{operation.axes}D",
        "n_filt": x.shape[-1],
        **line,
        **_along("in", x.shape[:-1]),
        "data_format": "channels_last",
    }
    return Described(layer, {"accum": str(operation.accumulator(x))})


@described.register(Flatten)
@described.register(Reshape)
def _(operation: Operation, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    return _same(node)


def _same(node: Node) -> Described:
    """The same numbers in the same order."""
    return Described({"class_name": "Reshape", "target_shape": list(node.output.shape)})


@described.register
def _(operation: Permute, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    if list(operation.order) == sorted(operation.order):
        return _same(node)
    return Described({"class_name": "Transpose", "perm": [axis - 1 for axis in operation.order]})


@described.register
def _(operation: ZeroPadding, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    sides = _sides("pad", operation.sides)
    return Described(_image(f"ZeroPadding{len(operation.sides)}D", node, inputs[0]) | sides)


@described.register
def _(operation: Cropping, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    sides = _sides("crop", operation.sides)
    return Described(_image(f"Cropping{len(operation.sides)}D", node, inputs[0]) | sides)


@described.register
def _(operation: Upsampling, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    line = {"in_height": 1, "out_height": 1} if len(operation.factors) == 1 else {}
    layer = _image("Resize", node, inputs[0])
    return Described({**layer, **line, "algorithm": "nearest", "align_corners": False})


def _image(class_name: str, node: Node, x: Tensor) -> dict[str, Any]:
    return {
        "class_name": class_name,
        "n_chan": x.shape[-1],
        **_along("in", x.shape[:-1]),
        **_along("out", node.output.shape[:-1]),
        "data_format": "channels_last",
    }


@described.register
def _(operation: Merge, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    return Described({"class_name": "Merge", "op": operation.function})


@described.register
def _(operation: Concatenate, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    axes = len(node.output.shape)
    # hls4ml counts from 1 as Keras does, and its C++ knows the last axis as -1.
    axis = operation.axis if operation.axis > 0 else axes + 1 + operation.axis
    return Described({"class_name": "Concatenate", "op": f"concatenate{axes}d", "axis": axis})


@described.register
def _(operation: Softmax, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    (x,) = inputs
    tables = operation.tables(x.size)
    sizes = {"exp_table_size": tables.exponential_size, "inv_table_size": tables.inverse_size}
    layer = _elementwise(
        x,
        "Softmax",
        "softmax",
        axis=-1,
        n_inner=1,
        n_outer=1,
        table_size=tables.inverse_size,
        **sizes,
    )
    types = {
        "exp_table_t": str(tables.exponential),
        "inv_table_t": str(tables.inverse),
        "inv_inp_t": str(tables.total),
        "inp_norm_t": str(operation.distance),
        "accum_t": str(tables.sum),
    }
    return Described(layer, settings={"Implementation": "stable", **types})


@described.register
def _(operation: Quantise, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    if operation.to == inputs[0].type:
        return _same(node)
    if isinstance(operation.to, FixedPoint):
        return Described(_elementwise(inputs[0], "Activation", "linear"))
    return Described(_each(operation.to, node.output.shape))


def _each(formats: Formats, shape: Shape) -> dict[str, Any]:
    """hls4ml's own quantiser of each element; the first axis of its arrays is that of samples."""
    types = [formats.types[place] for place in formats.index]
    rows = [
        [int(type_.signed) if type_ else 0 for type_ in types],
        [type_.width if type_ else 0 for type_ in types],
        [type_.integer if type_ else 0 for type_ in types],
    ]
    return {
        "class_name": "FixedPointQuantizer",
        "mask_kbi": tuple(np.array(row, np.int16).reshape(1, *shape) for row in rows),
        "RND": str(formats.rounding),
        "SAT": str(formats.overflow),
        "fusible": None,
        "overrides": {},
    }


@described.register
def _(operation: Scale, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    (x,) = inputs
    layer = {
        "class_name": "BatchNormalization",
        "n_in": x.size,
        "n_filt": x.shape[-1] if x.shape[1:] else -1,
        "scale_data": operation.factor_type.number(operation.factor),
        "bias_data": operation.shift_type.number(operation.shift),
    }
    precision = {
        "scale": str(constant_type(operation.factor_type)),
        "bias": str(constant_type(operation.shift_type)),
    }
    return Described(layer, precision)


@described.register
def _(operation: Curve, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    table = operation.entries
    kind, more = (
        ("ELU", {"activ_param": 1.0}) if operation.function == "elu" else ("Activation", {})
    )
    name = CURVES[operation.function]
    layer = _elementwise(inputs[0], kind, name, table_size=table.size, **more)
    return Described(layer, {"param": "ap_ufixed<1,1>"}, {"table_t": str(table.type)})


@described.register
def _(operation: Argmax, node: Node, inputs: tuple[Tensor, ...]) -> Described:
    return Described(_softmax(inputs[0]), settings={"Implementation": "argmax"})


def _softmax(x: Tensor) -> dict[str, Any]:
    return _elementwise(x, "Softmax", "softmax", axis=-1, n_inner=1, n_outer=1)


def _along(what: str, sizes: tuple[int, ...]) -> dict[str, int]:
    """hls4ml's names for a size along each axis of space: the last one is the width."""
    return {f"{what}_{axis}": size for axis, size in zip(_AXES[-len(sizes) :], sizes, strict=True)}


def _sides(what: str, counts: Sides) -> dict[str, int]:
    pairs = zip(_SIDES[-len(counts) :], counts, strict=True)
    return {
        f"{what}_{side}": count
        for sides, numbers in pairs
        for side, count in zip(sides, numbers, strict=True)
    }


_AXES = ("height", "width")
_SIDES = (("top", "bottom"), ("left", "right"))
