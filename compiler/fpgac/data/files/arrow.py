"""Tables that pyarrow reads: CSV, with commas, semicolons or tabs, and Parquet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from fpgac.data.files.table import CHUNK, Array, Column, Table, library, unreadable
from fpgac.errors import DataError, Problem, Where

__all__ = ["CsvTable", "ParquetTable"]

_BLOCK: Final = 1 << 24
_LONGEST_HEADER: Final = 1 << 22
_NUMBER: Final = re.compile(r"\s*[-+]?(\d|\.\d|nan|inf)", re.IGNORECASE)


class CsvTable(Table):
    """Text with a row on each line. The first line names the columns, unless it holds numbers.

    Columns without names are ``column_0``, ``column_1``, ... A name that ends in ``.gz``, ``.bz2``
    or ``.zst`` says that the text is compressed.

    Raises:
        DataError: the file cannot be read, is empty, or names a column twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._csv, self._arrow = library("pyarrow.csv", "CSV"), library("pyarrow", "CSV")
        header = self._header()
        self._delimiter = max(",;\t", key=header.count)
        names = next(csv.reader([header], delimiter=self._delimiter))
        self._named = not any(map(_NUMBER.match, names))
        if not self._named:
            names = [f"column_{place}" for place in range(len(names))]
        self.columns = tuple(Column(name.strip()) for name in names)
        self._refuse_twins()

    def _header(self) -> str:
        try:
            with self._arrow.input_stream(str(self.path), compression="detect") as stream:
                text = stream.read(_LONGEST_HEADER).decode("utf-8-sig", errors="replace")
        except (OSError, self._arrow.ArrowException) as error:
            raise unreadable(self.path, "a CSV file", error) from None
        lines: list[str] = text.splitlines()
        if not lines or not lines[0].strip():
            raise DataError(
                Problem(
                    "the data file is empty",
                    Where(self.path, 1),
                    expected="a line with the names of the columns",
                    code="data.empty-file",
                )
            )
        return lines[0]

    def _refuse_twins(self) -> None:
        names = [column.name for column in self.columns]
        for name in names:
            if names.count(name) > 1:
                raise DataError(
                    Problem(
                        f"two columns are named {name!r}",
                        Where(self.path, 1, name),
                        expected="a name of its own for each column",
                        code="data.column-named-twice",
                    )
                )

    def chunks(self, names: Sequence[str], text: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """See :meth:`Table.chunks`."""
        done = 0
        try:
            for chunk in self._parsed(names, [name for name in names if name not in text]):
                yield chunk
                done += 1
        except self._arrow.ArrowInvalid:
            pass  # somewhere is no number: read as text, it can be named
        else:
            return
        try:
            yield from islice(self._parsed(names, ()), done, None)
        except self._arrow.ArrowException as error:
            raise unreadable(self.path, "a CSV file", error) from None

    def _parsed(self, names: Sequence[str], numbers: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """The columns in blocks; ``numbers`` must hold nothing else."""
        bad: list[Any] = []

        def refuse(row: Any) -> str:
            bad.append(row)
            return "skip"

        with self._opened(names, numbers, refuse) as reader:
            for batch in reader:
                if bad:
                    break
                yield {name: self._values(batch.column(name)) for name in names}
        if bad:
            raise self._ragged(bad[0])

    def _opened(self, names: Sequence[str], numbers: Sequence[str], refuse: Any) -> Any:
        csv_, arrow = self._csv, self._arrow
        types = {name: arrow.float64() if name in numbers else arrow.string() for name in names}
        return csv_.open_csv(
            str(self.path),
            read_options=csv_.ReadOptions(
                column_names=[column.name for column in self.columns],
                skip_rows=int(self._named),
                block_size=_BLOCK,
                use_threads=False,  # which is what numbers the rows
            ),
            parse_options=csv_.ParseOptions(delimiter=self._delimiter, invalid_row_handler=refuse),
            convert_options=csv_.ConvertOptions(
                include_columns=list(names), column_types=types, null_values=[]
            ),
        )

    def _values(self, column: Any) -> Array:
        """The column as numbers, or as text where it was read as text."""
        if self._arrow.types.is_floating(column.type):
            return np.asarray(column)
        trimmed = library("pyarrow.compute", "CSV").utf8_trim_whitespace(column)
        return np.array(trimmed.to_pylist(), dtype=object)

    def _ragged(self, row: Any) -> DataError:
        return DataError(
            Problem(
                "a row has another number of fields than the first line",
                Where(self.path),
                expected=f"{row.expected_columns} fields",
                got=f"{row.actual_columns} in row {row.number - self._named}: {row.text[:60]!r}",
                code="data.ragged",
            )
        )


class ParquetTable(Table):
    """A Parquet file; lists of a fixed length are arrays.

    Raises:
        DataError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._arrow = library("pyarrow", "Parquet")
        self._parquet = library("pyarrow.parquet", "Parquet")
        try:
            with self._parquet.ParquetFile(str(path)) as file:
                self.columns = tuple(map(self._column, file.schema_arrow))
        except (OSError, self._arrow.ArrowException) as error:
            raise unreadable(path, "a Parquet file", error) from None

    def _column(self, field: Any) -> Column:
        types, shape, inner = self._arrow.types, list[int](), field.type
        while types.is_fixed_size_list(inner):
            shape.append(inner.list_size)
            inner = inner.value_type
        ragged = types.is_list(inner) or types.is_large_list(inner)
        return Column(field.name, tuple(shape), ragged)

    def chunks(self, names: Sequence[str], text: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """See :meth:`Table.chunks`."""
        del text  # the file has types of its own
        shapes = {column.name: column.shape for column in self.columns}
        try:
            with self._parquet.ParquetFile(str(self.path)) as file:
                for batch in file.iter_batches(CHUNK, columns=list(names)):
                    yield {name: _unpacked(batch.column(name), shapes[name]) for name in names}
        except (OSError, self._arrow.ArrowException) as error:
            raise unreadable(self.path, "a Parquet file", error) from None


def _unpacked(column: Any, shape: Iterable[int]) -> Array:
    rows = len(column)
    for _ in shape:
        column = column.flatten()
    flat: Array = column.to_numpy(zero_copy_only=False)
    return flat.reshape(rows, *shape)
