"""HGQ2's layers, as steps of a draft: each element of a tensor has a format of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.draft import Numbers, Scaling, Sums, UnsupportedError
from fpgac.network.imports.keras.containers import Weights
from fpgac.network.imports.keras.layers import (
    LAYERS,
    Reading,
    activated,
    kernel_options,
    over_places,
    reads,
)
from fpgac.network.imports.numbers import on_type
from fpgac.network.ops.quantise import Quantise
from fpgac.numbers import Overflow, Rounding
from fpgac.program.formats import Formats
from fpgac.spec.shapes import Shape

__all__ = ["FixedPoints"]

Floats = npt.NDArray[np.float64]
_PACKAGE = "hgq"

# By the place of a quantiser, where its configuration leaves the choice to HGQ2.
_USUAL_TYPES: Mapping[str, str] = {
    "weight": "kbi",
    "datalane": "kif",
    "bias": "kbi",
    "table": "kbi",
}
_ROUNDINGS: Mapping[str, Rounding] = {
    mode.value: mode for mode in (*Rounding,) if mode is not Rounding.RND_MIN_INF
}
_OVERFLOWS: Mapping[str, Overflow] = {
    "WRAP": Overflow.WRAP,
    "SAT": Overflow.SAT,
    "SAT_SYM": Overflow.SAT_SYM,
    "SYM": Overflow.SAT_SYM,
}


class FixedPoints:
    """A fixed-point quantiser: for each element whether it has a sign, and its bits.

    Args:
        config: a quantiser's configuration.
        weights: its arrays.

    Raises:
        UnsupportedError: it is of another kind.
    """

    def __init__(self, config: Any, weights: Weights) -> None:
        self.options: Mapping[str, Any] = config["config"]
        if any(self.options.get(key) is not None for key in ("scaler", "affine")):
            raise UnsupportedError("a quantiser with a scale of its own", "leave 'scaler' out")
        kind = str(self.options["q_type"]).lower()
        kind = _USUAL_TYPES[str(self.options["place"])] if kind == "default" else kind
        arrays = weights.part("quantizer").arrays
        if kind not in ("kbi", "kif"):
            raise UnsupportedError(f"a quantiser of the type {kind!r}", "'kbi' or 'kif'")
        self.signed, first, second = _bits(arrays)
        if kind == "kbi":
            self.integer, self.fraction = second, first - second
        elif self.overflow is Overflow.WRAP and arrays[0].dtype.kind == "f":
            # Its fraction alone was trained, and trained arrays stand first.
            self.integer, self.fraction = second, first
        else:
            self.integer, self.fraction = first, second
        self.integer = np.maximum(self.integer, -self.fraction)

    @property
    def rounding(self) -> Rounding:
        """How it rounds, once it is trained."""
        mode = str(self.options["round_mode"]).upper().removeprefix("S_")
        if mode not in _ROUNDINGS:
            raise UnsupportedError(f"it rounds by {mode}", "'RND' or 'TRN'")
        return _ROUNDINGS[mode]

    @property
    def overflow(self) -> Overflow:
        """What it does with numbers out of range."""
        mode = str(self.options["overflow_mode"]).upper()
        if mode not in _OVERFLOWS:
            raise UnsupportedError(f"it overflows by {mode}", "'WRAP' or 'SAT'")
        return _OVERFLOWS[mode]

    @property
    def _widths(self) -> Floats:
        return self.signed + self.integer + self.fraction

    def formats(self, shape: Shape) -> Formats:
        """The format of each number of a sample of ``shape``."""
        width, integer, signed = (
            np.broadcast_to(each, (1, *shape))[0]
            for each in (self._widths, self.signed + self.integer, self.signed)
        )
        # One bit alone has no symmetric range but zero.
        symmetric = self.overflow is Overflow.SAT_SYM
        width = np.where((width < 2) & (signed > 0) & symmetric, 0, width)
        return Formats.of_widths(
            width.astype(np.int64),
            integer.astype(np.int64),
            signed.astype(np.bool_),
            self.rounding,
            self.overflow,
        )

    def constants(self, values: npt.NDArray[Any]) -> Numbers:
        """Learnt numbers as the quantiser leaves them."""
        numbers = values.astype(np.float64)
        if self.overflow is Overflow.WRAP and self.options.get("is_weight"):
            return on_type(self._kept(self._rounded(numbers)))
        if self.overflow is Overflow.WRAP:
            return on_type(self._kept(self._wrapped(self._rounded(numbers))))
        greatest = np.exp2(self.integer) - np.exp2(-self.fraction)
        least = -greatest if self.overflow is Overflow.SAT_SYM else -np.exp2(self.integer)
        clipped = np.minimum(np.maximum(numbers, self.signed * least), greatest)
        return on_type(self._kept(self._rounded(clipped)))

    def _rounded(self, numbers: Floats) -> Floats:
        steps = np.exp2(self.fraction)
        scaled = numbers * steps
        match self.rounding:
            case Rounding.RND:
                words = np.floor(scaled + 0.5)
            case Rounding.RND_CONV:
                words = np.round(scaled)
            case Rounding.TRN:
                words = np.floor(scaled)
            case other:
                raise UnsupportedError(f"weights that are rounded by {other}", "'RND' or 'TRN'")
        return np.asarray(words / steps)

    def _wrapped(self, numbers: Floats) -> Floats:
        span = np.exp2(self.integer + self.signed)
        bias = self.signed * span / 2
        return np.asarray((numbers + bias) % span - bias)

    def _kept(self, numbers: Floats) -> Floats:
        return np.where(self._widths > 0, numbers, 0.0)


def _bits(arrays: Sequence[npt.NDArray[Any]]) -> tuple[Floats, Floats, Floats]:
    """A quantiser's signs, and its two arrays of bits in the file's order."""
    signs = [array for array in arrays if array.dtype.kind == "u"]
    bits = [np.rint(array.astype(np.float64)) for array in arrays if array.dtype.kind == "f"]
    if not signs or len(bits) < 2:
        raise UnsupportedError("its quantiser is not in the file", code="network.no-weights")
    return signs[0].astype(np.float64), bits[0], bits[1]


def _quantised_inputs(reading: Reading) -> Reading:
    """The reading with each input on the grid that the layer puts it on first."""
    config = reading.config
    if not config.get("enable_iq"):
        return reading
    weights = reading.layer.weights.part("iq")
    if len(reading.inputs) == 1:
        quantisers = [FixedPoints(config["iq_conf"], weights)]
    else:
        given = config["iq_confs"]
        confs = given if isinstance(given, list) else [given] * len(reading.inputs)
        parts = weights.part("quantizers").parts
        names = [f"quantizer_{place}" if place else "quantizer" for place in range(len(confs))]
        quantisers = [
            FixedPoints(conf, parts.get(name, Weights()))
            for conf, name in zip(confs, names, strict=True)
        ]
    names = []
    for place, (name, quantiser) in enumerate(zip(reading.inputs, quantisers, strict=True)):
        suffix = f"_iq{place}" if place else "_iq"
        formats = quantiser.formats(reading.shape_of(name))
        names.append(reading.add(Quantise.of(formats), name, suffix=suffix))
    return reading.reading(tuple(names))


def _finished(reading: Reading, name: str) -> str:
    """The step ``name``, followed by the layer's activation and its quantiser of results."""
    name = activated(reading, name)
    if not reading.config.get("enable_oq"):
        return name
    quantiser = FixedPoints(reading.config["oq_conf"], reading.layer.weights.part("oq"))
    shape = reading.shape_of(name)
    return reading.add(Quantise.of(quantiser.formats(shape)), name, suffix="_oq")


def _kernel(reading: Reading, values: npt.NDArray[Any]) -> Numbers:
    return FixedPoints(reading.config["kq_conf"], reading.layer.weights.part("kq")).constants(
        values
    )


def _bias(reading: Reading, values: npt.NDArray[Any]) -> Numbers:
    return FixedPoints(reading.config["bq_conf"], reading.layer.weights.part("bq")).constants(
        values
    )


@reads("Quantizer", package=_PACKAGE)
def _quantiser(reading: Reading) -> str:
    quantiser = FixedPoints(reading.config["config"], reading.layer.weights)
    return reading.add(Quantise.of(quantiser.formats(reading.shape)))


@reads("QDense", package=_PACKAGE)
def _dense(reading: Reading) -> str:
    reading = _quantised_inputs(reading)
    bias = _bias(reading, reading.array(1)) if reading.config.get("use_bias", True) else None
    sums = over_places(_kernel(reading, reading.array(0)), bias, reading.shape)
    return _finished(reading, reading.add(sums))


@reads("QBatchNormDense", package=_PACKAGE)
def _normalised_dense(reading: Reading) -> str:
    reading = _quantised_inputs(reading)
    kernel, bias = (reading.array(place).astype(np.float64) for place in (0, 1))
    # Behind kernel and bias stand beta and ebops, unless the layer was built without them.
    rest = [array.astype(np.float64) for array in reading.arrays[2:] if array.ndim == 1]
    gamma = rest.pop(0) if reading.config.get("scale", True) else np.ones(1)
    mean, variance = _statistics(rest)
    factor = gamma / np.sqrt(variance + float(reading.config.get("epsilon", 1e-3)))
    # It normalises what it reads, so that each row of the kernel has a factor.
    folded, shift = factor[:, None] * kernel, bias - mean @ kernel
    sums = over_places(_kernel(reading, folded), _bias(reading, shift), reading.shape)
    return _finished(reading, reading.add(sums))


def _statistics(arrays: list[Floats]) -> tuple[Floats, Floats]:
    if len(arrays) < 2:
        raise UnsupportedError("its weights are not in the file", code="network.no-weights")
    return arrays[0], arrays[1]


@reads("QConv1D", "QConv2D", package=_PACKAGE)
def _convolution(reading: Reading) -> str:
    reading.require("groups", 1)
    reading = _quantised_inputs(reading)
    steps, padding = kernel_options(reading)
    bias = _bias(reading, reading.array(1)) if reading.config.get("use_bias", True) else None
    kernel = _kernel(reading, reading.array(0))
    return _finished(reading, reading.add(Sums("convolution", kernel, bias, steps, padding)))


@reads("QBatchNormalization", package=_PACKAGE)
def _normalisation(reading: Reading) -> str:
    reading.require("axis", -1, len(reading.shape))
    reading = _quantised_inputs(reading)
    arrays = [array.astype(np.float64) for array in reading.arrays if array.ndim == 1]
    gamma = arrays.pop(0) if reading.config.get("scale", True) else np.ones(1)
    beta = arrays.pop(0) if reading.config.get("center", True) else np.ones(1)
    mean, variance = _statistics(arrays)
    factor = gamma / np.sqrt(variance + float(reading.config.get("epsilon", 1e-3)))
    scaling = Scaling(_kernel(reading, factor), _bias(reading, beta - mean * factor))
    return _finished(reading, reading.add(scaling))


# Layers that do what Keras's do, once their inputs are on their grids.
_ALIKE = {
    "QAdd": "Add",
    "QSubtract": "Subtract",
    "QMultiply": "Multiply",
    "QMaximum": "Maximum",
    "QMinimum": "Minimum",
    "QMaxPooling1D": "MaxPooling1D",
    "QMaxPooling2D": "MaxPooling2D",
    "QAveragePooling1D": "AveragePooling1D",
    "QAveragePooling2D": "AveragePooling2D",
    "QGlobalMaxPooling1D": "GlobalMaxPooling1D",
    "QGlobalMaxPooling2D": "GlobalMaxPooling2D",
    "QGlobalAveragePooling1D": "GlobalAveragePooling1D",
    "QGlobalAveragePooling2D": "GlobalAveragePooling2D",
}


@reads(*_ALIKE, package=_PACKAGE)
def _alike(reading: Reading) -> str:
    kind = _ALIKE[reading.layer.kind]
    quantised = _quantised_inputs(reading)
    return _finished(reading, LAYERS["", kind](quantised.of_kind(kind)))


@reads("QAveragePow2", package=_PACKAGE)
def _average(reading: Reading) -> str:
    if len(reading.inputs) != 2:
        raise UnsupportedError("the mean of other than two tensors", "two, or QAdd")
    quantised = _quantised_inputs(reading)
    return _finished(reading, LAYERS["", "Average"](quantised.of_kind("Average")))
