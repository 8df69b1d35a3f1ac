"""Constants of a program: integers that stand for ``word · 2^-fraction``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fpgac.numbers import WIDEST, FixedPoint, IntArray
from fpgac.program.ranges import Interval, NotExact

__all__ = ["Words", "words_in", "words_of"]


@dataclass(frozen=True, eq=False)
class Words:
    """Constants of any shape, int64: the numbers ``words · 2^-fraction``."""

    words: IntArray
    fraction: int

    @classmethod
    def of(cls, numbers: npt.ArrayLike, type_: FixedPoint) -> Words:
        """Floats on the grid of ``type_``.

        Raises:
            NotExact: ``type_`` has words that a float64 does not hold.
        """
        return cls(words_of(np.asarray(numbers, np.float64), type_), type_.fraction)

    def within(self, to: FixedPoint) -> IntArray:
        """The same numbers as words of ``to``.

        Raises:
            NotExact: beyond 62 bits.
        """
        return words_in(self.words, self.fraction, to)


def words_in(words: IntArray, fraction: int, to: FixedPoint) -> IntArray:
    """Constants with ``fraction`` bits behind their point, as words of ``to``.

    Raises:
        NotExact: beyond 62 bits.
    """
    return Interval(words, words).cast(fraction, to).lowest


def words_of(numbers: npt.NDArray[np.float64], to: FixedPoint) -> IntArray:
    """Floats as words of ``to``, int64.

    Raises:
        NotExact: ``to`` has words that a float64 does not hold.
    """
    if to.width > WIDEST:
        raise NotExact(f"constants of {to} are wider than a float64 holds")
    return to.raw(numbers).astype(np.int64)
