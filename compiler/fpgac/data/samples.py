"""Samples and results as .npy files of any length: a part at a time is in memory."""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from fpgac.build.folder import disk_errors, require_replaceable
from fpgac.errors import DataError, Problem, Where

__all__ = ["Rows", "Samples", "SamplesFile", "results_file"]

Array = npt.NDArray[Any]


class Samples(Protocol):
    """``count`` samples that are read a lot at a time."""

    @property
    def count(self) -> int: ...

    def lots(self, most: int) -> Iterator[Array]:
        """The samples in order, shape (at most ``most``, numbers)."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples in memory, of shape (samples, numbers)."""

    rows: Array

    @property
    def count(self) -> int:
        return len(self.rows)

    def lots(self, most: int) -> Iterator[Array]:
        for first in range(0, self.count, most):
            yield self.rows[first : first + most]


@dataclass(frozen=True)
class SamplesFile:
    """The samples of an .npy file, each of ``size`` numbers.

    ``start`` is where in the file their numbers begin.
    """

    path: Path
    count: int
    size: int
    dtype: np.dtype[Any]
    start: int

    @classmethod
    def of(cls, path: Path, shape: tuple[int, ...]) -> SamplesFile:
        """The samples in ``path``, each a tensor of ``shape`` or its numbers in a row.

        Raises:
            DataError: the file cannot be read, or holds something else.
        """
        with _reading(path), path.open("rb") as file:
            found, fortran, dtype = _header(file)
            start, end = file.tell(), file.seek(0, os.SEEK_END)
        size = math.prod(shape)
        samples = cls(path, found[0] if found else 0, size, dtype, start)
        problems = [
            *_kind_problems(path, found, dtype, shape),
            *_layout_problems(path, fortran, end - start, samples),
        ]
        if problems:
            raise DataError(problems[0])
        return samples

    def lots(self, most: int) -> Iterator[Array]:
        """The samples in order, at most ``most`` at a time, as the file has them.

        Raises:
            DataError: the file cannot be read, or has become shorter meanwhile.
        """
        row = self.size * self.dtype.itemsize
        with _reading(self.path), self.path.open("rb") as file:
            file.seek(self.start)
            for first in range(0, self.count, most):
                rows = min(most, self.count - first)
                data = file.read(rows * row)
                if len(data) < rows * row:
                    raise DataError(_cut_off(self.path, f"sample {first + len(data) // row}"))
                yield np.frombuffer(data, self.dtype).reshape(rows, self.size)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what the disk, or numpy of a damaged header, says into an error that names the file."""
    try:
        yield
    except (OSError, ValueError, TypeError, TokenError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(
            Problem("no samples can be read", Where(path), "an .npy file", str(text))
        ) from None


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    formats: Any = np.lib.format
    version = formats.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"is an .npy file of version {version}, which is for structures")
    read = getattr(formats, f"read_array_header_{version[0]}_0")
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(file)
    return header


def _kind_problems(
    path: Path, found: tuple[int, ...], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> Iterator[Problem]:
    if (
        dtype.kind not in "fiu"
        or dtype.itemsize > 8
        or found[1:] not in (shape, (math.prod(shape),))
        or found[0] < 0
    ):
        yield Problem(
            "the samples do not fit the network",
            Where(path),
            expected=f"numbers of shape (n, {', '.join(map(str, shape))})",
            got=f"{dtype} of shape {found}",
        )


def _layout_problems(
    path: Path, fortran: bool, there: int, samples: SamplesFile
) -> Iterator[Problem]:
    if fortran and samples.size > 1 and samples.count > 1:
        yield Problem(
            "the samples lie column by column",
            Where(path),
            expected="one sample after the other",
            hint="save them with numpy.save(path, numpy.ascontiguousarray(X))",
        )
    if there < samples.count * samples.size * samples.dtype.itemsize:
        yield _cut_off(path, f"{there} bytes of them")


def _cut_off(path: Path, got: str) -> Problem:
    return Problem("the file is cut off", Where(path), expected="all its samples", got=got)


@contextlib.contextmanager
def results_file(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Iterator[Callable[[Array], None]]:
    """An .npy file of ``shape`` that appears whole; call it with its rows, in order.

    Raises:
        BuildError: the disk refuses.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with disk_errors(path):
        require_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                file.write(_header_bytes(shape, dtype))

                def write(rows: Array) -> None:
                    file.write(rows.astype(dtype, copy=False).tobytes())

                yield write
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _header_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    stream = io.BytesIO()
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    write: Any = np.lib.format.write_array_header_1_0
    write(stream, header)
    return stream.getvalue()
