"""Random programs of all operations, modes and widths: generated code is what the interpreter says.

Every level of instructions that this processor has is tried, not only its best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgac.native.cpp.levels import LEVELS, Level
from fpgac.native.engine import Engine
from fpgac.native.library import best_level, find_compiler
from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.interpreter import interpret
from fpgac.program.program import (
    Accumulate,
    Cast,
    Clip,
    Combination,
    Combine,
    Dot,
    Gather,
    Lookup,
    Maximum,
    Operation,
    Program,
    Quotient,
    Select,
    Value,
)
from tests.drawing import examples

# Values are narrower than int64, so that the interpreter itself has room to work in.
WIDEST = 60

SAMPLES = 300

WORDS = FixedPoint(53, 53)


class Drawn:
    """Operations drawn at random, each on values that are there."""

    def __init__(self, seed: int, steps: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.operations: list[Operation] = []
        self.input_type = self.type(20)
        self.values = [_words("x", self.input_type, self.number(1, 9))]
        draws: list[Callable[[], Operation | None]] = [
            *[self.dot] * 3, *[self.accumulate] * 2, *[self.cast] * 4, self.clip, self.gather,
            self.maximum, self.combine, self.select, self.lookup, self.quotient,
        ]  # fmt: skip
        while len(self.operations) < steps:
            operation = draws[self.number(0, len(draws) - 1)]()
            if operation is not None and fits(operation.result):
                self.operations.append(operation)
                self.values.append(operation.result)

    @property
    def program(self) -> Program:
        """The program whose output shows what each operation gives."""
        shown = []
        for place, value in enumerate(self.values):
            to = FixedPoint(WORDS.width, WORDS.width - value.fraction)
            shown.append(Cast(_words(f"shown{place}", to, value.size), "show", value, to))
        xs = tuple(cast.result for cast in shown)
        y = _words("y", WORDS, sum(x.size for x in xs))
        operations = (*self.operations, *shown, Gather(y, "show", xs, np.arange(y.size)))
        return Program("drawn", self.input_type, WORDS, self.values[0], y, operations, ())

    # --- what operations are made of

    def number(self, lowest: int, highest: int) -> int:
        return int(self.rng.integers(lowest, highest, endpoint=True))

    def type(self, widest: int) -> FixedPoint:
        width = self.number(2, widest)
        return FixedPoint(
            width,
            self.number(-3, width + 3),
            bool(self.number(0, 1)),
            list(Rounding)[self.number(0, 6)],
            list(Overflow)[self.number(0, 3)],
        )

    def value(self) -> Value:
        """Of all there are, the latest more often."""
        back = min(self.number(0, len(self.values) - 1), self.number(0, len(self.values) - 1))
        return self.values[-1 - back]

    def alike(self, value: Value) -> Value:
        """A value of the same size."""
        same = [other for other in self.values if other.size == value.size]
        return same[self.number(0, len(same) - 1)]

    def windows(self, x: Value, count: int, taps: int) -> IntArray:
        """Places at random, or side by side as a convolution takes them, some beyond the edge."""
        if self.number(0, 1):
            return self.rng.integers(-1, x.size, (count, taps))
        windows = np.arange(count)[:, None] * self.number(1, 4) + np.arange(taps)
        return np.where(windows < x.size, windows, -1)

    def weights(self, *shape: int) -> IntArray:
        """Half of them zero; of few bits, or of many."""
        reach = 1 << self.number(1, 12)
        return self.rng.integers(-reach, reach, shape) * self.rng.integers(0, 2, shape)

    def result(self, fraction: int, lowest: IntArray, highest: IntArray) -> Value:
        name = f"v{len(self.operations)}"
        return Value(name, fraction, lowest.astype(np.int64), highest.astype(np.int64))

    def words_of(self, type_: FixedPoint, size: int) -> Value:
        return _words(f"v{len(self.operations)}", type_, size)

    # --- the operations

    def sums(self) -> tuple[Value, IntArray, IntArray, IntArray]:
        """An operand, windows, weights, and weights once more for each window."""
        x, groups = self.value(), self.number(1, 2)
        count = groups * self.number(1, 3)
        taps, filters = self.number(1, 11), self.number(1, 6)
        weights = self.weights(groups, taps, filters)
        windows = self.windows(x, count, taps)
        if self.number(0, 1):
            groups, taps = 1, x.size
            windows, weights = np.arange(taps)[None], self.weights(1, taps, filters)
        return x, windows, weights, weights[np.arange(len(windows)) % groups]

    def dot(self) -> Operation | None:
        x, windows, weights, each = self.sums()
        shift = self.number(0, 3)
        lowest, highest = (
            np.append(bound, 0)[windows].astype(object) for bound in (x.lowest, x.highest)
        )
        products = [each * lowest[..., None], each * highest[..., None]]
        bias = self.rng.integers(-5000, 5000, weights.shape[::2])
        offset = bias[np.arange(len(windows)) % len(bias)]
        bounds = [
            (bound.sum(axis=1) * 2**shift + offset).ravel()
            for bound in (np.minimum(*products), np.maximum(*products))
        ]
        if max(abs(int(bound)) for both in bounds for bound in both) >> WIDEST:
            return None
        result = self.result(x.fraction + shift, *bounds)
        return Dot(result, "dot", x, windows, weights, bias, shift)

    def accumulate(self) -> Operation | None:
        x, windows, weights, _ = self.sums()
        if x.bits + 14 > WIDEST:
            return None
        to = self.type(40)
        words = _words("", to, 1)
        bias = np.asarray(
            self.rng.integers(words.interval[0], to.highest, weights.shape[::2], endpoint=True)
        )
        result = self.words_of(to, len(windows) * weights.shape[2])
        fraction = to.fraction + self.number(-6, 12)
        return Accumulate(result, "accumulate", x, windows, weights, bias, fraction, to)

    def cast(self) -> Operation | None:
        x, to = self.value(), self.type(58)
        cut = x.fraction - to.fraction
        return Cast(self.words_of(to, x.size), "cast", x, to) if x.bits - cut < WIDEST else None

    def clip(self) -> Operation:
        x = self.value()
        lowest, highest = sorted(self.number(*x.interval) for _ in range(2))
        bounds = np.full(x.size, lowest), np.full(x.size, highest)
        return Clip(self.result(x.fraction, *bounds), "clip", x, lowest, highest)

    def gather(self) -> Operation:
        xs = tuple(self.value() for _ in range(self.number(1, 3)))
        laid = [
            np.append(np.concatenate([getattr(x, end) for x in xs]), 0)
            for end in ("lowest", "highest")
        ]
        index = self.rng.integers(-1, len(laid[0]) - 1, self.number(1, 9))
        result = self.result(xs[0].fraction, laid[0][index], laid[1][index])
        return Gather(result, "gather", xs, index)

    def maximum(self) -> Operation:
        x = self.value()
        windows = self.windows(x, self.number(1, 5), self.number(1, 5))
        windows[:, self.number(0, windows.shape[1] - 1)] = self.number(0, x.size - 1)
        bounds = [
            np.append(bound, np.iinfo(np.int64).min)[windows].max(axis=1)
            for bound in (x.lowest, x.highest)
        ]
        return Maximum(self.result(x.fraction, *bounds), "maximum", x, windows)

    def combine(self) -> Operation | None:
        a = self.value()
        b, how = self.alike(a), list(Combination)[self.number(0, 4)]
        shifts = self.number(0, 3), self.number(0, 3)
        if a.bits + b.bits + sum(shifts) > WIDEST:
            return None
        ends = [
            (value.lowest << shift, value.highest << shift)
            for value, shift in zip((a, b), shifts, strict=True)
        ]
        corners = np.array([_combined(how, m, n) for m in ends[0] for n in ends[1]])
        result = self.result(a.fraction, corners.min(axis=0), corners.max(axis=0))
        return Combine(result, "combine", a, b, how, *shifts)

    def select(self) -> Operation:
        x = self.value()
        p, o = self.alike(x), self.alike(x)
        bounds = np.minimum(p.lowest, o.lowest), np.maximum(p.highest, o.highest)
        return Select(self.result(p.fraction, *bounds), "select", x, p, o)

    def lookup(self) -> Operation:
        x, size = self.value(), self.number(1, 40)
        reach = 1 << self.number(1, 40)
        table = self.rng.integers(-reach, reach, size)
        if x.interval[0] < 0 or x.interval[1] >= size:
            bounds = np.full(x.size, 0), np.full(x.size, size - 1)
            index = self.result(x.fraction, *bounds)
            self.operations.append(Clip(index, "clip", x, 0, size - 1))
            self.values.append(index)
            x = index
        bounds = np.full(x.size, int(table.min())), np.full(x.size, int(table.max()))
        return Lookup(self.result(3, *bounds), "lookup", x, table)

    def quotient(self) -> Operation | None:
        x, shift, divisor = self.value(), self.number(0, 6), self.number(1, 1 << self.number(1, 20))
        if x.bits + shift > WIDEST:
            return None
        bounds = [
            np.array([_quotient(int(end) << shift, divisor) for end in ends])
            for ends in (x.lowest, x.highest)
        ]
        return Quotient(self.result(x.fraction, *bounds), "quotient", x, shift, divisor)


def _words(name: str, type_: FixedPoint, size: int) -> Value:
    """All that the type's bits can hold."""
    lowest = -(1 << (type_.width - 1)) if type_.signed else 0
    return Value(name, type_.fraction, np.full(size, lowest), np.full(size, type_.highest))


def fits(value: Value) -> bool:
    return value.bits <= WIDEST


def _combined(how: Combination, a: IntArray, b: IntArray) -> IntArray:
    match how:
        case Combination.ADD:
            return a + b
        case Combination.SUBTRACT:
            return a - b
        case Combination.MULTIPLY:
            return a * b
        case Combination.MAXIMUM:
            return np.maximum(a, b)
        case Combination.MINIMUM:
            return np.minimum(a, b)


def _quotient(dividend: int, divisor: int) -> int:
    return abs(dividend) // divisor * (1 if dividend >= 0 else -1)


HERE = LEVELS[LEVELS.index(best_level(find_compiler() or Path())) :]


def random_words(program: Program, samples: int) -> IntArray:
    """Words of the whole range, its ends more often than by chance."""
    rng = np.random.default_rng(0)
    lowest, highest = program.input.interval
    words = rng.integers(lowest, highest, (samples, program.input.size), endpoint=True)
    ends = rng.integers(0, 8, words.shape)
    words = np.where(ends == 0, lowest, np.where(ends == 1, highest, words))
    return np.asarray(words.astype(program.input_type.dtype))


def check(program: Program, level: Level) -> None:
    words = random_words(program, SAMPLES)
    expected, answers = interpret(program, words), Engine.of(program, level).words(words)
    wrong = np.argwhere((expected != answers).any(axis=0)).ravel()
    assert wrong.size == 0, f"{level.name}: elements {wrong} of\n{program}"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FPGAC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("level", HERE, ids=lambda level: level.name)
@settings(max_examples=examples(5), print_blob=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_generated_code_is_what_the_interpreter_says(level: Level, seed: int) -> None:
    check(Drawn(seed, steps=25).program, level)


@pytest.mark.parametrize("level", HERE, ids=lambda level: level.name)
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
    x = _words("x", byte, side * side * channels)
    program_input, operations = x, list[Operation]()
    for layer in range(2):
        weights = rng.integers(-128, 128, (1, windows.shape[1], channels))
        reach = np.full(windows.shape[0] * channels, 255 * 128 * windows.shape[1])
        sums = Value(f"sums{layer}", 12 - layer, -reach, reach)
        bias = rng.integers(-999, 999, (1, channels))
        operations.append(Dot(sums, "conv", x, windows, weights, bias))
        x = _words(f"y{layer}", byte, len(reach))
        operations.append(Cast(x, "relu", sums, byte))
    check(Program("conv", byte, byte, program_input, x, tuple(operations), ()), level)


@pytest.mark.heavy
@settings(max_examples=examples(120), print_blob=True)
@given(seed=st.integers(0, 2**32 - 1), level=st.sampled_from(HERE))
def test_many_more_programs(seed: int, level: Level) -> None:
    check(Drawn(seed, steps=25).program, level)


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
    x = _words("x", to, 1)
    engine = Engine.of(Program("rule", to, to, x, x, (), ()), level)
    random = np.random.default_rng(1).normal(size=5000) * 2.0**to.integer
    for dtype in (np.float32, np.float64):
        with np.errstate(over="ignore"):
            numbers = np.concatenate([awkward(to), random]).astype(dtype)
        neighbours = [numbers, np.nextafter(numbers, dtype(9)), np.nextafter(numbers, dtype(-9))]
        column = np.concatenate(neighbours)[:, None]
        assert np.array_equal(engine.numbers(column), to.raw(column)), np.dtype(dtype)
