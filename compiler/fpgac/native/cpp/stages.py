"""A stage as a C++ function: its head's loop, what follows on each element, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fpgac.native.cpp.elementwise import cast, expression
from fpgac.native.cpp.functions import Function, Layout, narrow, wrapped
from fpgac.native.cpp.lanes import fits, overflowed, product, rounded
from fpgac.native.cpp.levels import Form
from fpgac.native.cpp.plan import Plan, Stage
from fpgac.numbers import FixedPoint, IntArray, Overflow
from fpgac.program.program import (
    Accumulate,
    Cast,
    Dot,
    Gather,
    Lookup,
    Maximum,
    Operation,
    Value,
)
from fpgac.program.ranges import WIDEST

__all__ = ["ElementWriter", "StageWriter"]

# Registers of samples that share a look at windows and weights.
_REGISTERS: Final = 4


@dataclass
class StageWriter:
    """Writes ``function``; what follows on a head's result, and how results are kept."""

    plan: Plan
    stage: Stage
    layout: Layout
    function: Function

    def write(self) -> None:
        """All of it."""
        raise NotImplementedError

    @property
    def offset_in_bias(self) -> bool:
        """Whether the head's result holds the offset of the rounding that is all that follows."""
        return False

    @property
    def kept(self) -> list[tuple[Value, Form]]:
        """What others read of this stage's results."""
        return [
            (value, form)
            for value in self.stage.results
            for form in sorted(self.plan.forms.get(value, ()), key=lambda form: form.value)
        ]

    @property
    def outputs(self) -> list[Value]:
        """The same values, each once."""
        return list(dict.fromkeys(value for value, _ in self.kept))

    def read(self, value: Value) -> str:
        """The rows of an operand that is kept in memory, one element each."""
        place = [operand for operand, _ in self.plan.reads(self.stage)].index(value)
        home = self.layout.homes[value, Form.PLAIN]
        return self.function.memory(f"x{place}", home)

    def write_chain(self, lines: Sequence[str] = ()) -> None:
        """``chain``: from the head's result, ``v``, to all that is kept, for element e.

        ``lines`` come first.
        """
        names = {self.stage.head.result: "v"}
        lines = list(lines)
        for place, operation in enumerate(self.stage.operations[1:]):
            names[operation.result] = f"v{place}"
            lines.append(f"const V v{place} = {self.expression(operation, names)};")
        lines += [f"r{place} = {names[value]};" for place, value in enumerate(self.outputs)]
        results = "".join(f", V& r{place}" for place in range(len(self.outputs)))
        self.function.add(
            f"const auto chain = [&](V v, int e, int s{results}) "
            "__attribute__((always_inline)) {\n" + "\n".join(f"    {line}" for line in lines)
        )
        self.function.add("};")

    def expression(self, operation: Operation, names: Mapping[Value, str]) -> str:
        """The result of an operation on what ``names`` knows and what is kept in memory."""
        if isinstance(operation, Cast) and operation.x in names:
            return cast(
                names[operation.x],
                operation.x.interval,
                operation.x.fraction - operation.to.fraction,
                operation.to,
                self.stage.bits,
                offset=self.offset_in_bias and operation.x is self.stage.head.result,
            )

        def operand(value: Value) -> str:
            if value in names:
                return names[value]
            return f"load<V>({self.read(value)} + e * BLOCK + s)"

        if isinstance(operation, Lookup):
            return self._looked_up(operand(operation.x), operation.table)
        return expression(
            operation,
            self.stage.bits,
            operand,
            lambda entries: self.function.table(narrow(entries)),
        )

    def _looked_up(self, x: str, entries: IntArray) -> str:
        """The entries of a table: by permutations of its registers, if they are few."""
        bits, level = self.stage.bits, self.plan.level
        lanes = level.register_bytes * 8 // bits
        registers = 1 << (-(-len(entries) // lanes) - 1).bit_length()
        if registers > level.permuted:
            return f"lookup({x}, {self.function.table(narrow(entries))})"
        table = np.zeros(registers * lanes, np.int64)
        table[: len(entries)] = entries
        return f"permuted<{registers}>({x}, (const V*){self.function.table(wrapped(table, bits))})"

    def write_keep(self, together: int) -> None:
        """``keep``: ``count`` neighbouring elements, from e on, put where others read them."""
        lines = []
        for place, (value, form) in enumerate(self.kept):
            y = self.function.memory(f"y{place}", self.layout.homes[value, form], constant=False)
            r = f"r{self.outputs.index(value)}"
            match form:
                case Form.PLAIN:
                    lines.append(f"for (int j = 0; j < {together}; j++)")
                    lines.append(f"    if (j < count) store({y} + (e + j) * BLOCK + s, {r}[j]);")
                case Form.PAIRS:
                    lines.append(f"store_pair({y} + e / 2 * BLOCK + s, {r}[0], {r}[1]);")
                    lines.append("if (count > 2)")
                    row = f"{y} + (e / 2 + 1) * BLOCK + s"
                    lines.append(f"    store_pair({row}, {r}[2], {r}[3]);")
                case Form.QUADS:
                    lines.append(f"store_quad({y} + e / 4 * BLOCK + s, {r});")
        given = "".join(f", const V (&r{place})[{together}]" for place in range(len(self.outputs)))
        self.function.add(
            f"const auto keep = [&](int e, int s, int count{given}) "
            "__attribute__((always_inline)) {\n" + "\n".join(f"    {line}" for line in lines)
        )
        self.function.add("};")

    def room(self, together: int) -> str:
        """Declares the results of ``together`` elements."""
        names = ", ".join(f"r{place}[{together}] = {{}}" for place in range(len(self.outputs)))
        return f"V {names};"

    def chained(self, v: str, e: str, s: str, j: str) -> str:
        """Calls ``chain`` for the ``j``-th of them."""
        results = "".join(f", r{place}[{j}]" for place in range(len(self.outputs)))
        return f"chain({v}, {e}, {s}{results});"

    def keeping(self, e: str, s: str, count: str) -> str:
        """Calls ``keep``."""
        results = "".join(f", r{place}" for place in range(len(self.outputs)))
        return f"keep({e}, {s}, {count}{results});"


class ElementWriter(StageWriter):
    """Writes a stage whose head gives one element at a time."""

    def write(self) -> None:
        """Some registers of samples at a time, of one element or of four that are packed."""
        size = self.stage.head.result.size
        together = 4 if any(form is not Form.PLAIN for _, form in self.kept) else 1
        self._head()
        self.write_chain()
        self.write_keep(together)
        self.function.add(
            f"""
for (int e = 0; e < {size}; e += {together})
    for (int s = 0; s < BLOCK; s += {self._registers} * LANES<V>) {{
        const int count = {size} - e < {together} ? {size} - e : {together};
        V heads[{together}][{self._registers}];
#pragma GCC unroll 4
        for (int j = 0; j < count; j++)
            head(e + j, s, heads[j]);
#pragma GCC unroll 4
        for (int r = 0; r < {self._registers}; r++) {{
            const int at = s + r * LANES<V>;
            {self.room(together)}
#pragma GCC unroll 4
            for (int j = 0; j < count; j++)
                {self.chained("heads[j][r]", "e + j", "at", "j")}
            {self.keeping("e", "at", "count")}
        }}
    }}
"""
        )

    @property
    def _registers(self) -> int:
        """The registers of samples for which a head looks its operands up once."""
        return _REGISTERS if isinstance(self.stage.head, Dot | Accumulate | Maximum) else 1

    def _head(self) -> None:
        """``head``: the head's results, ``v``, for element e and some registers from s on."""
        head = self.stage.head
        match head:
            case Dot():
                lines = self._sum(head, ["v[r] += p;"])
            case Accumulate():
                lines = self._sum(head, self._accumulated(head))
            case Gather():
                lines = self._gathered(head)
            case Maximum():
                lines = self._maximum(head)
            case _:
                lines = [f"v[0] = {self.expression(head, {})};"]
        self.function.add(
            f"const auto head = [&](int e, int s, V (&v)[{self._registers}]) "
            "__attribute__((always_inline)) {\n" + "\n".join(f"    {line}" for line in lines)
        )
        self.function.add("};")

    def _sum(self, head: Dot | Accumulate, step: Sequence[str]) -> list[str]:
        """Products of one window and filter, added up in order; ``step`` adds ``p`` to ``v[r]``."""
        groups, taps, filters = head.weights.shape
        weights = head.weights.transpose(0, 2, 1).reshape(-1, taps)
        rows, used = np.nonzero(_counts(head) | (weights != 0))
        starts = np.searchsorted(rows, np.arange(groups * filters + 1))
        shift = head.shift if isinstance(head, Dot) else 0
        bits = self.stage.bits
        table = self.function.table
        self.read(head.x)
        table(starts.astype(np.int32), "starts")
        table(used.astype(np.int32), "taps")
        values = weights[rows, used] << shift
        table(wrapped(values, bits), "values")
        table(wrapped(head.bias.ravel(), bits), "bias")
        table(head.windows.astype(np.int32), "windows")
        multiply = "product" if self._halves(head.x, values) else "whole_product"
        operand = f"{multiply}(load<V>(x0 + i * BLOCK + s + r * LANES<V>), values[t])"
        lines = ["if (i < 0) continue;"] if (head.windows < 0).any() else []
        if _counts(head):
            lines, operand = [], f"i < 0 ? V{{}} : {operand}"
        return [
            f"const int window = e / {filters};",
            f"const int row = window % {groups} * {filters} + e % {filters};",
            *self._each_register("v[r] = splat<V>(bias[row]);"),
            "for (int t = starts[row]; t < starts[row + 1]; t++) {",
            f"    const int i = windows[window * {taps} + taps[t]];",
            *(f"    {line}" for line in lines),
            *(f"    {line}" for line in self._each_register(f"const V p = {operand};", *step)),
            "}",
            *self._wrapped_at_the_end(head),
        ]

    def _each_register(self, *lines: str) -> list[str]:
        return [
            f"#pragma GCC unroll {self._registers}",
            f"for (int r = 0; r < {self._registers}; r++) {{",
            *(f"    {line}" for line in lines),
            "}",
        ]

    def _halves(self, x: Value, factors: IntArray) -> bool:
        """Whether both factors fit half a lane, whose products are quicker."""
        half = self.stage.bits // 2
        ends = int(factors.min(initial=0)), int(factors.max(initial=0))
        return fits(x.interval, half) and fits(ends, half)

    def _wrapped_at_the_end(self, head: Dot | Accumulate) -> Iterator[str]:
        """Sums that wrap do so once, after the last of them: that is the same."""
        if isinstance(head, Accumulate) and head.accumulator.overflow is Overflow.WRAP:
            everything = -(1 << WIDEST), 1 << WIDEST
            whole = cast("v[r]", everything, 0, head.accumulator, self.stage.bits)
            yield from self._each_register(f"v[r] = {whole};")

    def _accumulated(self, head: Accumulate) -> list[str]:
        to, bits = head.accumulator, self.stage.bits
        cut = head.product_fraction - to.fraction
        interval = product(head)
        if to.overflow is Overflow.WRAP:
            wide = FixedPoint(WIDEST, WIDEST - to.fraction, rounding=to.rounding)
            return [f"v[r] += {cast('p', interval, cut, wide, bits)};"]
        added = overflowed(rounded(interval, cut), to)
        sums = min(to.lowest, int(head.bias.min())) + added[0], to.highest + added[1]
        return [
            f"const V sum = v[r] + {cast('p', interval, cut, to, bits)};",
            f"v[r] = {cast('sum', sums, 0, to, bits)};",
        ]

    def _gathered(self, head: Gather) -> list[str]:
        sizes = np.array([value.size for value in head.xs])
        starts = np.concatenate([[0], np.cumsum(sizes)])
        part = np.searchsorted(starts, head.index, side="right") - 1
        place = np.where(head.index < 0, -1, head.index - starts[part])
        index = self.function.table(place.astype(np.int32), "index")
        parts = self.function.table(narrow(part), "parts")
        lines = [f"const int i = {index}[e];", f"switch (i < 0 ? -1 : {parts}[e]) {{"]
        for number, value in enumerate(head.xs):
            read = f"load<V>({self.read(value)} + i * BLOCK + s)"
            lines.append(f"case {number}: v[0] = {read}; break;")
        return [*lines, "default: v[0] = V{};", "}"]

    def _maximum(self, head: Maximum) -> list[str]:
        # What is no element is replaced by one that is: the maximum stays.
        windows = np.where(head.windows < 0, head.windows.max(axis=1, keepdims=True), head.windows)
        self.read(head.x)
        self.function.table(windows.astype(np.int32), "windows")
        taps, x = windows.shape[1], "load<V>(x0 + i * BLOCK + s + r * LANES<V>)"
        return [
            f"for (int t = 0; t < {taps}; t++) {{",
            f"    const int i = windows[e * {taps} + t];",
            *self._each_register(f"v[r] = t ? greatest(v[r], {x}) : {x};"),
            "}",
        ]


def _counts(head: Dot | Accumulate) -> bool:
    """Whether even a zero counts when it is added: if it brings the bias into range."""
    return isinstance(head, Accumulate) and int(head.bias.min()) < head.accumulator.lowest
