"""A stage as a C++ function: its head's loop, what follows on each element, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.exact.cpp.elementwise import cast, expression, rounding_offset
from fpgac.exact.cpp.levels import Form
from fpgac.exact.cpp.memory import Constants
from fpgac.exact.cpp.plan import Packing, Plan, Stage
from fpgac.exact.cpp.ranges import narrowest, overflowed, product, rounded
from fpgac.exact.program import (
    Accumulate,
    Cast,
    Dot,
    Gather,
    Maximum,
    Operation,
    Value,
)
from fpgac.numbers import FixedPoint, IntArray, Rounding

__all__ = ["Function", "Home", "Layout", "stage_function"]

Table = npt.NDArray[np.integer[Any]]

# Products written out one by one, without loops and without those of zeros, in one stage.
STRAIGHT = 1500


@dataclass(frozen=True)
class Home:
    """Where a value lies in a block's memory: rows of ``c_type`` from byte ``offset`` on."""

    offset: int
    c_type: str


@dataclass(frozen=True)
class Layout:
    """The memory of a block of samples: homes of values, and of each packed Dot's own packs.

    A row of zeros lies at the very front.
    """

    block: int
    homes: Mapping[tuple[Value, Form], Home]
    packs: Mapping[Operation, Home]

    @property
    def lane_row(self) -> int:
        """Bytes in a row of 32-bit lanes."""
        return 4 * self.block


@dataclass
class Function:
    """A function under construction: what it is given, and its lines."""

    constants: Constants
    parameters: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def memory(self, name: str, home: Home, *, constant: bool = True) -> str:
        """A pointer to a value's rows, called ``name``."""
        return self._given(f"{'const ' * constant}{home.c_type}*", name, f"memory + {home.offset}")

    def table(self, table: Table, name: str = "") -> str:
        """A pointer to a copy of ``table``, whose type stays."""
        kind = f"{'u' * (table.dtype.kind == 'u')}int{table.dtype.itemsize * 8}_t"
        name = name or f"table{len(self.parameters)}"
        return self._given(f"const {kind}*", name, f"constants + {self.constants.add(table)}")

    def _given(self, c_type: str, name: str, argument: str) -> str:
        parameter = f"{c_type} {name}"
        if parameter not in self.parameters:
            self.parameters.append(parameter)
            self.arguments.append(f"({c_type})({argument})")
        return name

    def add(self, text: str) -> None:
        """More lines, as they stand."""
        self.lines += text.strip("\n").splitlines()

    def definition(self, name: str) -> str:
        """The whole function."""
        body = "\n".join(f"    {line}" if line else "" for line in self.lines)
        return f"STAGE {name}({', '.join(self.parameters)}) {{\n{body}\n}}\n"

    def call(self, name: str) -> str:
        """The statement that calls it."""
        return f"{name}({', '.join(self.arguments)});"


def stage_function(plan: Plan, stage: Stage, layout: Layout, constants: Constants) -> Function:
    """The function that computes ``stage``."""
    function = Function(constants)
    function.add(f"using V = V{stage.bits};")
    writer = _Writer(plan, stage, layout, function)
    if isinstance(stage.head, Dot) and stage.head in plan.packings:
        writer.packed_dot(stage.head, plan.packings[stage.head])
    else:
        writer.element_by_element()
    return function


@dataclass
class _Writer:
    plan: Plan
    stage: Stage
    layout: Layout
    function: Function

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
        return list(dict.fromkeys(value for value, _ in self.kept))

    @cached_property
    def rounded_sums(self) -> Cast | None:
        """The cast of a packed Dot's sums to whose biases its rounding's offset is added."""
        head = self.stage.head
        if head not in self.plan.packings or self.plan.packings[head].shift:
            return None
        return self.plan.only_cast(self.stage)

    @property
    def cut(self) -> int:
        """The bits that this cast cuts off."""
        cast = self.rounded_sums
        return cast.x.fraction - cast.to.fraction if cast else 0

    @property
    def offset(self) -> int:
        """What is added to a packed Dot's biases."""
        cast = self.rounded_sums
        return rounding_offset(cast.to.rounding, self.cut) if cast else 0

    @cached_property
    def bytes_type(self) -> FixedPoint | None:
        """The type of bytes to which a packed Dot's sums are rounded, if nothing else happens."""
        cast = self.rounded_sums
        simple = {Rounding.TRN, Rounding.RND, Rounding.RND_MIN_INF, Rounding.RND_CONV}
        if Form.QUADS not in self.plan.level.dots or cast is None or cast.to.rounding not in simple:
            return None
        return cast.to if 0 <= self.cut < 31 and self.plan.ends_in_bytes(self.stage) else None

    def element_by_element(self) -> None:
        """One element of a register of samples at a time, or four that are packed together."""
        size = self.stage.head.result.size
        together = 4 if any(form is not Form.PLAIN for _, form in self.kept) else 1
        self._head()
        self._chain()
        self._keep(together)
        self.function.add(
            f"""
for (int e = 0; e < {size}; e += {together})
    for (int s = 0; s < BLOCK; s += LANES<V>) {{
        const int count = {size} - e < {together} ? {size} - e : {together};
        {self.room(together)}
        for (int j = 0; j < count; j++)
            {self.chained("head(e + j, s)", "e + j", "s", "j")}
        {self.keeping("e", "s", "count")}
    }}
"""
        )

    def packed_dot(self, dot: Dot, packing: Packing) -> None:
        """Tiles of four filters by some registers of samples, products of packs added up."""
        if not self.bytes_type:
            self._chain(shift=packing.shift)
            self._keep(4)
        _PackedDot(self, dot, packing).write()

    # --- what every stage has

    def read(self, value: Value) -> str:
        """The rows of an operand that is kept in memory, one element each."""
        place = [operand for operand, _ in self.plan.reads(self.stage)].index(value)
        home = self.layout.homes[value, Form.PLAIN]
        return self.function.memory(f"x{place}", home)

    def _chain(self, shift: int = 0) -> None:
        """``chain``: from the head's result, ``v``, to all that is kept, for element e."""
        names = {self.stage.head.result: "v"}
        lines = []
        if shift:
            bias = self.function.table(_wrapped(self.stage.head.bias.ravel(), 32), "bias")  # type: ignore[union-attr]
            lines.append(f"v = (v << {shift}) + {bias}[e % {self.stage.head.bias.size}];")  # type: ignore[union-attr]
        for place, operation in enumerate(self.stage.operations[1:]):
            names[operation.result] = f"v{place}"
            lines.append(f"const V v{place} = {self._expression(operation, names)};")
        lines += [f"r{place} = {names[value]};" for place, value in enumerate(self.outputs)]
        results = "".join(f", V& r{place}" for place in range(len(self.outputs)))
        self.function.add(
            f"const auto chain = [&](V v, int e, int s{results}) "
            "__attribute__((always_inline)) {\n" + "\n".join(f"    {line}" for line in lines)
        )
        self.function.add("};")

    def _expression(self, operation: Operation, names: Mapping[Value, str]) -> str:
        if isinstance(operation, Cast) and operation.x in names:
            return cast(
                names[operation.x],
                operation.x.interval,
                operation.x.fraction - operation.to.fraction,
                operation.to,
                self.stage.bits,
                offset=operation is self.rounded_sums,
            )

        def operand(value: Value) -> str:
            if value in names:
                return names[value]
            return f"load<V>({self.read(value)} + e * BLOCK + s)"

        return expression(
            operation,
            self.stage.bits,
            operand,
            lambda entries: self.function.table(_narrow(entries)),
        )

    def _keep(self, together: int) -> None:
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
        names = ", ".join(f"r{place}[{together}] = {{}}" for place in range(len(self.outputs)))
        return f"V {names};"

    def chained(self, v: str, e: str, s: str, j: str) -> str:
        results = "".join(f", r{place}[{j}]" for place in range(len(self.outputs)))
        return f"chain({v}, {e}, {s}{results});"

    def keeping(self, e: str, s: str, count: str) -> str:
        results = "".join(f", r{place}" for place in range(len(self.outputs)))
        return f"keep({e}, {s}, {count}{results});"

    # --- heads that give one element at a time

    def _head(self) -> None:
        """``head``: the head's result for element e."""
        head = self.stage.head
        match head:
            case Dot():
                lines = self._sum(head, ["v += p;"])
            case Accumulate():
                lines = self._sum(head, self._accumulated(head))
            case Gather():
                lines = self._gathered(head)
            case Maximum():
                lines = self._maximum(head)
            case _:
                lines = [f"return {self._expression(head, {})};"]
        self.function.add(
            "const auto head = [&](int e, int s) __attribute__((always_inline)) -> V {\n"
            + "\n".join(f"    {line}" for line in lines)
        )
        self.function.add("};")

    def _sum(self, head: Dot | Accumulate, step: Sequence[str]) -> list[str]:
        """Products of one window and filter, added up in order; ``step`` adds ``p`` to ``v``."""
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
        table(_wrapped(weights[rows, used] << shift, bits), "values")
        table(_wrapped(head.bias.ravel(), bits), "bias")
        table(head.windows.astype(np.int32), "windows")
        return [
            f"const int window = e / {filters};",
            f"const int row = window % {groups} * {filters} + e % {filters};",
            "V v = splat<V>(bias[row]);",
            "for (int t = starts[row]; t < starts[row + 1]; t++) {",
            f"    const int i = windows[window * {taps} + taps[t]];",
            "    const V p = (i < 0 ? V{} : load<V>(x0 + i * BLOCK + s)) * values[t];",
            *(f"    {line}" for line in step),
            "}",
            "return v;",
        ]

    def _accumulated(self, head: Accumulate) -> list[str]:
        to, bits = head.accumulator, self.stage.bits
        cut = head.product_fraction - to.fraction
        interval = product(head)
        added = overflowed(rounded(interval, cut), to)
        sums = min(to.lowest, int(head.bias.min())) + added[0], to.highest + added[1]
        return [
            f"const V sum = v + {cast('p', interval, cut, to, bits)};",
            f"v = {cast('sum', sums, 0, to, bits)};",
        ]

    def _gathered(self, head: Gather) -> list[str]:
        sizes = np.array([value.size for value in head.xs])
        starts = np.concatenate([[0], np.cumsum(sizes)])
        part = np.searchsorted(starts, head.index, side="right") - 1
        place = np.where(head.index < 0, -1, head.index - starts[part])
        index = self.function.table(place.astype(np.int32), "index")
        parts = self.function.table(part.astype(np.int8), "parts")
        lines = [f"const int i = {index}[e];", "if (i < 0) return V{};", f"switch ({parts}[e]) {{"]
        for number, value in enumerate(head.xs):
            label = f"case {number}" if number < len(head.xs) - 1 else "default"
            lines.append(f"{label}: return load<V>({self.read(value)} + i * BLOCK + s);")
        return [*lines, "}"]

    def _maximum(self, head: Maximum) -> list[str]:
        # What is no element is replaced by one that is: the maximum stays.
        windows = np.where(head.windows < 0, head.windows.max(axis=1, keepdims=True), head.windows)
        x, index = self.read(head.x), self.function.table(windows.astype(np.int32), "windows")
        taps = windows.shape[1]
        return [
            f"V v = load<V>({x} + {index}[e * {taps}] * BLOCK + s);",
            f"for (int t = 1; t < {taps}; t++)",
            f"    v = greatest(v, load<V>({x} + {index}[e * {taps} + t] * BLOCK + s));",
            "return v;",
        ]


@dataclass
class _PackedDot:
    """The loops of a Dot on packs; ``writer`` has the stage's chain."""

    writer: _Writer
    dot: Dot
    packing: Packing

    def write(self) -> None:
        function = self.writer.function
        filters = self.dot.weights.shape[2]
        rows, groups = self._rows(), len(self._lanes)
        function.table(rows, "rows")
        if self.packing.shift == 0:
            function.table(_wrapped(_padded(self.dot.bias[0] + self.writer.offset, 4), 32), "bias")
        several = len(self.dot.windows) > 1
        if several:
            function.add(f"for (int window = 0; window < {len(self.dot.windows)}; window++) {{")
        function.add(f"const int32_t* at = rows{f' + window * {groups}' * several};")
        if np.count_nonzero(self._lanes) <= STRAIGHT:
            self._straight(filters, rows)
        else:
            self._looped(filters)
        if several:
            function.add("}")

    @property
    def _lanes(self) -> npt.NDArray[np.int32]:
        """The packed weights, shape (groups, filters)."""
        bits = 32 // self.packing.form.value
        parts = (self.packing.weights & ((1 << bits) - 1)) << (
            bits * np.arange(self.packing.form.value)
        )
        return np.asarray(parts.sum(axis=2)).astype(np.uint32).view(np.int32)

    @property
    def _add(self) -> str:
        return f"ADD_{self.packing.form.name}"

    def _rows(self) -> npt.NDArray[np.int32]:
        """``x``, the first of the packs' rows, and each window's, as a distance from there."""
        writer, layout = self.writer, self.writer.layout
        packs, form = self.packing.packs, self.packing.form
        if writer.plan.in_place(self.dot):
            home = layout.homes[self.dot.x, form]
            row = packs.max(axis=1) // form.value
            row[packs.max(axis=1) < 0] = -(home.offset // layout.lane_row)
        else:
            home = layout.packs[self.dot]
            row = np.arange(len(packs))
            self._pack(home)
        writer.function.memory("x", Home(home.offset, "int32_t"))
        return row[self.packing.windows].astype(np.int32)

    def _pack(self, home: Home) -> None:
        writer, form = self.writer, self.packing.form
        x = writer.function.memory("x0", writer.layout.homes[self.dot.x, Form.PLAIN])
        packs = writer.function.table(self.packing.packs.astype(np.int32), "packs")
        y = writer.function.memory("packed", Home(home.offset, "int32_t"), constant=False)
        stored = {
            Form.QUADS: f"store_quad({y} + pack * BLOCK + s, v);",
            Form.PAIRS: f"store_pair({y} + pack * BLOCK + s, v[0], v[1]);",
        }[form]
        writer.function.add(
            f"""
for (int pack = 0; pack < {len(self.packing.packs)}; pack++)
    for (int s = 0; s < BLOCK; s += LANES<V>) {{
        V v[{form.value}] = {{}};
        for (int j = 0; j < {form.value}; j++)
            if (const int i = {packs}[pack * {form.value} + j]; i >= 0)
                v[j] = load<V>({x} + i * BLOCK + s);
        {stored}
    }}
"""
        )

    def _straight(self, filters: int, rows: npt.NDArray[np.int32]) -> None:
        """Every product with a weight that is not zero, written out."""
        lanes = self._lanes
        at = [str(row) for row in rows[0]] if len(rows) == 1 else None
        used: list[int] = []
        for first in range(0, filters, 4):
            count = min(4, filters - first)
            products = []
            for group in range(len(lanes)):
                adds = [j for j in range(count) if lanes[group, first + j]]
                if adds:
                    row = at[group] if at else f"at[{group}]"
                    products.append(f"ROW(x + {row} * BLOCK + s);")
                for j in adds:
                    products.append(f"{self._add}({'abcd'[j]}, weights, {len(used)});")
                    used.append(int(lanes[group, first + j]))
            self._tile(str(first), str(count), products)
        self.writer.function.table(np.array(used, np.int32), "weights")

    def _looped(self, filters: int) -> None:
        """All products, in a loop."""
        function, groups = self.writer.function, len(self._lanes)
        padded = _padded(self._lanes, 4).reshape(groups, -1, 4).transpose(1, 0, 2)
        function.table(np.ascontiguousarray(padded), "weights")
        function.add(f"for (int f = 0; f < {filters}; f += 4) {{")
        products = [
            f"const int32_t* weight = weights + f * {groups};",
            f"for (int group = 0; group < {groups}; group++, weight += 4) {{",
            "    ROW(x + at[group] * BLOCK + s);",
            *(f"    {self._add}({a}, weight, {j});" for j, a in enumerate("abcd")),
            "}",
        ]
        self._tile("f", f"({filters} - f < 4 ? {filters} - f : 4)", products)
        function.add("}")

    def _tile(self, first: str, count: str, products: Sequence[str]) -> None:
        """One tile: four filters from ``first`` on, all samples."""
        writer, filters = self.writer, self.dot.weights.shape[2]
        names = "abcd"[: int(count) if count.isdigit() else 4]
        element = f"window * {filters} + {first}" if len(self.dot.windows) > 1 else first
        starts = [
            "V{}" if self.packing.shift else f"splat<V>(bias[{first} + {j}])" for j in range(4)
        ]
        lines = [
            "REGISTERS;",
            *(f"SUMS({a}, {starts[j]});" for j, a in enumerate(names)),
            *products,
        ]
        lines += self._bytes(element, names) if writer.bytes_type else self._ends(element, names, count)
        writer.function.add("for (int s = 0; s < BLOCK; s += TILE * LANES<V>) {")
        writer.function.add("\n".join(f"    {line}" for line in lines))
        writer.function.add("}")

    def _ends(self, element: str, names: str, count: str) -> Iterator[str]:
        """What follows on each sum of a tile."""
        writer, at = self.writer, "s + i * LANES<V>"
        yield f"const V sums[][TILE] = {{{', '.join(f'TILED({a})' for a in names)}}};"
        yield "for (int i = 0; i < TILE; i++) {"
        yield f"    {writer.room(4)}"
        for j in range(len(names)):
            yield "    " + writer.chained(f"sums[{j}][i]", f"{element} + {j}", at, str(j))
        yield f"    {writer.keeping(element, at, count)}"
        yield "}"

    def _bytes(self, element: str, names: str) -> Iterator[str]:
        """The same where it is a cast to packed bytes."""
        writer = self.writer
        ((value, form),) = writer.kept
        y = writer.function.memory("y0", writer.layout.homes[value, form], constant=False)
        convergent = str(writer.bytes_type.rounding is Rounding.RND_CONV).lower()
        for i in range(writer.plan.level.tile):
            sums = [f"{names[j]}{i}" if j < len(names) else "V{}" for j in range(4)]
            row = f"{y} + ({element}) / 4 * BLOCK + s + {i} * LANES<V>"
            yield f"store_bytes<{writer.cut}, {convergent}>({row}, {', '.join(sums)});"


def _counts(head: Dot | Accumulate) -> bool:
    """Whether even a zero counts when it is added: if it brings the bias into range."""
    return isinstance(head, Accumulate) and int(head.bias.min()) < head.accumulator.lowest


def _wrapped(table: IntArray, bits: int) -> Table:
    """The words of ``bits`` bits that the numbers leave, where sums wrap."""
    return np.asarray(table).astype(np.int64).astype(f"int{bits}")


def _narrow(table: IntArray) -> Table:
    return table.astype(narrowest((int(table.min()), int(table.max()))))


def _padded(table: Table, multiple: int) -> Table:
    """``table`` with zeros behind its last axis."""
    missing = -table.shape[-1] % multiple
    return np.pad(table, [(0, 0)] * (table.ndim - 1) + [(0, missing)])
