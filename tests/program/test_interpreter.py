"""A cast means what ``ap_fixed`` means by an assignment: in all 28 modes, for every word."""

from __future__ import annotations

import ctypes
import subprocess
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.interpreter import cast
from fpgac.program.ranges import Interval
from fpgac.steps.core import ap_headers

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
