"""Arrays in files: ``.npy``, ``.npz`` and HDF5. The fields of a structured array are columns."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from fpgac.data.files.table import CHUNK, Array, Column, Table, unreadable
from fpgac.errors import DataError, Problem, Where

__all__ = ["ArrayTable", "hdf5", "npy", "npz"]

_DAMAGES: Final = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)

# What opens the arrays of a file, by name.
_Open = Callable[[], AbstractContextManager[Mapping[str, Any]]]


class ArrayTable(Table):
    """Arrays by name, with one row a sample; ``kind`` is what messages call the files.

    Raises:
        DataError: the file cannot be read, or the arrays have different numbers of rows.
    """

    def __init__(self, paths: Sequence[Path], kind: str, opened: _Open) -> None:
        self.path, self._paths, self._kind, self._opened = paths[0], tuple(paths), kind, opened
        with self._reading() as arrays:
            self._fields = {
                name: (array, field)
                for array, values in arrays.items()
                for name, field in _fields_of(array, values, len(arrays) == 1)
            }
            self.columns = tuple(
                Column(name, _field_shape(arrays[array], field))
                for name, (array, field) in self._fields.items()
            )
            self._counts = {name: len(values) for name, values in arrays.items()}

    @property
    def files(self) -> tuple[Path, ...]:
        """See :attr:`Table.files`."""
        return self._paths

    def chunks(self, names: Sequence[str], text: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """See :meth:`Table.chunks`."""
        del text  # arrays have types of their own
        rows = self._rows(names)
        with self._reading() as arrays:
            whole = {self._fields[name][0] for name in names}
            read = {name: arrays[name] for name in whole}
            for first in range(0, rows, CHUNK):
                yield {name: self._piece(read, name, first) for name in names}

    def _piece(self, arrays: Mapping[str, Any], name: str, first: int) -> Array:
        array, field = self._fields[name]
        piece = np.asarray(arrays[array][first : first + CHUNK])
        values = piece[field] if field else piece
        return values.astype(str).astype(object) if values.dtype.kind == "S" else values

    def _rows(self, names: Sequence[str]) -> int:
        counts = {self._fields[name][0]: self._counts[self._fields[name][0]] for name in names}
        if len(set(counts.values())) > 1:
            raise DataError(
                Problem(
                    "the arrays have different numbers of rows",
                    Where(self.path),
                    expected="a row for each sample in all of them",
                    got=", ".join(f"{count} in {name!r}" for name, count in counts.items()),
                    code="data.unequal-arrays",
                )
            )
        return next(iter(counts.values()), 0)

    def _reading(self) -> AbstractContextManager[Mapping[str, Any]]:
        try:
            return self._opened()
        except _DAMAGES as error:
            raise unreadable(self.path, self._kind, error) from None


def npy(paths: Sequence[Path]) -> ArrayTable:
    """One ``.npy`` file or several, mapped into memory; each array has its file's name.

    The columns of a single array of shape (rows, columns) are ``column_0``, ``column_1``, ...
    """

    def opened() -> AbstractContextManager[Mapping[str, Any]]:
        mapped: Any = np.lib.format.open_memmap
        arrays = {path.stem: mapped(path, mode="r") for path in paths}
        if len(arrays) == 1:
            arrays = _split_columns(arrays)
        return nullcontext(_sampled(arrays))

    return ArrayTable(paths, "an .npy file", opened)


def npz(path: Path) -> ArrayTable:
    """An archive of ``numpy.savez``, unpacked into memory."""

    @cache
    def opened() -> AbstractContextManager[Mapping[str, Any]]:
        if not zipfile.is_zipfile(path):
            raise ValueError("no zip archive")
        with np.load(path, allow_pickle=False) as archive:
            return nullcontext(_sampled({name: archive[name] for name in archive.files}))

    return ArrayTable([path], "an .npz archive", opened)


def hdf5(path: Path) -> ArrayTable:
    """All data sets of an HDF5 file, by their paths in it."""
    import h5py

    def opened() -> AbstractContextManager[Mapping[str, Any]]:
        file = h5py.File(path)
        found: dict[str, Any] = {}

        def visit(name: str, thing: object) -> None:
            if isinstance(thing, h5py.Dataset):
                found[name] = thing

        file.visititems(visit)
        return _Held(file, _sampled(found))

    return ArrayTable([path], "an HDF5 file", opened)


class _Held(closing[Any]):
    """The arrays of a file that stays open as long as they are read."""

    def __init__(self, file: Any, arrays: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._arrays = arrays

    def __enter__(self) -> Any:
        return self._arrays


def _sampled(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those that can have a row for each sample, which single numbers have not."""
    return {name: array for name, array in arrays.items() if len(array.shape)}


def _split_columns(arrays: Mapping[str, Any]) -> dict[str, Any]:
    ((name, array),) = arrays.items()
    if len(array.shape) != 2 or array.dtype.names:
        return {name: array}
    return {f"column_{place}": array[:, place] for place in range(array.shape[1])}


def _fields_of(name: str, array: Any, alone: bool) -> list[tuple[str, str]]:
    """The columns of an array with the field of each: ``x``, or of structures ``x.field``."""
    if not array.dtype.names:
        return [(name, "")]
    prefix = "" if alone else f"{name}."
    return [(f"{prefix}{field}", field) for field in array.dtype.names]


def _field_shape(array: Any, field: str) -> tuple[int, ...]:
    inner: tuple[int, ...] = array.dtype[field].shape if field else ()
    return (*array.shape[1:], *inner)
