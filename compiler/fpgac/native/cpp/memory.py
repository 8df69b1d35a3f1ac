"""Where a block's values lie: one piece of memory for all, used again once a value is read out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Constants", "Span", "allocate"]

ALIGNMENT = 64


@dataclass(frozen=True)
class Span:
    """Bytes that are needed from stage ``first`` to stage ``last``, both included."""

    size: int
    first: int
    last: int


def allocate(spans: Iterable[Span], unit: int) -> tuple[list[int], int]:
    """An offset for every span, each a multiple of ``unit``, and the bytes needed in all.

    Spans that are needed at one time do not overlap.
    """
    spans = list(spans)
    offsets = [0] * len(spans)
    alive: list[tuple[int, int, int]] = []  # offset, end, last
    end = 0
    for place in sorted(range(len(spans)), key=lambda place: spans[place].first):
        span = spans[place]
        size = -(-span.size // unit) * unit
        alive = sorted(piece for piece in alive if piece[2] >= span.first)
        offset = _first_gap(alive, size)
        alive.append((offset, offset + size, span.last))
        offsets[place], end = offset, max(end, offset + size)
    return offsets, end


def _first_gap(alive: list[tuple[int, int, int]], size: int) -> int:
    offset = 0
    for start, stop, _ in alive:
        if start - offset >= size:
            break
        offset = max(offset, stop)
    return offset


class Constants:
    """Tables that a program reads beside its samples, laid end to end, each only once."""

    def __init__(self) -> None:
        self._offsets: dict[bytes, int] = {}
        self._size = 0

    def add(self, table: npt.NDArray[np.integer[npt.NBitBase]]) -> int:
        """The offset of a copy of ``table``, a multiple of 64."""
        piece = table.tobytes()
        padded = piece + bytes(-len(piece) % ALIGNMENT)
        if padded not in self._offsets:
            self._offsets[padded] = self._size
            self._size += len(padded)
        return self._offsets[padded]

    def bytes(self) -> bytes:
        """All of them."""
        return b"".join(self._offsets)
