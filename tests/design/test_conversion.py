"""Floats to raw words and back: the hosts and fpgac agree for every float, to the last bit."""

from __future__ import annotations

import ctypes
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpgac.numbers import FixedPoint, Overflow, Rounding

from .cores import handmade_core
from .hosts import compile_cpp, headers, python_host

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

MODES = tuple(itertools.product(Rounding, Overflow, (True, False)))
# Widths and points for the modes in turn: words of 8, 16, 32 and 64 bits, points outside of them.
SIZES = ((16, 6), (8, 2), (24, 24), (32, 12), (53, 20), (12, -3), (10, 14), (17, 1))
FORMATS = tuple(
    FixedPoint(*SIZES[place % len(SIZES)], signed, rounding, overflow)
    for place, (rounding, overflow, signed) in enumerate(MODES)
)
IDS = [str(number) for number in FORMATS]


def hard_numbers(to: FixedPoint) -> npt.NDArray[np.float64]:
    """Not finite, tiny, huge, ties and their neighbours around zero and the ends of the range."""
    plain = [0.0, 5e-324, 1e-310, 1.0, 1e30, 1e300, np.finfo(np.float64).max, np.inf, np.nan]
    ends = [0.0, to.lowest, to.highest, 2.0 ** (to.width - 1), 2.0**to.width, 3 * 2.0**to.width]
    steps = np.arange(-3, 3.25, 0.25)
    ties = np.add.outer(np.array(ends), steps).ravel() * to.step
    near = np.concatenate([ties, np.nextafter(ties, np.inf), np.nextafter(ties, -np.inf)])
    random = np.random.default_rng(5)
    spread = random.normal(0, 1, 4000) * 2.0 ** random.integers(-40, 60, 4000) * to.step
    inside = random.uniform(2 * to.lowest, 2 * to.highest, 4000) * to.step
    signed = np.concatenate([plain, near, spread, inside])
    return np.concatenate([signed, -signed])


def once(folder: Path, *names: str) -> str:
    """Headers as one text, which can be had again under another name of their namespace."""
    text = "".join((folder / name).read_text() for name in names)
    return "\n".join(
        line for line in text.splitlines() if not line.startswith(("#pragma once", '#include "'))
    )


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All formats' headers in one library, each in a namespace of its own."""
    folder = tmp_path_factory.mktemp("conversion")
    source = []
    for place, to in enumerate(FORMATS):
        name = f"format_{place}"
        core = handmade_core(samples=((3,), str(to)), results=((3,), str(to)))
        headers(core, folder)
        source.append(
            f"#define fpga {name}\n"
            f"{once(folder, 'rule.hpp', 'decoding.hpp', 'contract.hpp', 'numbers.hpp')}\n"
            "#undef fpga\n"
            f"namespace x_{name} {{ using namespace {name};"
            " using X = tensors::x; using Y = tensors::y;"
            f' extern "C" void {name}_double(const double* x, unsigned long n, void* words)'
            " { to_raw<X>(x, n, static_cast<X::Word*>(words)); }\n"
            f'extern "C" void {name}_float(const float* x, unsigned long n, void* words)'
            " { to_raw<X>(x, n, static_cast<X::Word*>(words)); }\n"
            f'extern "C" void {name}_back(const void* words, unsigned long n, void* numbers)'
            " { from_raw<Y, AsNumbers>(static_cast<const Y::Word*>(words), n,"
            " static_cast<Y::Number*>(numbers)); } }\n"
        )
    (folder / "all.cpp").write_text("".join(source))
    compile_cpp(folder / "all.cpp", folder / "all.so", "-shared", "-fPIC")
    return ctypes.CDLL(str(folder / "all.so"))


def pointer(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def rows_of(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.resize(numbers, (-(-len(numbers) // 3), 3))


@pytest.mark.parametrize("place", range(len(FORMATS)), ids=IDS)
@pytest.mark.parametrize("kind", ["double", "float"])
def test_cpp_gives_the_raw_words(cpp: Any, place: int, kind: str) -> None:
    to = FORMATS[place]
    with np.errstate(over="ignore"):
        x = rows_of(hard_numbers(to)).astype(np.float64 if kind == "double" else np.float32)
    # Three numbers a sample are padded to a whole bus word.
    rows = np.full((len(x), 4), -1, to.dtype) if to.signed else np.full((len(x), 4), 1, to.dtype)
    getattr(cpp, f"format_{place}_{kind}")(pointer(x), ctypes.c_ulong(len(x)), pointer(rows))
    np.testing.assert_array_equal(rows[:, :3], to.raw(x))
    assert not rows[:, 3].any()


@pytest.mark.parametrize("place", range(len(FORMATS)), ids=IDS)
def test_python_gives_the_raw_words(place: int, tmp_path: Path) -> None:
    to = FORMATS[place]
    host = python_host(handmade_core(samples=((3,), str(to)), results=((3,), str(to))), tmp_path)
    x = rows_of(hard_numbers(to))
    tensor = host.contract.inputs[0]
    np.testing.assert_array_equal(tensor.raw_words(x), to.raw(x))
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    np.testing.assert_array_equal(tensor.raw_words(single), to.raw(single))
    rows = np.ones((len(x), 4), to.dtype)
    tensor.fill(rows, x)
    np.testing.assert_array_equal(rows[:, :3], to.raw(x))
    assert not rows[:, 3].any()


@pytest.mark.parametrize("place", range(len(FORMATS)), ids=IDS)
def test_numbers_come_back_exactly(cpp: Any, place: int, tmp_path: Path) -> None:
    to = FORMATS[place]
    random = np.random.default_rng(6)
    some = random.integers(to.lowest, to.highest + 1, 3000)
    words = rows_of(np.concatenate([[to.lowest, to.highest, 0], some])).astype(to.dtype)
    padded = np.zeros((len(words), 4), to.dtype)
    padded[:, :3] = words
    numbers = np.empty(words.shape, to.float_dtype)
    getattr(cpp, f"format_{place}_back")(
        pointer(padded), ctypes.c_ulong(len(words)), pointer(numbers)
    )
    np.testing.assert_array_equal(numbers, to.number(words))
    host = python_host(handmade_core(samples=((3,), str(to)), results=((3,), str(to))), tmp_path)
    tensor = host.contract.outputs[0]
    assert tensor.numbers(words).dtype == to.float_dtype
    np.testing.assert_array_equal(tensor.numbers(words), to.number(words))
