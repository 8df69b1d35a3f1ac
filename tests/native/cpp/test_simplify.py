"""What nobody reads goes, and a clip only where the cast behind it does the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fpgac.native.cpp.simplify import simplified
from fpgac.numbers import FixedPoint
from fpgac.program.interpreter import interpret
from fpgac.program.program import Cast, Clip, Program
from tests.programs import bounded, one_to_one, words

INPUT = FixedPoint.parse("ap_fixed<12,8>")


def clipped(lowest: int, highest: int, to: FixedPoint) -> Program:
    x, clip, y = words("x", INPUT), bounded("clip", 4, lowest, highest), words("y", to)
    relu = Clip(clip, "layer", x, lowest, highest), Cast(y, "layer", clip, to)
    return one_to_one(INPUT, x, to, y, *relu)


@pytest.mark.parametrize(
    ("lowest", "highest", "to", "goes"),
    [
        (0, INPUT.highest, "ap_ufixed<8,6,RND_CONV,SAT>", True),
        (0, 1040, "ap_ufixed<8,6,RND,SAT>", True),
        (0, 900, "ap_ufixed<8,6,RND,SAT>", False),
        (3, INPUT.highest, "ap_ufixed<8,6,TRN,SAT>", True),
        (4, INPUT.highest, "ap_ufixed<8,6,TRN,SAT>", False),
        (0, INPUT.highest, "ap_fixed<8,6,RND,SAT>", False),
        (0, INPUT.highest, "ap_ufixed<8,6,RND,WRAP>", False),
    ],
)
def test_answers_stay_with_fewer_operations(lowest: int, highest: int, to: str, goes: bool) -> None:
    program = clipped(lowest, highest, FixedPoint.parse(to))
    every = np.arange(INPUT.lowest, INPUT.highest + 1)[:, None]

    assert len(simplified(program).operations) == (1 if goes else 2)
    assert np.array_equal(interpret(simplified(program), every), interpret(program, every))


def test_what_nobody_reads_goes() -> None:
    program = clipped(0, 900, FixedPoint.parse("ap_ufixed<8,6,RND,SAT>"))
    clip, cast = program.operations
    assert isinstance(clip, Clip)
    more = replace(clip, result=bounded("more", 4, 0, 900))
    unread = replace(clip, result=bounded("unread", 4, 0, 900), x=more.result)

    idle = replace(program, operations=(clip, more, unread, cast))
    assert simplified(idle).operations == program.operations
