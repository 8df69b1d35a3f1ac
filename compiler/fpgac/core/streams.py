"""What hls4ml's streams lack, or do another way than the network says, made of other layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fpgac.network.operation import holding
from fpgac.numbers import FixedPoint
from fpgac.tensors import Tensor

__all__ = ["Layer", "Step", "clipped", "is_padded", "padded"]

Layer = Mapping[str, Any]

_SIDES = {"height": ("pad_top", "pad_bottom"), "width": ("pad_left", "pad_right")}


@dataclass(frozen=True)
class Step:
    """A layer in hls4ml's description; ``result`` is the type of what it gives.

    ``precision`` are its other types, and ``settings`` whatever else the configuration says of it.
    """

    layer: Layer
    result: FixedPoint
    precision: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def is_padded(layer: Layer) -> bool:
    """Whether a layer is a convolution that pads its input."""
    sides = [side for pair in _SIDES.values() for side in pair]
    return "filt_width" in layer and any(layer.get(side) for side in sides)


def padded(layer: Layer, x: Tensor, name: str) -> tuple[Step, Layer]:
    """The padding of ``x`` as a layer of that ``name``, and the convolution without it.

    hls4ml has such a layer too, but puts it before whatever else reads ``x`` first.
    """
    own = {"name": name, "class_name": f"ZeroPadding{layer['class_name'][-2:]}"}
    own |= {key: layer[key] for key in ("n_chan", "data_format", "inputs")}
    rest = {**layer, "inputs": [name]}
    for axis, before, behind in _axes(layer):
        size = layer[f"in_{axis}"] + layer[before] + layer[behind]
        own |= {key: layer[key] for key in (f"in_{axis}", before, behind)}
        own[f"out_{axis}"] = rest[f"in_{axis}"] = size
        rest[before] = rest[behind] = 0
    return Step(own, x.type), rest


def _axes(layer: Layer) -> Iterator[tuple[str, str, str]]:
    for axis, (before, behind) in _SIDES.items():
        if before in layer:
            yield axis, before, behind


def clipped(last: Step, x: Tensor, limit: int, names: Sequence[str]) -> list[Step]:
    """The ``last``, a ReLU of ``x``, after ``min(x, limit)`` as ``limit - max(limit - x, 0)``.

    ``names`` are those of the three layers that it takes.
    """
    bits = limit.bit_length()
    wide = holding([x.type, FixedPoint(bits, bits, signed=False)], 2)
    precision = {"scale": "ap_fixed<2,2>", "bias": f"ap_ufixed<{bits},{bits}>"}
    below, above, least = names
    relu = {"class_name": "Activation", "activation": "relu", "n_in": x.size}
    return [
        Step(_less(x, limit, below, last.layer["inputs"]), wide, precision),
        Step({"name": above, "inputs": [below], **relu}, wide),
        Step(_less(x, limit, least, [above]), wide, precision),
        replace(last, layer={**last.layer, **relu, "inputs": [least]}),
    ]


def _less(x: Tensor, limit: int, name: str, inputs: list[str]) -> Layer:
    """``limit`` less each number."""
    channels = x.shape[-1]
    return {
        "name": name,
        "inputs": inputs,
        "class_name": "BatchNormalization",
        "n_in": x.size,
        "n_filt": channels,
        "scale_data": np.full(channels, -1.0),
        "bias_data": np.full(channels, float(limit)),
    }
