"""Programs for tests: small ones by hand, and any number of random ones of all operations."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.builder import Builder
from fpgac.program.formats import Formats
from fpgac.program.program import Combination, Operation, Program, Terminal, Value
from fpgac.program.ranges import NotExact
from fpgac.tensors import Tensor

# Values that are shown are cast to this width; wider ones than the second are not built upon.
SHOWN = 53
WIDEST = 59


def bounded(name: str, fraction: int, lowest: int, highest: int, size: int = 1) -> Value:
    """A value whose elements all have the same bounds."""
    return Value(name, fraction, np.full(size, lowest), np.full(size, highest))


def words(name: str, type_: FixedPoint, size: int = 1) -> Value:
    """All that the type's bits can hold."""
    lowest = -(1 << (type_.width - 1)) if type_.signed else 0
    return bounded(name, type_.fraction, lowest, type_.highest, size)


def terminal(type_: FixedPoint, value: Value, name: str = "tensor") -> Terminal:
    """A value at the edge of a program, as a tensor in one row."""
    return Terminal(Tensor(name, (value.size,), type_), value)


def one_to_one(
    input_type: FixedPoint, x: Value, output_type: FixedPoint, y: Value, *operations: Operation
) -> Program:
    """A program with one input and one output, whose operations are all of the layer ``layer``."""
    return Program(
        "program",
        (terminal(input_type, x),),
        (terminal(output_type, y),),
        operations,
        (("layer", y),),
    )


def random_words(program: Program, samples: int, seed: int = 0) -> IntArray:
    """Rows of words of each input's whole range, its ends more often than by chance."""
    rng = np.random.default_rng(seed)
    rows = np.empty((samples, program.input_layout.size), program.input_layout.dtype)
    for x, columns in program.input_columns:
        lowest, highest = x.value.interval
        drawn = rng.integers(lowest, highest, (samples, x.value.size), endpoint=True)
        ends = rng.integers(0, 8, drawn.shape)
        rows[:, columns] = np.where(ends == 0, lowest, np.where(ends == 1, highest, drawn))
    return rows


def drawn(seed: int, steps: int = 25) -> Program:
    """Operations drawn at random; the outputs show what each gives, and one of the inputs."""
    return _Drawing(np.random.default_rng(seed)).program(steps)


class _Drawing:
    """A program that grows by operations on values that are there."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        count = max(1, self.number(-1, 3))
        self.build = Builder(*(self.input(f"given {place}") for place in range(count)))
        self.build.layer = "first"
        self.values = [x.value for x in self.build.inputs]

    def program(self, steps: int) -> Program:
        draws: list[Callable[[], Value]] = [
            *[self.dot] * 3, *[self.accumulate] * 2, *[self.cast] * 4, *[self.cast_each] * 3,
            self.clip, self.gather, self.maximum, self.combine, self.select, self.lookup,
            self.quotient,
        ]  # fmt: skip
        while len(self.build.operations) < steps:
            with contextlib.suppress(NotExact):
                value = draws[self.number(0, len(draws) - 1)]()
                self.values += [value] * (value.bits <= WIDEST)
        layers = [(f"layer {place}", value) for place, value in enumerate(self.values[1:])]
        self.build.layer = "show"
        return self.build.program("drawn", self.outputs(), layers)

    def outputs(self) -> list[Terminal]:
        """The last input, and the words of all values in a few tensors, as if of one fraction."""
        finest = max(value.fraction for value in self.values)
        type_ = FixedPoint(SHOWN, SHOWN - finest)
        words = [self.build.scaled(v, 1, finest - v.fraction) for v in self.values]
        shown = [self.build.cast(value, type_) for value in words]
        outputs = [self.build.inputs[-1]]
        for part in np.array_split(np.arange(len(shown)), self.number(1, 3)):
            xs = [shown[place] for place in part]
            whole = self.build.gather(xs, np.arange(sum(x.size for x in xs)))
            outputs.append(terminal(type_, whole, f"part {len(outputs)}"))
        return outputs

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

    def input(self, name: str) -> Tensor:
        return Tensor(name, (self.number(1, 9),), self.type(20))

    def value(self) -> Value:
        """Of all there are, the latest more often."""
        back = min(self.number(0, len(self.values) - 1), self.number(0, len(self.values) - 1))
        return self.values[-1 - back]

    def alike(self, value: Value) -> Value:
        """A value of the same size and fraction."""
        same = [
            other
            for other in self.values
            if (other.size, other.fraction) == (value.size, value.fraction)
        ]
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

    # --- the operations

    def sums(self) -> tuple[Value, IntArray, IntArray]:
        """An operand, windows and weights."""
        x, groups = self.value(), self.number(1, 2)
        taps, filters = self.number(1, 11), self.number(1, 6)
        if self.number(0, 1):
            return x, np.arange(x.size)[None], self.weights(1, x.size, filters)
        windows = self.windows(x, groups * self.number(1, 3), taps)
        return x, windows, self.weights(groups, taps, filters)

    def dot(self) -> Value:
        x, windows, weights = self.sums()
        shift, bias = self.number(0, 3), self.rng.integers(-5000, 5000, weights.shape[::2])
        fraction = x.fraction + shift
        return self.build.dot(x, windows, weights, bias, fraction=fraction, shift=shift)

    def accumulate(self) -> Value:
        x, windows, weights = self.sums()
        to = self.type(40)
        lowest, highest = words("", to).interval
        bias = np.asarray(self.rng.integers(lowest, highest, weights.shape[::2], endpoint=True))
        fraction = to.fraction + self.number(-6, 12)
        return self.build.accumulate(
            x, windows, weights, bias, product_fraction=fraction, accumulator=to
        )

    def cast(self) -> Value:
        return self.build.cast(self.value(), self.type(58))

    def cast_each(self) -> Value:
        """A few types for all elements, some of them of no bits."""
        x, modes = self.value(), self.type(9)
        kinds = [
            replace(self.type(30), rounding=modes.rounding, overflow=modes.overflow)
            if self.number(0, 3)
            else None
            for _ in range(self.number(1, 4))
        ]
        to = Formats.of([kinds[self.number(0, len(kinds) - 1)] for _ in range(x.size)])
        return self.build.cast_each(x, to)

    def clip(self) -> Value:
        x = self.value()
        lowest, highest = sorted(self.number(*x.interval) for _ in range(2))
        return self.build.clip(x, lowest, highest)

    def gather(self) -> Value:
        first = self.value()
        xs = (first, *(self.alike(first) for _ in range(self.number(0, 2))))
        places = sum(x.size for x in xs)
        return self.build.gather(xs, self.rng.integers(-1, places, self.number(1, 9)))

    def maximum(self) -> Value:
        x = self.value()
        windows = self.windows(x, self.number(1, 5), self.number(1, 5))
        windows[:, self.number(0, windows.shape[1] - 1)] = self.number(0, x.size - 1)
        return self.build.maximum(x, windows)

    def combine(self) -> Value:
        a = self.value()
        same = [value for value in self.values if value.size == a.size]
        b = same[self.number(0, len(same) - 1)]
        return self.build.combine(a, b, list(Combination)[self.number(0, 4)])

    def select(self) -> Value:
        x = self.value()
        same = [value for value in self.values if value.size == x.size]
        positive = same[self.number(0, len(same) - 1)]
        return self.build.select(x, positive, self.alike(positive))

    def lookup(self) -> Value:
        size, reach = self.number(1, 40), 1 << self.number(1, 40)
        index = self.build.clip(self.value(), 0, size - 1)
        return self.build.lookup(index, self.rng.integers(-reach, reach, size), 3)

    def quotient(self) -> Value:
        divisor = self.number(1, 1 << self.number(1, 20))
        return self.build.quotient(self.value(), self.number(0, 6), divisor)
