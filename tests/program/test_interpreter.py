"""A cast means what ``ap_fixed`` means by an assignment: in all 28 modes, for every word."""

from __future__ import annotations

import ctypes
import subprocess
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.builder import Builder
from fpgac.program.formats import Formats
from fpgac.program.interpreter import cast, cast_each, evaluate
from fpgac.program.program import CastEach
from fpgac.program.ranges import Interval
from fpgac.steps.core import ap_headers
from tests.programs import bounded

if TYPE_CHECKING:
    from pathlib import Path

# From one format to another: width, integer bits, whether signed. Where more bits are to be cut
# off than there are, the headers abort in all modes but TRN.
SHAPES = {
    "fewer bits on both sides": ((11, 5, True), (6, 3, True)),
    "no sign": ((10, 4, True), (5, 3, False)),
    "from no sign": ((10, 4, False), (6, 3, True)),
    "more bits behind the point": ((8, 4, True), (9, 2, True)),
    "all bits cut off": ((9, 0, True), (4, 4, True)),
    "far left": ((8, 20, True), (6, 4, True)),
    "the last bit weighs more than one": ((10, 6, True), (4, 7, True)),
    "one bit": ((7, 3, True), (1, 1, False)),
}
CASTS = [
    (FixedPoint(*source), FixedPoint(*to, rounding, overflow))
    for (source, to), rounding, overflow in product(SHAPES.values(), Rounding, Overflow)
]


def every_word(of: FixedPoint) -> IntArray:
    return np.arange(of.lowest, of.highest + 1)


@pytest.fixture(scope="module")
def ap_fixed(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """For cast number n, ``cast_n`` assigns raw words as C++ does."""
    folder: Path = tmp_path_factory.mktemp("casts")
    for name, content in ap_headers().items():
        (folder / "ap_types" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "ap_types" / name).write_bytes(content)
    lines = ['#include "ap_fixed.h"', '#include "ap_int.h"', "#include <cstdint>", 'extern "C" {']
    for place, (source, to) in enumerate(CASTS):
        integer = f"ap_{'int' if to.signed else 'uint'}<{to.width}>"
        lines += [
            f"void cast_{place}(const std::int64_t *in, std::int64_t *out, std::size_t size) {{",
            "    for (std::size_t i = 0; i < size; i++) {",
            f"        {source.cpp} from;",
            f"        from.range({source.width - 1}, 0) = ap_uint<{source.width}>(in[i]);",
            f"        {to.cpp} to = from;",
            f"        out[i] = {integer}(to.range({to.width - 1}, 0)).to_int64();",
            "    }",
            "}",
        ]
    (folder / "casts.cpp").write_text("\n".join([*lines, "}"]))
    command = "g++ -std=c++17 -O0 -w -fPIC -shared -Iap_types casts.cpp -o casts.so"
    subprocess.run(command.split(), cwd=folder, check=True, timeout=300)
    return ctypes.CDLL(str(folder / "casts.so"))


def assigned(library: ctypes.CDLL, place: int, words: IntArray) -> IntArray:
    given, found = words.astype(np.int64), np.zeros(words.shape, np.int64)
    pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (given, found))
    getattr(library, f"cast_{place}")(*pointers, ctypes.c_size_t(given.size))
    return found


def test_every_word_becomes_what_ap_fixed_makes_of_it(ap_fixed: ctypes.CDLL) -> None:
    for place, (source, to) in enumerate(CASTS):
        words = every_word(source)
        expected = assigned(ap_fixed, place, words)
        found = cast(words, source.fraction, to)
        assert np.array_equal(found, expected), f"{source} to {to}"


def test_a_cast_interval_holds_every_word_and_no_end_is_far() -> None:
    rng = np.random.default_rng(7)
    for source, to in CASTS:
        words = every_word(source)
        lowest, highest = np.sort(rng.choice(words, (2, 40)), axis=0)
        ends = Interval(lowest, highest).cast(source.fraction, to)
        for start, stop, low, high in zip(lowest, highest, ends.lowest, ends.highest, strict=True):
            found = cast(np.arange(start, stop + 1), source.fraction, to)
            assert low <= found.min(), f"{source} to {to}"
            assert found.max() <= high, f"{source} to {to}"
            if to.overflow in (Overflow.SAT, Overflow.SAT_SYM):
                assert (low, high) == (found.min(), found.max())


def test_a_cast_by_more_bits_than_int64_has_leaves_the_sign_alone() -> None:
    words = np.array([-5, 0, 7])
    far = FixedPoint(8, 108)
    assert cast(words, 40, far).tolist() == [-1, 0, 0]


# The formats of one source's casts side by side, and an element of no bits.
MODES = list(product({source for source, _ in CASTS}, Rounding, Overflow))


def side_by_side(
    source: FixedPoint, rounding: Rounding, overflow: Overflow
) -> tuple[Formats, list[int]]:
    """Formats per element, and the number of each one's cast; the last element has no cast."""
    places = [
        place
        for place, (given, to) in enumerate(CASTS)
        if (given, to.rounding, to.overflow) == (source, rounding, overflow)
    ]
    return Formats.of([*(CASTS[place][1] for place in places), None]), places


@pytest.mark.parametrize("overflow", Overflow)
def test_each_element_becomes_what_its_own_ap_fixed_makes_of_it(
    ap_fixed: ctypes.CDLL, overflow: Overflow
) -> None:
    for source, rounding in product({source for source, _ in CASTS}, Rounding):
        to, places = side_by_side(source, rounding, overflow)
        words = every_word(source)
        rows = np.repeat(words[:, None], to.size, axis=1)
        found = cast_each(rows, source.fraction, to)
        for column, place in enumerate(places):
            shift = to.fraction - CASTS[place][1].fraction
            expected = assigned(ap_fixed, place, words) << shift
            assert np.array_equal(found[:, column], expected), f"{source} to {CASTS[place][1]}"
        assert not found[:, -1].any()


def test_casts_per_element_have_tight_intervals() -> None:
    for source, rounding, overflow in MODES:
        to, _ = side_by_side(source, rounding, overflow)
        x = bounded("x", source.fraction, source.lowest, source.highest, to.size)
        build = Builder()
        y = build.cast_each(x, to)
        (operation,) = build.operations
        assert isinstance(operation, CastEach)
        rows = np.repeat(every_word(source)[:, None], to.size, axis=1)
        found = evaluate(operation, {x: rows})
        assert (y.lowest <= found.min(axis=0)).all()
        assert (found.max(axis=0) <= y.highest).all()
        if overflow in (Overflow.SAT, Overflow.SAT_SYM):
            assert np.array_equal(y.lowest, found.min(axis=0))
            assert np.array_equal(y.highest, found.max(axis=0))


def test_elements_of_one_format_are_cast_together() -> None:
    build, to = Builder(), FixedPoint.parse("ap_fixed<6,3,RND,SAT>")
    build.cast_each(bounded("x", 4, -99, 99, 2), Formats.of([to, to]))
    assert [type(operation).__name__ for operation in build.operations] == ["Cast"]


def test_elements_that_hold_their_words_already_stay() -> None:
    x = bounded("x", 2, 0, 3, 2)
    to = Formats.of([FixedPoint(4, 2), FixedPoint(6, 4)])
    assert Builder().cast_each(x, to) is x
