"""What of a data set goes in but should not stay as it is: a line each, with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset, Split
from fpgac.numbers import FixedPoint, Overflow
from fpgac.tensors import Layout, pieces

__all__ = ["data_warnings", "output_warnings", "outside"]

Floats = npt.NDArray[np.floating[Any]]

# The part of a feature's samples that may lie beyond its type without a word.
_BEYOND: Final = 1e-3


def data_warnings(parts: Split, inputs: Layout) -> tuple[str, ...]:
    """What is wrong with the data of a network with these ``inputs``, scaled as they say."""
    return (
        *_beyond(parts.train, inputs),
        *_constant(parts.train),
        *_missing_classes(parts),
    )


def output_warnings(numbers: Floats, outputs: Layout) -> tuple[str, ...]:
    """Which outputs wrap, by their exact ``numbers``: rows of all outputs with every bit."""
    return tuple(_wrapping(numbers, outputs))


def outside(rows: Floats, layout: Layout) -> npt.NDArray[np.float64]:
    """The part of each column, shape (numbers,), that lies beyond what its type holds."""
    counts = np.zeros(layout.size)
    for piece in pieces(len(rows)):
        scaled = layout.scaled(rows[piece])
        for tensor, columns in layout.places:
            counts[columns] += _is_outside(scaled[:, columns], tensor.type).sum(axis=0)
    return counts / len(rows)


def _is_outside(numbers: Floats, to: FixedPoint) -> npt.NDArray[np.bool_]:
    """Half a step beyond the ends still rounds to them."""
    low, high = (to.lowest - 0.5) * to.step, (to.highest + 0.5) * to.step
    return np.asarray((numbers < low) | (numbers > high))


def _beyond(data: Dataset, inputs: Layout) -> Iterator[str]:
    parts = outside(data.features, inputs)
    for tensor, columns in inputs.places:
        own, names = parts[columns], data.feature_names[columns]
        several = [name for name, part in zip(names, own, strict=True) if part > _BEYOND]
        if several:
            does = "wraps" if tensor.type.overflow is Overflow.WRAP else "saturates"
            remedy = "" if tensor.scaling else ', or scaling = "standard" under [data]'
            yield (
                f"{own.max():.1%} of {names[int(own.argmax())]!r}{_more(several)} {does} in "
                f"{tensor.type}: choose more integer bits{remedy}"
            )


def _constant(data: Dataset) -> Iterator[str]:
    still = np.ptp(data.features, axis=0) == 0
    names = [name for name, is_still in zip(data.feature_names, still, strict=True) if is_still]
    if names:
        yield (
            f"{names[0]!r}{_more(names)} never varies in the training part: a network learns "
            "nothing from it; choose others with 'features' under [data]"
        )


def _missing_classes(parts: Split) -> Iterator[str]:
    if parts.train.task not in ("classification", "binary"):
        return
    for name, train, test in zip(_classes(parts.train), *map(_counts, _both(parts)), strict=True):
        if bool(train) != bool(test):
            where, other = ("training", "test") if train else ("test", "training")
            yield (
                f"the class {name!r} is in the {where} part only, not in the {other} part: "
                "take more samples, or another test_fraction or test_path under [data]"
            )


def _both(parts: Split) -> tuple[Dataset, Dataset]:
    return parts.train, parts.test


def _classes(data: Dataset) -> Sequence[str]:
    (name, *_) = data.target_names
    return (f"not {name}", name) if data.task == "binary" else data.target_names


def _counts(data: Dataset) -> list[int]:
    """Samples of each class."""
    ones = (data.targets == 1).sum(axis=0).tolist()
    return [len(data) - ones[0], ones[0]] if data.task == "binary" else ones


def _wrapping(numbers: Floats, outputs: Layout) -> Iterator[str]:
    for tensor, columns in outputs.places:
        if tensor.type.overflow is not Overflow.WRAP:
            continue
        wraps = _is_outside(numbers[:, columns], tensor.type).any(axis=1).mean()
        if wraps:
            yield (
                f"the output {tensor.name!r} wraps in {wraps:.1%} of the test samples: choose more "
                f'integer bits than those of {tensor.type}, SAT, or output = "auto"'
            )


def _more(names: Sequence[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
