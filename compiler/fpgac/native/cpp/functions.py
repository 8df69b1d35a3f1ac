"""A C++ function under construction, and where the values that it works on lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.native.cpp.lanes import narrowest
from fpgac.native.cpp.levels import Form
from fpgac.native.cpp.memory import Constants
from fpgac.numbers import IntArray
from fpgac.program.program import Operation, Value

__all__ = ["Function", "Home", "Layout", "Table", "narrow", "wrapped"]

Table = npt.NDArray[np.integer[Any]]


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


def wrapped(table: IntArray, bits: int) -> Table:
    """The words of ``bits`` bits that numbers leave where sums wrap."""
    return np.asarray(table).astype(np.int64).astype(f"int{bits}")


def narrow(table: IntArray) -> Table:
    """The same numbers in the narrowest type that holds them."""
    return table.astype(narrowest((int(table.min()), int(table.max()))))
