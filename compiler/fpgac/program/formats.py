"""Formats per element: each element of a value has a width, integer bits and a sign of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding

__all__ = ["ZERO", "Formats"]

# How the format of an element that is always zero is written.
ZERO = "0"

Format = FixedPoint | None


@dataclass(frozen=True, eq=False)
class Formats:
    """The format of each element: ``types[index[e]]``, None where the element is always zero.

    All types share one rounding and one overflow mode. They are distinct, sorted, and each is in
    use, so that equal formats have equal fields.

    Args:
        types: at least one.
        index: shape (elements,), int64.

    Raises:
        ValueError: it is otherwise.
    """

    types: tuple[Format, ...]
    index: IntArray

    def __post_init__(self) -> None:
        if not self.types:
            raise ValueError("there must be formats of elements")
        if list(self.types) != sorted(set(self.types), key=_rank):
            raise ValueError("the formats of elements must be distinct and sorted")
        if not np.array_equal(np.unique(self.index), np.arange(len(self.types))):
            raise ValueError("every format of elements must be in use, and no other")
        if len({(type_.rounding, type_.overflow) for type_ in self.types if type_}) > 1:
            raise ValueError("the formats of elements must share their rounding and overflow modes")

    @classmethod
    def of(cls, types: Sequence[Format]) -> Formats:
        """The formats of elements one by one.

        Raises:
            ValueError: there are none, or their rounding or overflow modes differ.
        """
        distinct = tuple(sorted(set(types), key=_rank))
        places = {type_: place for place, type_ in enumerate(distinct)}
        return cls(distinct, np.array([places[type_] for type_ in types], np.int64))

    @classmethod
    def of_widths(
        cls,
        width: npt.ArrayLike,
        integer: npt.ArrayLike,
        signed: npt.ArrayLike,
        rounding: Rounding,
        overflow: Overflow,
    ) -> Formats:
        """The formats of elements from arrays that numpy can broadcast to one shape.

        ``width`` and ``integer`` are those of FixedPoint; a width of 0 or less is always zero.

        Raises:
            ValueError: a type that FixedPoint refuses.
        """
        rows = np.broadcast_arrays(width, integer, signed)
        each = zip(*(row.ravel().tolist() for row in rows), strict=True)
        return cls.of(
            [
                FixedPoint(int(w), int(i), bool(s), rounding, overflow) if w > 0 else None
                for w, i, s in each
            ]
        )

    @classmethod
    def parse(cls, types: Sequence[str], index: IntArray) -> Formats:
        """What :attr:`plain_types` and :attr:`index` were.

        Raises:
            ValueError: they are no formats.
        """
        return cls(tuple(None if t == ZERO else FixedPoint.parse(t) for t in types), index)

    @property
    def plain_types(self) -> list[str]:
        """The types as text."""
        return [str(type_) if type_ else ZERO for type_ in self.types]

    @property
    def plain(self) -> dict[str, Any]:
        """As plain data; see :meth:`from_plain`."""
        return {"types": self.plain_types, "index": self.index.tolist()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Formats:
        """What :attr:`plain` gave.

        Raises:
            ValueError, KeyError, TypeError: it is no such data.
        """
        return cls.parse(plain["types"], np.array(plain["index"], np.int64))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Formats)
            and self.types == other.types
            and np.array_equal(self.index, other.index)
        )

    def __hash__(self) -> int:
        return hash((self.types, self.index.tobytes()))

    def __str__(self) -> str:
        return f"{self.size} of {' '.join(self.plain_types)}"

    @property
    def size(self) -> int:
        """How many elements there are."""
        return len(self.index)

    @property
    def groups(self) -> Iterator[tuple[Format, npt.NDArray[np.intp]]]:
        """Each type, and the places of its elements."""
        for place, type_ in enumerate(self.types):
            yield type_, np.flatnonzero(self.index == place)

    @cached_property
    def fraction(self) -> int:
        """The bits behind the point that suffice for every element."""
        return max((type_.fraction for type_ in self.types if type_), default=0)

    @property
    def overflow(self) -> Overflow:
        """What all of them do with numbers out of range."""
        return next((type_.overflow for type_ in self.types if type_), Overflow.WRAP)

    @property
    def rounding(self) -> Rounding:
        """How all of them round."""
        return next((type_.rounding for type_ in self.types if type_), Rounding.TRN)


def _rank(type_: Format) -> tuple[int, int, bool, str]:
    if type_ is None:
        return 0, 0, False, ""
    return type_.width, type_.integer, type_.signed, f"{type_.rounding} {type_.overflow}"
