"""Which formats the floats of a draft get, where its file gives them none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.imports.draft import Entry
from fpgac.network.imports.hls4ml_project import Project
from fpgac.network.imports.numbers import rounding_type
from fpgac.numbers import FixedPoint, Overflow, Rounding
from fpgac.spec.formats import Quantiser
from fpgac.spec.models import QuantisationSection

__all__ = ["Formats", "ProjectFormats", "RangedFormats", "UsualFormats", "WideFormats"]

Floats = npt.NDArray[np.float64]

# Functions whose results lie between known ends: the bits before the point, and the sign.
_BOUNDED: Mapping[str, tuple[int, bool]] = {
    "sigmoid": (0, False),
    "tanh": (1, True),
    "softsign": (1, True),
    "relu6": (3, False),
}
# What a normalisation has that is in no layer's weights.
_SCALE_BITS = 16
# What hls4ml calls a layer's constants.
_VARIABLES: Mapping[str, str] = {
    "weights": "weight",
    "factor": "scale",
    "shift": "bias",
    "slopes": "param",
}
_POSITIVE = ("relu", "relu6", "sigmoid", "softplus")


class Formats(ABC):
    """The types of what a file leaves as floats."""

    @abstractmethod
    def entry(self, entry: Entry) -> FixedPoint:
        """The type of an input that neither the spec nor the file gives one."""

    @abstractmethod
    def constants(self, node: str, key: str, values: Floats) -> FixedPoint:
        """The type of a layer's constants; ``key`` is ``weights``, or what else they are."""

    @abstractmethod
    def result(self, node: str, function: str) -> FixedPoint:
        """The type of what ``function`` gives at ``node``: ``linear`` gives what it reads."""

    def sums(self, node: str) -> FixedPoint | None:
        """The type on which the sums of ``node`` go on; None where they keep their bits."""
        return None


@dataclass(frozen=True)
class UsualFormats(Formats):
    """What a spec says of all layers in its ``[quantisation]``."""

    usual: QuantisationSection

    def entry(self, entry: Entry) -> FixedPoint:
        raise NetworkError(
            Problem(
                f"neither the spec nor the file gives the type of the input {entry.name!r}",
                Where(key="interface.input"),
                expected="a type such as 'ap_fixed<16,6,RND,SAT>'",
                hint='or [quantisation] from = "data", which chooses it by the data',
                code="network.no-input-type",
            )
        )

    def constants(self, node: str, key: str, values: Floats) -> FixedPoint:
        if key in ("factor", "shift"):
            return rounding_type(_SCALE_BITS, values)
        quantiser = self.usual.biases if key == "bias" else self.usual.weights
        better = rounding_type(quantiser.format.width, values)
        hint = f"quantized_bits({better.width}, {better.integer - 1}) holds them"
        return _holding(quantiser.format, node, key, values, hint)

    def result(self, node: str, function: str) -> FixedPoint:
        activations = self.usual.activations
        if function in ("sigmoid", "tanh", "softsign"):
            integer, signed = _BOUNDED[function]
            return _rounded(activations.bits, integer, signed)
        if function in _POSITIVE:
            return activations.format
        bits, integer = max(activations.bits, 2), activations.integer
        return Quantiser(function="quantized_bits", bits=bits, integer=integer).format


def _holding(type_: FixedPoint, node: str, key: str, values: Floats, hint: str) -> FixedPoint:
    """``type_``, which must hold a layer's constants up to rounding.

    Raises:
        NetworkError: it does not.
    """
    highest = max(float(np.abs(values).max(initial=0)) - type_.step / 2, 0.0)
    if highest <= type_.highest * type_.step:
        return type_
    raise NetworkError(
        Problem(
            f"the {key} of layer {node!r} do not fit their type: they would saturate",
            Where(key=f"layers.{node}"),
            expected=f"numbers up to {type_.highest * type_.step:g}, for {type_}",
            got=f"{np.abs(values).max():g}",
            hint=f'{hint}, or [quantisation] from = "data"',
            code="network.saturated",
        )
    )


@dataclass(frozen=True)
class ProjectFormats(Formats):
    """The precisions of a project of hls4ml's; ``kinds`` are the classes of layers by name.

    Where hls4ml would find a precision for itself, sums keep their bits, and all else has the
    model's usual one.
    """

    project: Project
    kinds: Mapping[str, str]

    def entry(self, entry: Entry) -> FixedPoint:
        found = self.project.precision(entry.name, "InputLayer", "result")
        return found or self.project.usual_precision()

    def constants(self, node: str, key: str, values: Floats) -> FixedPoint:
        type_ = self._found(node, _VARIABLES.get(key, key)) or self.project.usual_precision()
        better = rounding_type(type_.width, values)
        return _holding(type_, node, key, values, f"{better} holds them")

    def result(self, node: str, function: str) -> FixedPoint:
        return self._found(node, "result") or self.project.usual_precision()

    def sums(self, node: str) -> FixedPoint | None:
        return self._found(node, "result")

    def _found(self, node: str, variable: str) -> FixedPoint | None:
        return self.project.precision(node, self.kinds.get(node, ""), variable)


@dataclass(frozen=True)
class WideFormats(Formats):
    """Types as wide as a program's exactness leaves room for: to see what ranges there are."""

    def entry(self, entry: Entry) -> FixedPoint:
        return _rounded(20, 16, signed=True)

    def constants(self, node: str, key: str, values: Floats) -> FixedPoint:
        return rounding_type(14, values)

    def result(self, node: str, function: str) -> FixedPoint:
        if function in _BOUNDED:
            integer, signed = _BOUNDED[function]
            return _rounded(12, integer, signed)
        return _rounded(20, 12 if function in ("softplus", "elu") else 16, signed=True)


@dataclass(frozen=True)
class RangedFormats(Formats):
    """Types of so many bits by the ranges that data have shown, by the names of inputs and nodes.

    Nothing saturates on those data, and no bit before the point is spare.
    """

    bits: int
    lowest: Mapping[str, float]
    highest: Mapping[str, float]

    def entry(self, entry: Entry) -> FixedPoint:
        return self._ranged(entry.name)

    def constants(self, node: str, key: str, values: Floats) -> FixedPoint:
        return rounding_type(self.bits, values)

    def result(self, node: str, function: str) -> FixedPoint:
        if function in ("sigmoid", "tanh", "softsign"):
            integer, signed = _BOUNDED[function]
            return _rounded(self.bits, integer, signed)
        return self._ranged(node)

    def _ranged(self, name: str) -> FixedPoint:
        ends = np.array([self.lowest[name], self.highest[name]])
        if ends[0] < 0:
            return rounding_type(self.bits, ends)
        signed = rounding_type(self.bits + 1, ends)
        return _rounded(self.bits, signed.integer - 1, signed=False)


def _rounded(bits: int, integer: int, signed: bool) -> FixedPoint:
    return FixedPoint(bits, integer, signed, Rounding.RND_CONV, Overflow.SAT)
