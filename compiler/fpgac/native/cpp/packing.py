"""Which sums of products are computed by dot-product instructions, and how their taps lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fpgac.native.cpp.lanes import fits, lane_bits
from fpgac.native.cpp.levels import Form, Level
from fpgac.numbers import IntArray
from fpgac.program.program import Dot

__all__ = ["Packing", "packed_form", "packing_of"]


@dataclass(frozen=True, eq=False)
class Packing:
    """How the taps of a Dot lie in lanes that are multiplied as a whole.

    ``packs`` holds the operand's elements in each pack, shape (packs, elements), -1 for a zero and
    -2 for anything, as it meets no weight; ``windows`` the packs of each window, shape
    (windows, groups). ``weights`` fit the lanes, shape (groups, filters, elements). Every sum is
    shifted left by ``shift`` before the bias is added.
    """

    form: Form
    packs: IntArray
    windows: IntArray
    weights: IntArray
    shift: int

    @cached_property
    def products(self) -> int:
        """The products of packs in one window, without those whose weights are all zero."""
        return int(self.weights.any(axis=2).sum())

    @cached_property
    def aligned(self) -> bool:
        """Whether every pack holds neighbours from a multiple of its size on, or only zeros."""
        first = self.packs[:, :1] // self.form.value * self.form.value
        neighbours = first + np.arange(self.form.value)
        as_they_lie = (self.packs == neighbours) | (self.packs == -2)
        return bool((as_they_lie.all(axis=1) | (self.packs < 0).all(axis=1)).all())


def packed_form(dot: Dot, level: Level) -> Form | None:
    """The form in which a Dot's operand is packed at a level; None where it cannot be."""
    if dot.weights.shape[0] != 1 or dot.weights.shape[1] == 1 or lane_bits(dot) != 32:
        return None
    lowest, highest = dot.x.interval
    for form in (Form.QUADS, Form.PAIRS):
        holds = fits((lowest, highest), 16)
        if form is Form.QUADS:
            holds = lowest >= 0 and highest < 256
        if form in level.dots and holds and _fit(dot.weights, 32 // form.value):
            return form
    return None


def packing_of(dot: Dot, level: Level) -> Packing | None:
    """How a Dot is packed at a level; None where it cannot be."""
    form = packed_form(dot, level)
    if form is None:
        return None
    weights = dot.weights[0]
    # Shifted weights save a step for each sum, if they still fit.
    folded = _fit(weights << min(dot.shift, 32), 32 // form.value)
    shift = 0 if folded else dot.shift
    return _packed(dot, form, weights << (dot.shift - shift), shift)


def _fit(weights: IntArray, bits: int) -> bool:
    return fits((int(weights.min()), int(weights.max())), bits)


def _packed(dot: Dot, form: Form, weights: IntArray, shift: int) -> Packing:
    size = form.value
    chunks = list(_chunks(dot.windows, size))
    taps = np.full((len(chunks), size), -1)
    for row, chunk in zip(taps, chunks, strict=True):
        row[: len(chunk)] = chunk
    windows = np.where(taps < 0, -2, dot.windows[:, taps])
    packs, places = np.unique(windows.reshape(-1, size), axis=0, return_inverse=True)
    grouped = np.where(taps[..., None] < 0, 0, weights[taps]).transpose(0, 2, 1)
    return Packing(form, packs, places.reshape(len(dot.windows), -1), grouped, shift)


def _chunks(windows: IntArray, size: int) -> Iterator[list[int]]:
    """Taps that go together: neighbours in every window, so that windows share their packs."""
    left, right = windows[:, :-1], windows[:, 1:]
    neighbours = ((right == left + 1) | (left < 0) | (right < 0)).all(axis=0)
    chunk: list[int] = []
    for tap in range(windows.shape[1]):
        if len(chunk) == size or (chunk and not neighbours[tap - 1]):
            yield chunk
            chunk = []
        chunk.append(tap)
    yield chunk
