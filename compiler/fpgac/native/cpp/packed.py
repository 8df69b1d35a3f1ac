"""A Dot on packs, with dot-product instructions: tiles of filters by registers of samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from fpgac.native.cpp.elementwise import rounding_offset
from fpgac.native.cpp.functions import Home, Table, wrapped
from fpgac.native.cpp.levels import TILE, Form
from fpgac.native.cpp.packing import Packing
from fpgac.native.cpp.stages import StageWriter
from fpgac.numbers import FixedPoint, Rounding
from fpgac.program.program import Dot

__all__ = ["PackedDotWriter"]

_SIMPLE = (Rounding.TRN, Rounding.RND, Rounding.RND_MIN_INF, Rounding.RND_CONV)


class PackedDotWriter(StageWriter):
    """Writes a stage whose head is a Dot on packs."""

    def write(self) -> None:
        """Everything."""
        if not self._bytes_type:
            self.write_chain(self._late_bias())
            self.write_keep(4)
        rows, groups, windows = self._rows(), len(self._lanes), len(self.dot.windows)
        if self.packing.shift == 0:
            self.function.table(wrapped(self.dot.bias[0] + self._offset, 32), "bias")
        if windows > 1:
            self.function.table(rows, "rows")
            self.function.add(f"for (int window = 0; window < {windows}; window++) {{")
            self.function.add(f"const int32_t* at = rows + window * {groups};")
        if self.dot in self.plan.written_out:
            self._straight(rows)
        else:
            if windows == 1:
                self.function.add(f"const int32_t* at = {self.function.table(rows, 'rows')};")
            self._looped()
        if windows > 1:
            self.function.add("}")

    @property
    def dot(self) -> Dot:
        """The head."""
        assert isinstance(self.stage.head, Dot)
        return self.stage.head

    @property
    def packing(self) -> Packing:
        """How its products are packed."""
        return self.plan.packings[self.dot]

    @property
    def filters(self) -> int:
        """The sums of one window."""
        return int(self.dot.weights.shape[2])

    # --- what becomes of the sums

    @cached_property
    def offset_in_bias(self) -> bool:
        """Whether the biases hold the offset of the rounding that is all that follows."""
        return self.packing.shift == 0 and self.plan.only_cast(self.stage) is not None

    @property
    def _cut(self) -> int:
        """The bits that are rounded off where the offset is in the biases."""
        cast = self.plan.only_cast(self.stage)
        return cast.x.fraction - cast.to.fraction if cast else 0

    @property
    def _offset(self) -> int:
        cast = self.plan.only_cast(self.stage)
        return rounding_offset(cast.to.rounding, self._cut) if cast else 0

    @cached_property
    def _bytes_type(self) -> FixedPoint | None:
        """The type of bytes to which the sums are rounded, if that is all and they are packed."""
        cast = self.plan.only_cast(self.stage)
        quads = self.offset_in_bias and Form.QUADS in self.plan.level.dots
        if cast is None or not quads or cast.to.rounding not in _SIMPLE:
            return None
        return cast.to if 0 <= self._cut < 31 and self.plan.ends_in_bytes(self.stage) else None

    def _late_bias(self) -> Sequence[str]:
        """The bias that is added once the sums have been shifted."""
        if not self.packing.shift:
            return []
        bias = self.function.table(wrapped(self.dot.bias[0], 32), "bias")
        return [f"v = (v << {self.packing.shift}) + {bias}[e % {self.filters}];"]

    # --- packs

    @cached_property
    def _lanes(self) -> Table:
        """The packed weights, shape (groups, filters)."""
        bits = 32 // self.packing.form.value
        parts = self.packing.weights & ((1 << bits) - 1)
        lanes = (parts << bits * np.arange(self.packing.form.value)).sum(axis=2)
        return wrapped(lanes, 32)

    def _rows(self) -> Table:
        """``x``, the first of the packs' rows, and each window's, as a distance from there."""
        layout = self.layout
        packs, form = self.packing.packs, self.packing.form
        if self.plan.in_place(self.dot):
            home = layout.homes[self.dot.x, form]
            row = packs.max(axis=1) // form.value
            row[packs.max(axis=1) < 0] = -(home.offset // layout.lane_row)
        else:
            home = layout.packs[self.dot]
            row = np.arange(len(packs))
            self._pack(home)
        self.function.memory("x", Home(home.offset, "int32_t"))
        return wrapped(row[self.packing.windows], 32)

    def _pack(self, home: Home) -> None:
        form = self.packing.form
        x = self.function.memory("x0", self.layout.homes[self.dot.x, Form.PLAIN])
        packs = self.function.table(self.packing.packs.astype(np.int32), "packs")
        y = self.function.memory("packed", Home(home.offset, "int32_t"), constant=False)
        stored = {
            Form.QUADS: f"store_quad({y} + pack * BLOCK + s, v);",
            Form.PAIRS: f"store_pair({y} + pack * BLOCK + s, v[0], v[1]);",
        }[form]
        self.function.add(
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

    # --- tiles

    def _straight(self, rows: Table) -> None:
        """Every product with a weight that is not zero, written out."""
        at = rows[0] if len(rows) == 1 else [f"at[{group}]" for group in range(len(self._lanes))]
        used: list[int] = []
        for first in range(0, self.filters, self.plan.level.filters):
            names, products = self._names(self.filters - first), []
            for row, weights in zip(at, self._lanes[:, first:], strict=True):
                adds = [(a, weight) for a, weight in zip(names, weights, strict=False) if weight]
                if adds:
                    products.append(f"ROW(x + {row} * BLOCK + s);")
                for a, weight in adds:
                    products.append(f"ADD_{self.packing.form.name}({a}, weights, {len(used)});")
                    used.append(int(weight))
            self._tile(str(first), names, products)
        self.function.table(np.array(used, np.int32), "weights")

    def _looped(self) -> None:
        """All products, in a loop over tiles of filters, and what remains of them."""
        wide = self.plan.level.filters
        whole = self.filters // wide * wide
        tiles = [self._lanes[:, first : first + wide] for first in range(0, self.filters, wide)]
        self.function.table(np.concatenate([tile.ravel() for tile in tiles]), "weights")
        if whole:
            self.function.add(f"for (int f = 0; f < {whole}; f += {wide}) {{")
            self._tile("f", self._names(wide), self._loop("f", wide))
            self.function.add("}")
        if rest := self.filters - whole:
            self._tile(str(whole), self._names(rest), self._loop(str(whole), rest))

    def _loop(self, first: str, count: int) -> list[str]:
        groups = len(self._lanes)
        return [
            f"const int32_t* weight = weights + {first} * {groups};",
            f"for (int group = 0; group < {groups}; group++, weight += {count}) {{",
            "    ROW(x + at[group] * BLOCK + s);",
            *(
                f"    ADD_{self.packing.form.name}({a}, weight, {j});"
                for j, a in enumerate(self._names(count))
            ),
            "}",
        ]

    def _names(self, filters: int) -> str:
        return "abcdefgh"[: min(filters, self.plan.level.filters)]

    def _tile(self, first: str, names: str, products: Sequence[str]) -> None:
        """The sums called ``names``, of the filters from ``first`` on, for all samples."""
        several = len(self.dot.windows) > 1
        element = f"window * {self.filters} + {first}" if several else first
        starts = [f"splat<V>(bias[{first} + {j}])" for j in range(len(names))]
        if self.packing.shift:
            starts = ["V{}"] * len(names)
        lines = ["REGISTERS;"]
        lines += [f"SUMS({a}, {start});" for a, start in zip(names, starts, strict=True)]
        lines += products
        for j in range(0, len(names), 4):
            four = names[j : j + 4]
            e = f"{element} + {j}" if j else element
            lines += self._bytes(e, four) if self._bytes_type else self._ends(e, four)
        self.function.add("for (int s = 0; s < BLOCK; s += TILE * LANES<V>) {")
        self.function.add("\n".join(f"    {line}" for line in lines))
        self.function.add("}")

    def _ends(self, element: str, names: str) -> Iterator[str]:
        """What follows on up to four sums for each sample of a tile."""
        at = "s + i * LANES<V>"
        yield "for (int i = 0; i < TILE; i++) {"
        yield f"    const V sums[][TILE] = {{{', '.join(f'TILED({a})' for a in names)}}};"
        yield f"    {self.room(4)}"
        for j in range(len(names)):
            yield f"    {self.chained(f'sums[{j}][i]', f'{element} + {j}', at, str(j))}"
        yield f"    {self.keeping(element, at, str(len(names)))}"
        yield "}"

    def _bytes(self, element: str, names: str) -> Iterator[str]:
        """The same where they are cast to packed bytes."""
        ((value, form),) = self.kept
        y = self.function.memory("y0", self.layout.homes[value, form], constant=False)
        convergent = self._bytes_type is not None and self._bytes_type.rounding is Rounding.RND_CONV
        for i in range(TILE):
            sums = [f"{a}{i}" for a in names] + ["V{}"] * (4 - len(names))
            row = f"{y} + ({element}) / 4 * BLOCK + s + {i} * LANES<V>"
            end = f"store_bytes<{self._cut}, {str(convergent).lower()}>"
            yield f"{end}({row}, {', '.join(sums)});"
