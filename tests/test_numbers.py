"""The one rule from floats to raw words, against the real ``ap_fixed`` compiled by g++.

Every rounding and overflow mode, over formats of all kinds, for the corners and a hundred thousand
random numbers: what numpy computes, what the rendered Python and the rendered C++ compute, and
what ``ap_fixed``'s own constructors give for a float and for a double are the same words.
"""

from __future__ import annotations

import ctypes
import subprocess
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpgac.numbers import FixedPoint, Formula, Overflow, Rounding
from fpgac.steps.core import ap_headers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]
    Words = npt.NDArray[np.int64]

SHAPES = {
    "common": (16, 6, True),
    "unsigned": (8, 2, False),
    "integer": (9, 9, True),
    "all fraction": (7, 0, False),
    "negative integer bits": (8, -3, True),
    "integer beyond width": (6, 9, True),
    "far left": (8, 200, True),
    "far right": (8, -200, False),
    "wide": (32, 12, True),
    "widest": (53, 20, True),
    "widest, unsigned": (53, 40, False),
    "one bit": (1, 1, False),
    "one bit, signed": (1, 0, True),
}

# Shapes whose rules another one shows as well: they are compiled in the long run.
LIKE_OTHERS = {"integer", "far right", "wide", "widest, unsigned", "one bit, signed"}

RANDOM = 100_000


def formats(shape: tuple[int, int, bool]) -> list[FixedPoint]:
    """The shape in all modes that it can have."""
    return [
        FixedPoint(*shape, rounding, overflow)
        for rounding, overflow in product(Rounding, Overflow)
        if not (shape[0] == 1 and shape[2] and overflow is Overflow.SAT_SYM)
    ]


def corners(to: FixedPoint) -> Floats:
    """Where rules differ: ties, the ends of the range, powers of two, and what is no number."""
    near = np.array([-3, -2, -1, 0, 1, 2, 3], dtype=np.float64)
    ends = [to.lowest, to.highest, 2 * to.highest, 2**to.width, 2 ** (to.width - 1)]
    words = np.concatenate([[0.0], *(end + near for end in ends), *(near - end for end in ends)])
    parts = [0.0, 0.25, 0.5, 0.75, 2.0**-20, 0.5 + 2.0**-20, 0.5 - 2.0**-20]
    numbers = np.concatenate([(words + part) * to.step for part in parts])
    neighbours = [np.nextafter(numbers, limit) for limit in (-np.inf, np.inf)]
    exponents = 2.0 ** np.arange(-1074.0, 1024.0)
    tiny_and_huge = np.array([5e-324, 1e-310, 1.7976931348623157e308, 3.4e38, 2.0**127])
    magnitudes = np.concatenate([numbers, *neighbours, exponents, tiny_and_huge, [np.inf, np.nan]])
    return np.concatenate([magnitudes, np.copysign(magnitudes, -1.0)])


def randoms(to: FixedPoint, seed: int) -> Floats:
    """Numbers in and around the range, ties on purpose, and any bit pattern at all."""
    rng = np.random.default_rng(seed)
    count = RANDOM // 4
    span = 2.0 ** (to.width + 2)
    words = rng.uniform(-span, span, count)
    halves = rng.integers(-(2**30), 2**30, count) / 2.0
    small = rng.normal(0.0, 3.0, count)
    patterns = rng.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)
    return np.concatenate([words * to.step, halves * to.step, small * to.step, patterns])


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[pytest.mark.heavy] if name in LIKE_OTHERS else [])
        for name in SHAPES
    ],
    ids=lambda name: name.replace(" ", "-"),
)
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[FixedPoint], ctypes.CDLL]:
    """All modes of a shape, and a library with both roads in C++: ap_fixed, and the formula."""
    folder: Path = tmp_path_factory.mktemp("numbers")
    for name, content in ap_headers().items():
        file = folder / "ap_types" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    types = formats(SHAPES[request.param])
    (folder / "check.cpp").write_text(cpp(types))
    command = "g++ -std=c++17 -O1 -fPIC -shared -Iap_types check.cpp -o check.so"
    subprocess.run(command.split(), cwd=folder, check=True, timeout=300)
    return types, ctypes.CDLL(str(folder / "check.so"))


def cpp(types: list[FixedPoint]) -> str:
    """For type number n: ``double_n`` and ``float_n`` construct it, ``formula_n`` is the rule."""
    return "\n".join(
        [
            '#include "ap_fixed.h"',
            '#include "ap_int.h"',
            "#include <cmath>",
            "#include <cstddef>",
            "#include <cstdint>",
            'extern "C" {',
            *(line for place, to in enumerate(types) for line in functions(place, to)),
            "}",
        ]
    )


def functions(place: int, to: FixedPoint) -> list[str]:
    integer = f"ap_{'int' if to.signed else 'uint'}<{to.width}>"
    lines = []
    for kind in ("double", "float"):
        lines += [
            f"void {kind}_{place}(const {kind} *in, std::int64_t *out, std::size_t size) {{",
            "    for (std::size_t i = 0; i < size; i++) {",
            f"        {to.cpp} number = in[i];",
            f"        out[i] = {integer}(number.range({to.width - 1}, 0)).to_int64();",
            "    }",
            "}",
        ]
    lines += [
        f"void formula_{place}(const double *in, std::int64_t *out, std::size_t size) {{",
        "    for (std::size_t i = 0; i < size; i++) {",
        "        const double x = in[i];",
        *(f"        const double {name} = {text};" for name, text in Formula.of(to, "std::").lines),
        "        out[i] = static_cast<std::int64_t>(word);",
        "    }",
        "}",
    ]
    return lines


def called(function: Callable[..., None], numbers: Floats) -> Words:
    words = np.zeros(numbers.shape, dtype=np.int64)
    function(
        numbers.ctypes.data_as(ctypes.c_void_p),
        words.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_size_t(numbers.size),
    )
    return words


def rendered_python(to: FixedPoint, numbers: Floats) -> Words:
    """The formula's text, run as a Python host would."""
    scope = {"np": np, "x": numbers}
    with np.errstate(all="ignore"):
        for name, text in Formula.of(to, "np.").lines:
            scope[name] = eval(text, scope)
    return np.asarray(scope["word"]).astype(np.int64)


def assert_same(what: str, to: FixedPoint, numbers: Floats, got: Words, expected: Words) -> None:
    different = np.flatnonzero(got != expected)
    if different.size:
        first = different[0]
        pytest.fail(
            f"{what} of {to}: {different.size} words differ, first for {numbers[first]!r}: "
            f"{got[first]} instead of ap_fixed's {expected[first]}"
        )


def test_every_road_gives_the_words_of_ap_fixed(
    compiled: tuple[list[FixedPoint], ctypes.CDLL],
) -> None:
    types, library = compiled
    for place, to in enumerate(types):
        doubles = np.concatenate([corners(to), randoms(to, seed=place)])
        with np.errstate(over="ignore", invalid="ignore"):
            floats = doubles.astype(np.float32)
        truth = called(getattr(library, f"double_{place}"), doubles)
        assert_same("numpy", to, doubles, to.raw(doubles).astype(np.int64), truth)
        assert_same("rendered Python", to, doubles, rendered_python(to, doubles), truth)
        formula = called(getattr(library, f"formula_{place}"), doubles)
        assert_same("rendered C++", to, doubles, formula, truth)
        narrow = called(getattr(library, f"float_{place}"), floats)
        assert_same("numpy, float32", to, floats, to.raw(floats).astype(np.int64), narrow)


def test_signed_one_bit_numbers_have_no_symmetric_range() -> None:
    with pytest.raises(ValueError, match="no symmetric range"):
        FixedPoint(1, 1, overflow=Overflow.SAT_SYM)


@pytest.mark.parametrize("integer", [513, -513])
def test_a_point_beyond_all_floats_is_refused(integer: int) -> None:
    with pytest.raises(ValueError, match="from -512 to 512"):
        FixedPoint(8, integer)


@pytest.mark.parametrize(
    ("text", "cpp"),
    [
        ("ap_fixed<16,6,RND,SAT>", "ap_fixed<16,6,AP_RND,AP_SAT,0>"),
        ("ufixed< 8, 2 >", "ap_ufixed<8,2,AP_TRN,AP_WRAP,0>"),
        ("ap_fixed<8,-3,AP_RND_CONV,AP_SAT_ZERO,0>", "ap_fixed<8,-3,AP_RND_CONV,AP_SAT_ZERO,0>"),
        ("ap_uint<4>", "ap_ufixed<4,4,AP_TRN,AP_WRAP,0>"),
    ],
)
def test_types_are_read_as_they_are_written(text: str, cpp: str) -> None:
    parsed = FixedPoint.parse(text)
    assert parsed.cpp == cpp
    assert FixedPoint.parse(parsed.cpp) == parsed
    assert FixedPoint.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("float32", "no fixed-point type"),
        ("ap_fixed<8>", "arguments"),
        ("ap_fixed<8,x>", "whole numbers"),
        ("ap_fixed<8,2,ROUND>", "unknown mode 'ROUND'"),
        ("ap_fixed<8,2,RND,SAT,3>", "saturation bits"),
        ("ap_fixed<0,0>", "at least one bit"),
    ],
)
def test_what_is_no_type_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        FixedPoint.parse(text)
