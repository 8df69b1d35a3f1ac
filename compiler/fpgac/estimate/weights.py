"""A layer's weights as constants: how many multipliers and adders HLS makes of them.

A constant whose digits in canonical signed form are one is a wire, two are an adder or subtractor,
and three or more a multiplier. What one input is multiplied with twice, shifts and signs apart, is
made once. The counts agree with public C synthesis reports; see ``docs/estimate.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fpgac.numbers import FixedPoint, IntArray

__all__ = ["Constants", "assumed", "counted"]

# Rows of a large matrix that are drawn; the rest is like them.
_MOST_ROWS: Final = 256


@dataclass(frozen=True)
class Constants:
    """What the weights of one matrix of shape (inputs, outputs) are as constants.

    ``nonzero`` are the terms of all sums, ``two_digit`` the products that take one adder, and
    ``multipliers`` those that take a multiplier.
    """

    inputs: int
    outputs: int
    nonzero: int
    two_digit: int
    multipliers: int

    @property
    def products(self) -> int:
        """Multiplications, by zeros too."""
        return self.inputs * self.outputs

    @property
    def terms(self) -> float:
        """Terms in a sum, on average, and at least one."""
        return max(self.nonzero / self.outputs, 1.0)


def counted(weights: IntArray) -> Constants:
    """The constants of a trained matrix of words, shape (inputs, outputs)."""
    odd = _odd_parts(weights)
    values, places = np.unique(odd, return_inverse=True)
    digits = np.array([_signed_digits(int(value)) for value in values])
    rows = np.arange(len(odd))[:, None] * len(values)
    distinct = digits[np.unique(rows + places.reshape(odd.shape)) % len(values)]
    inputs, outputs = weights.shape
    return Constants(
        inputs,
        outputs,
        nonzero=int(np.count_nonzero(weights)),
        two_digit=int(np.count_nonzero(distinct == 2)),
        multipliers=int(np.count_nonzero(distinct > 2)),
    )


def assumed(inputs: int, outputs: int, type_: FixedPoint, sparsity: float = 0.0) -> Constants:
    """The constants of a matrix that is not trained yet, but has shape and type.

    Words are drawn, the same each time, as Keras draws weights (Glorot's uniform distribution);
    the smallest of them, ``sparsity`` in part, are zero.
    """
    rows = min(inputs, _MOST_ROWS)
    reach = (6.0 / (inputs + outputs)) ** 0.5
    drawn = np.random.default_rng(1).uniform(-reach, reach, (rows, outputs))
    drawn[np.abs(drawn) < reach * sparsity] = 0.0
    words = np.clip(np.round(drawn * 2.0**type_.fraction), type_.lowest, type_.highest)
    part, scale = counted(words.astype(np.int64)), inputs / rows
    counts = (part.nonzero, part.two_digit, part.multipliers)
    return Constants(inputs, outputs, *(round(count * scale) for count in counts))


def _odd_parts(words: IntArray) -> IntArray:
    """Each word without its sign and the zeros at its end; 0 stays."""
    size = np.abs(words)
    odd: IntArray = size // np.maximum(size & -size, 1)
    return odd


def _signed_digits(value: int) -> int:
    """Digits that are not zero in the canonical signed form.

    >>> _signed_digits(0), _signed_digits(8), _signed_digits(7), _signed_digits(11)
    (0, 1, 2, 3)
    """
    return (value ^ 3 * value).bit_count()
