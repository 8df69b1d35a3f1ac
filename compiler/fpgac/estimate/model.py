"""The cost of a layer: formulas, and the factors that public synthesis reports gave them.

Area is what Vitis HLS tells after C synthesis, in LUTs, flip-flops, DSPs and block RAMs of 18 Kb;
:data:`SYNTHESISED` is what is left of it after Vivado's logic synthesis, which decides whether a
design fits. Every constant below was fitted to reports; ``docs/estimate.md`` names them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import ceil, log2
from typing import Final, Self

from fpgac.estimate.layers import Layer
from fpgac.estimate.weights import Constants

__all__ = ["SYNTHESISED", "Area", "Device", "Timing", "area", "timing"]

# LUTs of a sum's adder, per bit; of a multiplier made of LUTs, per bit of one factor and the other.
ADDER_LUTS: Final = 1.15
MULTIPLIER_LUTS: Final = 1.0
# LUTs of an activation or a comparison, per bit of each element that it reads.
ELEMENT_LUTS: Final = 3.0
# A memory of fewer bits is made of LUTs.
LEAST_BRAM_BITS: Final = 1024
BRAM_WIDTH: Final = 36
BRAM_DEPTH: Final = 512
# The part of the clock's period that HLS plans with, as hls4ml sets its uncertainty.
USABLE: Final = 0.875
# Cycles that HLS takes beside the rounds of shared multipliers.
_ROUND_CYCLES: Final = 4


@dataclass(frozen=True)
class Device:
    """How a family of FPGAs differs from another.

    ``dsp_width`` is the wider factor of a DSP, and a product goes into DSPs where its factors have
    ``dsp_bits`` or more together. ``ff_per_bit`` are the flip-flops for each bit of all adders. The
    delays, in ns, are those of a multiplier in a DSP, of one made of LUTs, and of an adder;
    between two layers are ``register_cycles``.
    """

    dsp_width: int
    ff_per_bit: float
    dsp_ns: float
    multiplier_ns: float
    adder_ns: float
    register_cycles: int
    softmax_cycles: int
    dsp_bits: int = 20

    @classmethod
    def of(cls, part: str) -> Device:
        """The family of a part, such as ``xc7z020clg400-1``."""
        return _SERIES_7 if part.startswith("xc7") else _ULTRASCALE


_SERIES_7: Final = Device(25, 1.2, 12.0, 5.0, 4.2, register_cycles=1, softmax_cycles=9)
_ULTRASCALE: Final = Device(27, 0.25, 3.0, 3.0, 0.8, register_cycles=0, softmax_cycles=3)


@dataclass(frozen=True)
class Area:
    """DSPs, LUTs, flip-flops and block RAMs of 18 Kb."""

    dsp: float = 0.0
    lut: float = 0.0
    ff: float = 0.0
    bram: float = 0.0

    def __add__(self, other: Self) -> Area:
        return Area(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Area)))

    def __mul__(self, other: Area) -> Area:
        """Each figure times the same of ``other``."""
        return Area(*(getattr(self, f.name) * getattr(other, f.name) for f in fields(Area)))


# What is left after logic synthesis: the medians of designs of which both reports are public.
SYNTHESISED: Final = Area(dsp=1.0, lut=0.55, ff=0.55, bram=1.0)


@dataclass(frozen=True)
class Timing:
    """Cycles: ``interval`` from one sample to the next, ``latency`` from input to result."""

    interval: int
    latency: int


def area(layer: Layer, device: Device, streams: bool = False) -> Area:
    """A layer's area after C synthesis; with ``streams``, one position of it is computed at a time,
    and a FIFO takes the results."""
    if layer.constants is None:
        own = _elements_area(layer, streams)
    elif layer.is_shared:
        own = _shared_area(layer, layer.constants, device)
    else:
        own = _constant_area(layer, layer.constants, device)
    return own + _fifo(layer) if streams else own


def _fifo(layer: Layer) -> Area:
    """As deep as the layer has positions, which is hls4ml's default."""
    width = layer.elements // layer.positions * layer.out_bits
    if layer.positions * width < LEAST_BRAM_BITS or layer.positions < 2:
        return Area()
    return Area(bram=ceil(width / BRAM_WIDTH) * ceil(layer.positions / BRAM_DEPTH))


def _constant_area(layer: Layer, constants: Constants, device: Device) -> Area:
    """Each weight a constant in the logic: a reuse factor shares multipliers, but no adders."""
    adders = constants.nonzero * layer.adder_bits
    shifted = constants.two_digit * (layer.x_bits + layer.weight_bits)
    products = _multipliers(min(constants.multipliers, _limit(layer, constants)), layer, device)
    return products + Area(lut=ADDER_LUTS * adders + shifted, ff=device.ff_per_bit * adders)


def _limit(layer: Layer, constants: Constants) -> int:
    """The most multipliers that hls4ml lets HLS use, as its ``multiplier_limit`` says."""
    zeros = constants.products - constants.nonzero
    return max(ceil(constants.products / layer.reuse) - zeros // layer.reuse, 1)


def _shared_area(layer: Layer, constants: Constants, device: Device) -> Area:
    """Weights in memory, a block of multipliers, and a multiplexer in front of it."""
    block = ceil(constants.products / layer.reuse)
    weight_bits = block * layer.weight_bits
    in_bram = weight_bits * layer.reuse >= LEAST_BRAM_BITS
    return _multipliers(block, layer, device) + Area(
        lut=block * (ADDER_LUTS * layer.adder_bits + 2 * layer.x_bits),
        ff=constants.outputs * layer.adder_bits + block * layer.x_bits,
        bram=ceil(weight_bits / BRAM_WIDTH) if in_bram else 0,
    )


def _multipliers(number: int, layer: Layer, device: Device) -> Area:
    x, weight = layer.x_bits, layer.weight_bits
    if x + weight < device.dsp_bits:
        return Area(lut=number * MULTIPLIER_LUTS * x * weight)
    narrow, wide = sorted((x, weight))
    return Area(dsp=number * ceil(narrow / 18) * ceil(wide / device.dsp_width))


def _elements_area(layer: Layer, streams: bool) -> Area:
    elements = layer.elements // layer.positions if streams else layer.elements
    match layer.kind:
        case "softmax":
            return Area(dsp=elements, bram=elements, lut=20 * elements, ff=20 * elements)
        case kind if kind in _WIRES:
            return Area()
        case _:
            return Area(lut=ELEMENT_LUTS * elements * layer.x_bits)


# Layers that only put numbers elsewhere.
_WIRES: Final = frozenset(
    {"flatten", "reshape", "permute", "concatenate"}
    | {f"{kind}{axes}d" for kind in ("zero_padding", "cropping", "upsampling") for axes in (1, 2)}
)


def timing(layer: Layer, device: Device, clock_mhz: float) -> Timing:
    """A layer's cycles at a clock."""
    if layer.constants is None:
        return Timing(1, _elements_cycles(layer, device))
    stages = _stages(layer, layer.constants, device, clock_mhz)
    if layer.is_shared:
        interval = layer.reuse * layer.positions
        return Timing(interval, interval + stages - 1)
    interval = _rounds(layer, layer.constants) * layer.positions
    return Timing(interval, max(stages, interval) if layer.positions == 1 else interval + stages)


def _elements_cycles(layer: Layer, device: Device) -> int:
    if layer.kind in _WIRES:
        return 0
    return device.register_cycles + (device.softmax_cycles if layer.kind == "softmax" else 0)


def _stages(layer: Layer, constants: Constants, device: Device, clock_mhz: float) -> int:
    """Pipeline stages of a product and the tree of adders behind it."""
    in_dsp = layer.x_bits + layer.weight_bits >= device.dsp_bits
    multiplier = device.dsp_ns if in_dsp else device.multiplier_ns
    delay = multiplier + ceil(log2(constants.terms)) * device.adder_ns
    return ceil(delay * clock_mhz / 1000 / USABLE) + device.register_cycles


def _rounds(layer: Layer, constants: Constants) -> int:
    """Cycles in which the multipliers that are left take all products: never more than asked."""
    rounds = ceil(constants.multipliers / _limit(layer, constants))
    return min(layer.reuse, rounds + _ROUND_CYCLES)
