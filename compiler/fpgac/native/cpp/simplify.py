"""Operations that change nothing are left out: what nobody reads, and a clip where the cast behind
it saturates anyway.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from fpgac.numbers import FixedPoint, Overflow
from fpgac.program import interpreter
from fpgac.program.program import Cast, Clip, Operation, Program, Value, operands

__all__ = ["simplified", "uses"]


def uses(program: Program) -> Counter[Value]:
    """How often each value is read; being an output of the program counts too."""
    read = Counter(value for operation in program.operations for value in operands(operation))
    read.update(output.value for output in program.outputs)
    return read


def simplified(program: Program) -> Program:
    """The same answers from fewer operations."""
    program = _without_unread(program)
    read = uses(program)
    clips = {op.result: op for op in program.operations if isinstance(op, Clip)}
    spared: set[Operation] = set()
    operations: list[Operation] = []
    for operation in program.operations:
        match operation:
            case Cast(x=x, to=to) if (
                x in clips and read[x] == 1 and _saturates(clip := clips[x], to)
            ):
                spared.add(clip)
                operations.append(replace(operation, x=clip.x))
            case _:
                operations.append(operation)
    return replace(program, operations=tuple(op for op in operations if op not in spared))


def _without_unread(program: Program) -> Program:
    """The program without what no output depends on."""
    needed = {output.value for output in program.outputs}
    for operation in reversed(program.operations):
        if operation.result in needed:
            needed.update(operands(operation))
    kept = tuple(operation for operation in program.operations if operation.result in needed)
    return replace(program, operations=kept)


def _saturates(clip: Clip, to: FixedPoint) -> bool:
    """Whether ``to`` makes of all that is clipped what it makes of the clip's bounds."""
    if to.overflow not in (Overflow.SAT, Overflow.SAT_SYM):
        return False
    ends = np.array([clip.lowest, clip.highest])
    lowest, highest = interpreter.cast(ends, clip.x.fraction, to)
    below, above = clip.x.interval[0] < clip.lowest, clip.x.interval[1] > clip.highest
    return (lowest == to.lowest or not below) and (highest == to.highest or not above)
