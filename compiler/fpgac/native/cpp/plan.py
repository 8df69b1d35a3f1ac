"""From operations to stages: what is computed in one go, and what of it is kept, in which form.

A stage computes one element after another, a register of samples at a time: one operation at its
head and those that work element by element on its result. Values that later stages read are kept
in memory, in each form that a reader wants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fpgac.native.cpp.lanes import fits, lane_bits
from fpgac.native.cpp.levels import Form, Level
from fpgac.native.cpp.packing import Packing, packing_of
from fpgac.native.cpp.simplify import simplified, uses
from fpgac.native.cpp.split import split
from fpgac.numbers import Overflow
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

__all__ = ["Plan", "Stage"]

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


class Plan:
    """What the generator writes, decided: stages in order, and who reads what in which form.

    Raises:
        CoreError: an operation needs more than 64 bits.
    """

    def __init__(self, program: Program, level: Level) -> None:
        self.program = program = split(simplified(program), level)
        self.level = level
        self.stages = _staged(program)
        self._uses = uses(program)
        self.packings: Mapping[Operation, Packing] = {
            operation: packing
            for operation in program.operations
            if isinstance(operation, Dot) and (packing := packing_of(operation, level))
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
