"""A file as a table: columns by name, each a number or an array in every row, read in chunks."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.errors import DataError, Problem, ToolchainError, Where
from fpgac.tensors import exact_floats

__all__ = ["CHUNK", "Array", "Column", "Table", "as_numbers", "library", "unreadable"]

Array = npt.NDArray[Any]

# Rows that are in memory at a time, apart from those that are kept.
CHUNK: Final = 1 << 16


@dataclass(frozen=True)
class Column:
    """A column: ``shape`` is that of its value in one row, ``()`` of a number.

    ``ragged`` columns hold a list of another length in each row.
    """

    name: str
    shape: tuple[int, ...] = ()
    ragged: bool = False

    @property
    def size(self) -> int:
        """Numbers in one row."""
        return prod(self.shape)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each of its numbers: ``x``, or ``x[0,1]`` of an array."""
        if not self.shape:
            return (self.name,)
        return tuple(f"{self.name}[{','.join(map(str, i))}]" for i in np.ndindex(self.shape))


class Table(ABC):
    """The columns of a file, or of several whose columns stand side by side.

    ``path`` is the file that messages name.
    """

    path: Path
    columns: tuple[Column, ...]

    @abstractmethod
    def chunks(self, names: Sequence[str], text: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """The columns ``names`` in pieces of some rows each, in order, as arrays by name.

        An array has shape (rows, \\*column.shape), and holds numbers; or text, as objects, where
        the file holds text, and in all columns that ``text`` names.

        Raises:
            DataError: the file is damaged, or a row has too few or too many fields.
        """

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that the table is read from."""
        return (self.path,)


def as_numbers(path: Path, column: Column, values: Array, first: int) -> Array:
    """A chunk of a column as rows of finite floats, shape (rows, column.size).

    They are float32 where that holds each number exactly. ``first`` is the number of the chunk's
    first row, counted from 1.

    Raises:
        DataError: text, something missing, NaN or an infinity; the message names the row.
    """
    if values.dtype.kind not in "fiub":
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            raise _no_number(path, column, values, first) from None
    rows = exact_floats(values.reshape(len(values), column.size))
    finite = np.isfinite(rows)
    if not finite.all():
        row, place = (int(index) for index in np.argwhere(~finite)[0])
        raise DataError(
            Problem(
                "a value is no finite number",
                Where(path, key=column.names[place]),
                expected="finite numbers",
                got=f"{rows[row, place]} in row {first + row}",
                hint="remove such rows, or replace the values",
                code="data.not-finite",
            )
        )
    return rows


def _no_number(path: Path, column: Column, values: Array, first: int) -> DataError:
    row, value = next(
        (row, value) for row, value in enumerate(values.tolist()) if not _is_number(value)
    )
    if value is None or value == "":
        what, got = "a value is missing", f"nothing in row {first + row}"
    else:
        what, got = "a value is no number", f"{value!r} in row {first + row}"
    return DataError(
        Problem(
            what,
            Where(path, key=column.name),
            expected="a number in every row",
            got=got,
            hint="name the columns to use with 'features' and 'labels'",
            code="data.not-a-number",
        )
    )


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def library(module: str, kind: str) -> ModuleType:
    """The library that reads files of a kind, such as ``CSV``.

    Raises:
        ToolchainError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise ToolchainError(
            Problem(
                f"{kind} files are read by {name}, which is not installed",
                hint="pip install 'fpgac[data]'",
                code="toolchain.no-data-library",
            )
        ) from None


def unreadable(path: Path, kind: str, error: Exception) -> DataError:
    """The error of a file that is missing, damaged, or of another kind than its name says."""
    text = (isinstance(error, OSError) and error.strerror) or str(error).strip() or repr(error)
    return DataError(
        Problem(
            "the data file cannot be read",
            Where(path),
            expected=f"{kind}",
            got=" ".join(text.split())[:200],
            code="data.unreadable-file",
        )
    )
