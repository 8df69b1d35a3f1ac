"""Engines agree when their raw words are equal; where not, the first sample that differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpgac.errors import Problem, ProofError
from fpgac.numbers import FixedPoint, FloatArray, IntArray

__all__ = ["Difference", "first_difference", "require_equal"]


@dataclass(frozen=True)
class Difference:
    """How two engines' raw words, shape (samples, outputs), differ."""

    sample: int
    output: int
    expected: int
    got: int
    count: int
    samples: int


def first_difference(expected: IntArray, got: IntArray) -> Difference | None:
    """The first word that differs, or None where all are equal.

    Raises:
        ValueError: the shapes differ, so that the words cannot be compared at all.
    """
    if expected.shape != got.shape:
        raise ValueError(f"shapes {expected.shape} and {got.shape} cannot be compared")
    differs = expected.astype(np.int64) != got.astype(np.int64)
    if not differs.any():
        return None
    sample, output = map(int, np.unravel_index(int(differs.argmax()), differs.shape))
    return Difference(
        sample,
        output,
        int(expected[sample, output]),
        int(got[sample, output]),
        int(differs.any(axis=1).sum()),
        len(differs),
    )


def require_equal(
    engine: str,
    got: IntArray,
    reference: str,
    expected: IntArray,
    inputs: FloatArray,
    type_: FixedPoint,
) -> None:
    """Nothing if ``engine`` gave the reference's words for ``inputs``.

    Raises:
        ProofError: naming the first sample that differs, with its inputs and both words.
    """
    if expected.shape != got.shape:
        raise ProofError(
            Problem(
                f"{engine} gave results of another shape than {reference}",
                expected=str(expected.shape),
                got=str(got.shape),
            )
        )
    difference = first_difference(expected, got)
    if difference is None:
        return
    shown = np.array2string(inputs[difference.sample], threshold=12, precision=17)
    raise ProofError(
        Problem(
            f"{engine} and {reference} differ in {difference.count} of {difference.samples} "
            f"samples, first in sample {difference.sample}, output {difference.output}",
            expected=f"{_shown(difference.expected, type_)}, from {reference}",
            got=f"{_shown(difference.got, type_)}, from {engine}",
            hint=f"the sample's inputs: {' '.join(shown.split())}",
        )
    )


def _shown(word: int, type_: FixedPoint) -> str:
    return f"{word} = {word * type_.step:g} as {type_}"
