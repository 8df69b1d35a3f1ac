"""Sums in digits give the same numbers, and all of their parts can be packed."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.native.cpp.levels import LEVELS, PORTABLE, Level
from fpgac.native.cpp.packing import packed_form
from fpgac.native.cpp.split import split
from fpgac.numbers import FixedPoint
from fpgac.program.builder import Builder
from fpgac.program.interpreter import interpret
from fpgac.program.program import Combine, Dot, Program, Terminal
from fpgac.tensors import Tensor
from tests.programs import random_words

FASTEST = LEVELS[0]


def dense(given: str, bits: int, taps: int = 12, shift: int = 0) -> Program:
    """A layer of weights of so many bits, a few of them at the ends of their range."""
    rng = np.random.default_rng(bits)
    build = Builder(Tensor("x", (taps,), FixedPoint.parse(given)))
    x = build.inputs[0].value
    weights = rng.integers(-(1 << bits - 1), 1 << bits - 1, (1, taps, 3))
    weights[0, 0] = [-(1 << bits - 1), (1 << bits - 1) - 1, 0]
    bias = rng.integers(-(1 << 30), 1 << 30, (1, 3))
    fraction = x.fraction + shift + 4
    y = build.dot(x, np.arange(taps)[None], weights, bias, fraction=fraction, shift=shift)
    to = FixedPoint(53, 53 - fraction)
    return build.program("wide", [Terminal(Tensor("y", (3,), to), build.cast(y, to))], [])


@pytest.mark.parametrize("given", ["ap_fixed<16,6>", "ap_ufixed<16,6>", "ap_fixed<30,8>"])
@pytest.mark.parametrize("bits", [6, 16, 20])
@pytest.mark.parametrize("shift", [0, 3])
def test_numbers_are_the_same_and_products_are_packed(given: str, bits: int, shift: int) -> None:
    program = dense(given, bits, shift=shift)
    parts = split(program, FASTEST)
    rows = random_words(program, 500)
    dots = [op for op in parts.operations if isinstance(op, Dot)]
    assert np.array_equal(interpret(parts, rows), interpret(program, rows))
    assert all(packed_form(dot, FASTEST) for dot in dots)


def test_sums_of_default_precision_need_two_digits() -> None:
    parts = split(dense("ap_fixed<16,6>", 16), FASTEST)
    kinds = [type(op) for op in parts.operations if isinstance(op, Dot | Combine)]
    assert kinds == [Dot, Dot, Combine]


@pytest.mark.parametrize(
    ("program", "level"),
    [
        (dense("ap_fixed<16,6>", 6), FASTEST),
        (dense("ap_fixed<16,6>", 16, taps=4), FASTEST),
        (dense("ap_fixed<16,6>", 16), PORTABLE),
    ],
    ids=["packed already", "few products", "no packed products here"],
)
def test_what_gains_nothing_stays(program: Program, level: Level) -> None:
    assert split(program, level).operations == program.operations
