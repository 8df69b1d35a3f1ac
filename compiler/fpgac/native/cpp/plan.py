"""From operations to stages: what is computed in one go, and what of it is kept, in which form.

A stage computes one element after another, a register of samples at a time: one operation at its
head and those that work element by element on its result. Values that later stages read are kept
in memory, in each form that a reader wants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fpgac.native.cpp.lanes import fits, lane_bits
from fpgac.native.cpp.levels import Form, Level
from fpgac.native.cpp.simplify import simplified, uses
from fpgac.numbers import IntArray, Overflow
from fpgac.program.program import (
    Cast,
    CastEach,
    Clip,
    Combine,
    Dot,
    Lookup,
    Operation,
    Program,
    Quotient,
    Select,
    Terminal,
    Value,
    operands,
)

__all__ = ["Packing", "Plan", "Stage"]

# Products of packs that are written out one by one, without loops and without those of zeros: as
# many as g++ compiles in a second.
_WRITTEN_OUT = 3000

_ELEMENTWISE = (Cast, CastEach, Clip, Combine, Lookup, Quotient, Select)


@dataclass(frozen=True, eq=False)
class Stage:
    """Operations computed element by element in lanes of ``bits`` bits; the first is the head."""

    operations: tuple[Operation, ...]
    bits: int

    @property
    def head(self) -> Operation:
        """What gives the elements."""
        return self.operations[0]

    @property
    def results(self) -> tuple[Value, ...]:
        """What each operation gives."""
        return tuple(operation.result for operation in self.operations)


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


class Plan:
    """What the generator writes, decided: stages in order, and who reads what in which form.

    Raises:
        CoreError: an operation needs more than 64 bits.
    """

    def __init__(self, program: Program, level: Level) -> None:
        self.program = program = simplified(program)
        self.level = level
        self.stages = _staged(program)
        self._uses = uses(program)
        self.packings: Mapping[Operation, Packing] = {
            operation: packing
            for operation in program.operations
            if isinstance(operation, Dot) and (packing := _packing(operation, level))
        }
        self.written_out = _written_out(self.packings)
        self._packable = {x.value: _input_forms(x) for x in program.inputs} | {
            value: _forms(stage, self.packings) for stage in self.stages for value in stage.results
        }
        self.forms: Mapping[Value, frozenset[Form]] = self._wanted()

    def only_cast(self, stage: Stage) -> Cast | None:
        """The cast that is all that becomes of the head's result."""
        if self._uses[stage.head.result] == 1:
            for operation in stage.operations[1:]:
                if isinstance(operation, Cast) and operation.x is stage.head.result:
                    return operation
        return None

    def ends_in_bytes(self, stage: Stage) -> bool:
        """Whether a stage has one cast behind its head, saturating to 8 bits that are packed."""
        cast = self.only_cast(stage)
        return (
            cast is not None
            and len(stage.operations) == 2
            and cast.to.overflow is Overflow.SAT
            and (cast.to.lowest, cast.to.highest) == (0, 255)
            and self.forms[cast.result] == {Form.QUADS}
        )

    def in_place(self, dot: Operation) -> bool:
        """Whether the operand of a packed Dot is kept in its packs already."""
        packing = self.packings[dot]
        return packing.aligned and packing.form in self._packable[operands(dot)[0]]

    def reads(self, stage: Stage) -> Iterator[tuple[Value, Form]]:
        """What a stage reads from memory."""
        own = set(stage.results)
        for operation in stage.operations:
            for value in operands(operation):
                if value not in own:
                    yield value, self._form(operation)

    def _form(self, operation: Operation) -> Form:
        if operation in self.packings and self.in_place(operation):
            return self.packings[operation].form
        return Form.PLAIN

    def _wanted(self) -> dict[Value, frozenset[Form]]:
        wanted = {output.value: {Form.PLAIN} for output in self.program.outputs}
        for stage in self.stages:
            for value, form in self.reads(stage):
                wanted.setdefault(value, set()).add(form)
        return {value: frozenset(forms) for value, forms in wanted.items()}


def _staged(program: Program) -> list[Stage]:
    """Every operation in the stage of the operand that comes last, where that can be."""
    stages: list[list[Operation]] = []
    lanes: list[int] = []
    home: dict[Value, int] = {x.value: -1 for x in program.inputs}
    for operation in program.operations:
        bits = lane_bits(operation)
        last = max(home[value] for value in operands(operation))
        if last >= 0 and isinstance(operation, _ELEMENTWISE) and lanes[last] == bits:
            stages[last].append(operation)
        else:
            last = len(stages)
            stages.append([operation])
            lanes.append(bits)
        home[operation.result] = last
    return [Stage(tuple(part), bits) for part, bits in zip(stages, lanes, strict=True)]


def _written_out(packings: Mapping[Operation, Packing]) -> frozenset[Operation]:
    """The first packed Dots, as many as may be written out product by product."""
    room, chosen = _WRITTEN_OUT, []
    for dot, packing in packings.items():
        if packing.products <= room:
            room -= packing.products
            chosen.append(dot)
    return frozenset(chosen)


def _input_forms(x: Terminal) -> frozenset[Form]:
    """A row of samples holds words of one size: they pack into lanes of that form alone."""
    if x.value.interval[0] >= 0 and x.tensor.type.word_bits == 8:
        return frozenset({Form.QUADS})
    return frozenset({Form.PAIRS} if fits(x.value.interval, 16) else ())


def _forms(stage: Stage, packings: Mapping[Operation, Packing]) -> frozenset[Form]:
    """The packed forms in which a stage can keep its results: it computes four elements a time."""
    head = stage.head
    if isinstance(head, Dot) and head in packings:
        filters, windows = head.weights.shape[2], len(head.windows)
        if windows > 1 and filters % 4:
            return frozenset()
    return frozenset({Form.PAIRS, Form.QUADS})


def _packing(dot: Dot, level: Level) -> Packing | None:
    if dot.weights.shape[0] != 1 or dot.weights.shape[1] == 1 or lane_bits(dot) != 32:
        return None
    for form in (Form.QUADS, Form.PAIRS):
        holds = dot.x.interval[0] >= 0 and dot.x.interval[1] < 256
        if form is Form.PAIRS:
            holds = fits(dot.x.interval, 16)
        weights, bits = dot.weights[0], 32 // form.value
        if form in level.dots and holds and _fit(weights, bits):
            # Shifted weights save a step for each sum, if they still fit.
            folded = _fit(weights << min(dot.shift, 32), bits)
            shift = 0 if folded else dot.shift
            return _packed(dot, form, weights << (dot.shift - shift), shift)
    return None


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
