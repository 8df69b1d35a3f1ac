"""Program code in a network's file: what it does, as seen where it was allowed to run.

Code has no meaning that fpgac could read. Where a user trusts it, its own framework applies it to
random samples, and it is imported as an operation that gives the same numbers. The comparison with
the original then holds that operation against the code again, on the vectors of the proof.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.draft import Function, FunctionName, Numbers, Scaling, What
from fpgac.network.imports.files import content_digest
from fpgac.network.imports.original import FRAMEWORKS, require_installed
from fpgac.network.keras.process import exchange, run_worker
from fpgac.network.ops.arrangement import Flatten, Reshape
from fpgac.spec.shapes import Shape

__all__ = ["Observed", "imitated", "observe"]

Floats = npt.NDArray[np.float64]

# How far numbers may be apart that count as the same: code may compute in single precision.
_NEAR = 1e-5
# Digits of factors and shifts that are found by least squares.
_DIGITS = 10


@dataclass(frozen=True, eq=False)
class Observed:
    """What a layer's code made of samples: ``given`` and ``found``, shape (samples, \\*shape)."""

    given: Floats
    found: Floats


def observe(file: Path, framework: str, layers: Sequence[str]) -> Mapping[str, Observed]:
    """Run the code of ``layers``, by name, in the process of ``framework``.

    Only for files that the user trusts. Their code runs once, however often this is called.

    Raises:
        ToolchainError: the framework is not installed.
        NetworkError: it refuses the file, or the code fails.
    """
    return _observed(file.resolve(), content_digest(file), framework, tuple(layers))


@lru_cache(maxsize=8)
def _observed(
    file: Path, digest: str, framework: str, layers: tuple[str, ...]
) -> Mapping[str, Observed]:
    require_installed(framework, file)
    request = {"framework": framework, "file": str(file), "layers": layers, "trust": True}
    with exchange() as folder:
        (folder / "request.json").write_text(json.dumps(request))
        run_worker("observe", folder, lambda _: None, FRAMEWORKS[framework].worker)
        return {name: _read(folder / f"code{place}.npz") for place, name in enumerate(layers)}


def _read(file: Path) -> Observed:
    with np.load(file) as arrays:
        return Observed(arrays["given"], arrays["found"])


def imitated(observed: Observed) -> tuple[What, ...] | None:
    """The steps that give the same numbers: none for an identity; None if fpgac has no such steps.

    In this order: the same numbers in another shape, a factor and a shift for each channel, or one
    of the functions that networks are made of.
    """
    given, found = observed.given, observed.found
    if found.ndim > 1 and found[0].size == given[0].size and _near(_rows(found), _rows(given)):
        return _reshaping(given.shape[1:], found.shape[1:])
    if found.shape != given.shape:
        return None
    scaling = _scaling(given, found)
    if scaling is not None:
        return (scaling,)
    named = (Function(name) for name, of in _FUNCTIONS.items() if _near(of(given), found))
    function = next(named, None) or _leaky(given, found)
    return None if function is None else (function,)


def _rows(array: Floats) -> Floats:
    return array.reshape(len(array), -1)


def _near(first: Floats, second: Floats) -> bool:
    return bool(np.allclose(first, second, rtol=_NEAR, atol=_NEAR))


def _reshaping(given: Shape, found: Shape) -> tuple[What, ...]:
    if given == found:
        return ()
    return (Flatten(),) if len(found) == 1 else (Reshape(found),)


def _scaling(given: Floats, found: Floats) -> Scaling | None:
    """A factor and a shift for each channel, by least squares."""
    x, y = (array.reshape(-1, array.shape[-1]) for array in (given, found))
    middle, level = x.mean(axis=0), y.mean(axis=0)
    factor = ((x - middle) * (y - level)).sum(axis=0) / ((x - middle) ** 2).sum(axis=0)
    factor, shift = map(_rounded, (factor, level - factor * middle))
    if not _near(x * factor + shift, y):
        return None
    return Scaling(Numbers(factor), Numbers(shift))


def _rounded(numbers: Floats) -> Floats:
    return np.array([float(f"{number:.{_DIGITS}g}") for number in numbers]) + 0.0


def _softmax(x: Floats) -> Floats:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _leaky(given: Floats, found: Floats) -> Function | None:
    below = given < 0
    slope = float(f"{np.median(found[below] / given[below]):.{_DIGITS}g}")
    is_leaky = _near(np.where(below, slope * given, given), found)
    return Function("leaky_relu", slope) if is_leaky else None


_FUNCTIONS: Mapping[FunctionName, Callable[[Floats], Floats]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "elu": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    "softmax": _softmax,
}
