"""QKeras's quantisers, by what their notation says: QKeras itself is not asked."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.draft import Numbers, UnsupportedError, What
from fpgac.network.imports.numbers import on_type
from fpgac.network.ops.curve import Curve
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.squash import Squash
from fpgac.numbers import FixedPoint, Overflow, Rounding
from fpgac.spec.formats import hard_type

__all__ = ["Quantiser", "activation_of", "learnt_alone", "parse", "quantised"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


# The parameters of each, in order, with their defaults.
_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "quantized_bits": {
        "bits": 8,
        "integer": 0,
        "symmetric": 0,
        "keep_negative": True,
        "alpha": None,
        "use_stochastic_rounding": False,
        "scale_axis": None,
        "qnoise_factor": 1.0,
    },
    "quantized_relu": {
        "bits": 8,
        "integer": 0,
        "use_sigmoid": 0,
        "negative_slope": 0.0,
        "use_stochastic_rounding": False,
        "relu_upper_bound": None,
        "is_quantized_clip": True,
        "qnoise_factor": 1.0,
    },
    "quantized_tanh": {
        "bits": 8,
        "use_stochastic_rounding": False,
        "symmetric": False,
        "use_real_tanh": False,
    },
    "quantized_sigmoid": {
        "bits": 8,
        "symmetric": False,
        "use_real_sigmoid": False,
        "use_stochastic_rounding": False,
    },
    "quantized_po2": {
        "bits": 8,
        "max_value": None,
        "use_stochastic_rounding": False,
        "quadratic_approximation": False,
        "log2_rounding": "rnd",
        "qnoise_factor": 1.0,
    },
    "binary": {"use_01": False, "alpha": None, "use_stochastic_rounding": False},
    "ternary": {
        "alpha": None,
        "threshold": None,
        "use_stochastic_rounding": False,
        "number_of_unrolls": 5,
    },
}
# Of no effect on what a trained network answers.
_IGNORED = frozenset({"var_name", "use_ste", "use_variables"})
_EPSILON = np.float32(1e-7)


@dataclass(frozen=True)
class Quantiser:
    """A quantiser's name, and all of its parameters."""

    name: str
    options: Mapping[str, Any]

    def __getitem__(self, option: str) -> Any:
        return self.options[option]

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in self.options.items())
        return f"{self.name}({given})"


def parse(given: Any) -> Quantiser | None:
    """A quantiser as a configuration holds it: an object, or its notation; None for none.

    Raises:
        UnsupportedError: it is none that fpgac knows.
    """
    if given is None:
        return None
    name, args, options = _notation(given) if isinstance(given, str) else _object(given)
    if name not in _PARAMETERS:
        known = ", ".join(_PARAMETERS)
        raise UnsupportedError(f"a quantiser that fpgac does not know, {name}", f"known: {known}")
    known_options = _PARAMETERS[name]
    chosen = dict(zip(known_options, args, strict=False)) | dict(options)
    strange = sorted(set(chosen) - set(known_options) - _IGNORED)
    if strange or len(args) > len(known_options):
        raise UnsupportedError(f"the quantiser {name} has an option {', '.join(strange)}")
    quantiser = Quantiser(name, {key: chosen.get(key, known_options[key]) for key in known_options})
    if quantiser.options.get("qnoise_factor", 1.0) != 1.0:
        what = f"{name} quantises only in part: its qnoise_factor is {quantiser['qnoise_factor']}"
        raise UnsupportedError(what, "finish the training with a qnoise_factor of 1")
    return quantiser


def _object(given: Mapping[str, Any]) -> tuple[str, list[Any], Mapping[str, Any]]:
    config = given.get("config", {})
    if not isinstance(config, Mapping):
        return str(config), [], {}
    return str(given["class_name"]).rpartition(">")[2], [], config


def _notation(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """``quantized_relu(6, 2)``, without evaluating it."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if isinstance(call, ast.Name):
            return call.id, [], {}
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            values = [ast.literal_eval(value) for value in call.args]
            options = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
            return call.func.id, values, options
    except (SyntaxError, ValueError):
        pass
    raise UnsupportedError(f"no quantiser's notation, {text[:60]!r}")


def quantised(quantiser: Quantiser | None, values: npt.NDArray[Any]) -> Numbers:
    """A layer's learnt numbers as its quantiser leaves them; with none, as they are.

    ``alpha`` is by default what QKeras's layers make of it for weights: a power of two for each
    output.

    Raises:
        UnsupportedError: the quantiser has no exact form here.
    """
    numbers = values.astype(np.float64)
    if quantiser is None:
        return Numbers(numbers)
    rules: Mapping[str, Callable[[Quantiser, Floats], Numbers]] = {
        "quantized_bits": _bits,
        "quantized_po2": _powers,
        "binary": _binary,
        "ternary": _ternary,
    }
    if quantiser.name not in rules:
        raise UnsupportedError(f"{quantiser.name} as the quantiser of weights")
    return rules[quantiser.name](quantiser, numbers)


def grid(quantiser: Quantiser) -> FixedPoint:
    """The type of a ``quantized_bits`` whose alpha is 1.

    Raises:
        UnsupportedError: it has one bit alone.
    """
    signed = bool(quantiser["keep_negative"])
    bits, integer = int(quantiser["bits"]), int(quantiser["integer"])
    if bits - signed < 1:
        raise UnsupportedError("quantized_bits of one bit", "binary(alpha=1) is the same")
    overflow = Overflow.SAT_SYM if signed and quantiser["symmetric"] else Overflow.SAT
    return FixedPoint(bits, integer + signed, signed, Rounding.RND_CONV, overflow)


def _bits(quantiser: Quantiser, values: Floats) -> Numbers:
    alpha = quantiser["alpha"]
    if alpha is None or isinstance(alpha, str):
        return _scaled_bits(quantiser, values)
    type_ = grid(quantiser)
    numbers = type_.on_grid(values)
    if alpha == 1:
        return Numbers(numbers, type_)
    return on_type(numbers * float(alpha))


def learnt_alone(quantiser: Quantiser | None) -> Quantiser | None:
    """The quantiser of a bias: QKeras's layers leave its alpha as it is, and None counts as 1."""
    if quantiser is None or quantiser.options.get("alpha", 1) is not None:
        return quantiser
    if quantiser.name != "quantized_bits":
        return quantiser
    return replace(quantiser, options={**quantiser.options, "alpha": 1})


def _scaled_bits(quantiser: Quantiser, values: Floats) -> Numbers:
    """The scale of each output is chosen by its weights, in single precision as QKeras does."""
    axes = _axes(quantiser, values)
    x = values.astype(np.float32) / np.float32(2.0 ** quantiser["integer"])
    half = np.float32(2 ** (int(quantiser["bits"]) - 1) - 1)
    scale = np.abs(x).max(axis=axes, keepdims=True) * np.float32(2) / (2 * half)
    is_power = quantiser["alpha"] != "auto"
    if is_power:
        scale = _power(scale)
        for _ in range(5):
            scale = _power(_fitted(x, _levels(x, scale, half), axes))
    levels = _levels(x, scale, half).astype(np.float64)
    return on_type(levels * scale.astype(np.float64) * 2.0 ** quantiser["integer"])


def _axes(quantiser: Quantiser, values: Floats) -> tuple[int, ...]:
    kept = quantiser.options.get("scale_axis")
    kept = values.ndim - 1 if kept is None else int(kept)
    axes = tuple(axis for axis in range(values.ndim) if axis != kept)
    return axes if values.ndim > 1 else (0,)


def _levels(x: Singles, scale: Singles, half: np.float32) -> Singles:
    v = np.floor(np.abs(x) / scale + np.float32(0.5))
    return np.asarray(np.sign(x) * np.minimum(v, half), np.float32)


def _fitted(x: Singles, q: Singles, axes: tuple[int, ...]) -> Singles:
    """The scale that fits best, by least squares."""
    if x.ndim > 1:
        qx = np.mean(x * q, axis=axes, keepdims=True, dtype=np.float32)
        qq = np.mean(q * q, axis=axes, keepdims=True, dtype=np.float32)
    else:
        qx, qq = x * q, q * q
    return np.asarray(qx / (qq + _EPSILON), np.float32)


def _power(scale: Singles) -> Singles:
    logs = np.log(scale + _EPSILON) / np.float32(np.log(2.0))
    return np.asarray(np.exp2(np.round(logs)), np.float32)


def _powers(quantiser: Quantiser, values: Floats) -> Numbers:
    """The nearest power of two by its logarithm."""
    if quantiser["quadratic_approximation"] or quantiser["log2_rounding"] != "rnd":
        raise UnsupportedError("quantized_po2 with a quadratic approximation, or another rounding")
    most = quantiser["max_value"]
    bits = int(quantiser["bits"]) - 1 - (most is None or most > 1)
    least, greatest = -(2**bits), 2**bits - 1
    sizes = np.maximum(np.abs(values), 1e-7)
    if most is not None:
        sizes = np.minimum(sizes, float(most))
    logs = np.round(np.log2(sizes.astype(np.float32)))
    exponents = np.where(np.abs(values) < 1e-7, least, np.clip(logs, least, greatest))
    return on_type(np.where(values < 0, -1.0, 1.0) * np.exp2(exponents))


def _binary(quantiser: Quantiser, values: Floats) -> Numbers:
    least = 0.0 if quantiser["use_01"] else -1.0
    signs: Floats = np.where(values < 0, least, 1.0)
    alpha = quantiser["alpha"]
    if alpha is None or isinstance(alpha, str):
        x, q = values.astype(np.float32), signs.astype(np.float32)
        scale = _fitted(x, q, _axes(quantiser, values))
        scale = scale if alpha == "auto" else _power(scale)
        return on_type(signs * scale.astype(np.float64))
    return on_type(signs * float(alpha))


def _ternary(quantiser: Quantiser, values: Floats) -> Numbers:
    alpha, threshold = quantiser["alpha"], quantiser["threshold"]
    if alpha is None or isinstance(alpha, str):
        return _scaled_ternary(quantiser, values)
    threshold = 0.33 if threshold is None else float(threshold)
    signs = np.where(np.abs(values) >= threshold, np.sign(values), 0.0)
    return on_type(signs * float(alpha))


def _scaled_ternary(quantiser: Quantiser, values: Floats) -> Numbers:
    x, axes = values.astype(np.float32), _axes(quantiser, values)
    is_power = quantiser["alpha"] != "auto"
    most = np.abs(x).max(axis=axes if x.ndim > 1 else None, keepdims=True)
    scale = np.asarray(np.float32(2) * most / np.float32(3), np.float32)
    scale = _power(scale) if is_power else scale
    q = np.zeros_like(x)
    for _ in range(int(quantiser["number_of_unrolls"])):
        v = scale * np.round(x / scale)
        q = np.where(np.abs(v) >= scale / 2, np.sign(x), np.float32(0))
        fitted = _fitted(x, q, axes)
        scale = _power(fitted) if is_power else fitted
    return on_type(q.astype(np.float64) * scale.astype(np.float64))


def activation_of(quantiser: Quantiser) -> What:
    """What a quantiser does as an activation.

    Raises:
        UnsupportedError: it has no exact form.
    """
    match quantiser.name:
        case "quantized_relu":
            return _relu(quantiser)
        case "quantized_bits":
            if quantiser["alpha"] not in (None, 1):
                raise UnsupportedError("quantized_bits with a scale, as an activation", _ALPHA)
            return Quantise(grid(quantiser))
        case "quantized_tanh" | "quantized_sigmoid":
            return _squash(quantiser)
    raise UnsupportedError(f"{quantiser.name} as an activation", "quantized_relu or quantized_bits")


_ALPHA = "give it alpha=1"


def _relu(quantiser: Quantiser) -> Relu:
    odd = [name for name in ("use_sigmoid", "negative_slope") if quantiser[name]]
    if odd or (not quantiser["is_quantized_clip"] and quantiser["relu_upper_bound"] is not None):
        names = ", ".join(odd or ["relu_upper_bound"])
        raise UnsupportedError(f"quantized_relu with {names}", "quantized_relu(bits, integer)")
    bits, integer = int(quantiser["bits"]), int(quantiser["integer"])
    return Relu(FixedPoint(bits, integer, False, Rounding.RND_CONV, Overflow.SAT))


def _squash(quantiser: Quantiser) -> What:
    function: Literal["tanh", "sigmoid"]
    function = "tanh" if quantiser.name == "quantized_tanh" else "sigmoid"
    bits = int(quantiser["bits"])
    if quantiser["symmetric"]:
        raise UnsupportedError(f"{quantiser.name} with symmetric=True", "leave 'symmetric' out")
    if quantiser[f"use_real_{function}"]:
        return Curve.of(hard_type(function, bits), f"true_{function}")
    return Squash.of_bits(function, bits)
