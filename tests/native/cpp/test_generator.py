"""Random programs of all operations, modes and widths: generated code is what the interpreter says.

Every level of instructions that this processor has is tried, not only its best.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgac.native.cpp.levels import LEVELS, Level
from fpgac.native.engine import Engine
from fpgac.native.library import best_level, find_compiler
from fpgac.numbers import FixedPoint, Rounding
from fpgac.program.builder import Builder
from fpgac.program.interpreter import interpret
from fpgac.program.program import Cast, Dot, Operation, Program, Terminal, Value
from fpgac.tensors import Tensor
from tests.drawing import examples
from tests.programs import drawn, one_to_one, random_words, words

SAMPLES = 300

HERE = LEVELS[LEVELS.index(best_level(find_compiler() or Path())) :]

# The best and the plainest in every run, those between in the long one.
each_level = pytest.mark.parametrize(
    "level",
    [*HERE[:1], *(pytest.param(level, marks=pytest.mark.heavy) for level in HERE[1:-1]), HERE[-1]],
    ids=lambda level: level.name,
)


def check(program: Program, level: Level) -> None:
    rows = random_words(program, SAMPLES)
    expected, answers = interpret(program, rows), Engine.of(program, level).words(rows)
    wrong = np.argwhere((expected != answers).any(axis=0)).ravel()
    assert wrong.size == 0, f"{level.name}: elements {wrong} of\n{program}"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FPGAC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@each_level
@settings(max_examples=examples(5), print_blob=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_generated_code_is_what_the_interpreter_says(level: Level, seed: int) -> None:
    check(drawn(seed), level)


@each_level
@pytest.mark.parametrize("channels", [8, 3])
def test_convolutions_over_padded_images(level: Level, channels: int) -> None:
    rng, side = np.random.default_rng(1), 5
    image = np.arange(side * side).reshape(side, side)
    around = np.pad(image, 1, constant_values=-1)
    places = np.array(
        [around[r : r + 3, c : c + 3].ravel() for r in range(side) for c in range(side)]
    )
    pixels = np.where(places < 0, -channels, places * channels)[..., None]
    windows = np.maximum(pixels + np.arange(channels), -1).reshape(side * side, -1)
    byte = FixedPoint.parse("ap_ufixed<8,4,RND_CONV,SAT>")
    x = words("x", byte, side * side * channels)
    program_input, operations = x, list[Operation]()
    for layer in range(2):
        weights = rng.integers(-128, 128, (1, windows.shape[1], channels))
        reach = np.full(windows.shape[0] * channels, 255 * 128 * windows.shape[1])
        sums = Value(f"sums{layer}", 12 - layer, -reach, reach)
        bias = rng.integers(-999, 999, (1, channels))
        operations.append(Dot(sums, "conv", x, windows, weights, bias))
        x = words(f"y{layer}", byte, len(reach))
        operations.append(Cast(x, "relu", sums, byte))
    check(one_to_one(byte, program_input, byte, x, *operations), level)


@each_level
@pytest.mark.parametrize("bits", [6, 40], ids=["narrow entries", "wide entries"])
def test_tables_of_all_sizes(level: Level, bits: int) -> None:
    """Small ones are looked up by permutations, in one register or several."""
    rng, given = np.random.default_rng(1), FixedPoint(12, 12, signed=False)
    build = Builder(Tensor("x", (7,), given))
    outputs = []
    for size in (1, 2, 8, 9, 16, 17, 32, 33, 100, 128, 256, 257, 1000):
        index = build.clip(build.inputs[0].value, 0, size - 1)
        entries = build.lookup(index, rng.integers(-(1 << bits), 1 << bits, size), 0)
        type_ = FixedPoint(53, 53)
        outputs.append(Terminal(Tensor(f"y{size}", (7,), type_), build.cast(entries, type_)))
    check(build.program("tables", outputs, []), level)


@each_level
@pytest.mark.parametrize(
    ("given", "size"),
    [
        ("ap_ufixed<32,32>", 17),
        ("ap_fixed<32,32>", 33),
        ("ap_fixed<40,40>", 18),
        ("ap_ufixed<8,8>", 70),
    ],
)
def test_rows_of_any_width_come_in_and_go_out(given: str, size: int, level: Level) -> None:
    """Beside an output of 64 bits, so that answers are wider than words."""
    type_ = FixedPoint.parse(given)
    build = Builder(Tensor("x", (size,), type_))
    wide = FixedPoint(50, 48)
    shifted = build.with_fraction(build.inputs[0].value, 2)
    outputs = build.inputs[0], Terminal(Tensor("y", (size,), wide), shifted)
    check(build.program("rows", outputs, []), level)


@pytest.mark.heavy
@settings(max_examples=examples(60), print_blob=True)
@given(seed=st.integers(0, 2**32 - 1), level=st.sampled_from(HERE))
def test_many_more_programs(seed: int, level: Level) -> None:
    check(drawn(seed), level)


# One level that tells its instructions how to round, and one that does not.
ROUNDING = [level for level in HERE if level.name in ("avx512", "avx2")]

FORMATS = [
    *(f"ap_fixed<16,6,{rounding},SAT>" for rounding in Rounding),
    "ap_fixed<12,14,TRN,SAT>",
    "ap_fixed<9,12,RND_CONV,SAT_SYM>",
    "ap_ufixed<8,2,RND,SAT>",
    "ap_ufixed<24,20,RND_MIN_INF,SAT>",
    "ap_fixed<20,25,TRN,SAT_ZERO>",
    "ap_fixed<10,4,RND,WRAP>",
    "ap_fixed<30,9,RND_INF,SAT>",
]


def awkward(to: FixedPoint) -> npt.NDArray[np.float64]:
    """Ties and their neighbours, ends of the range, what is hardly more than nothing, and NaN."""
    ends = [to.lowest, to.highest, 0, 1 << to.width, -(1 << to.width)]
    quarters = np.concatenate([end + np.arange(-12, 13) / 4 for end in ends]) * to.step
    numbers = np.array([np.nan, np.inf, 1e-45, 1e-40, 3.4e38, 1e300, 1e-310, 0.0, 0.7])
    both = np.concatenate([quarters, numbers])
    return np.concatenate([both, -both])


@pytest.mark.parametrize("level", ROUNDING, ids=lambda level: level.name)
@pytest.mark.parametrize("text", FORMATS)
def test_floats_become_raw_words_by_the_one_rule(text: str, level: Level) -> None:
    to = FixedPoint.parse(text)
    x = words("x", to)
    engine = Engine.of(one_to_one(to, x, to, x), level)
    random = np.random.default_rng(1).normal(size=5000) * 2.0**to.integer
    for dtype in (np.float32, np.float64):
        with np.errstate(over="ignore"):
            numbers = np.concatenate([awkward(to), random]).astype(dtype)
        neighbours = [numbers, np.nextafter(numbers, dtype(9)), np.nextafter(numbers, dtype(-9))]
        column = np.concatenate(neighbours)[:, None]
        assert np.array_equal(engine.numbers(column), to.raw(column)), np.dtype(dtype)
