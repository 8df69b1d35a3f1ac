"""Samples and results as files of any length: .npy for one tensor, .npz for several, by name.

One batch at a time is in memory, as rows: all the numbers of a sample, end to end.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from fpgac.build.folder import disk_errors, require_replaceable
from fpgac.errors import DataError, Problem, Where
from fpgac.tensors import Layout, Tensor

__all__ = ["Rows", "Samples", "SamplesFile", "results_file"]

Array = npt.NDArray[Any]

# What numpy and zipfile raise for files that are damaged or of an unknown kind.
_DAMAGES = (
    *(OSError, EOFError, ValueError, TypeError, TokenError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, LZMAError),
)


class Samples(Protocol):
    """``count`` samples that are read one batch at a time."""

    @property
    def count(self) -> int: ...

    def batches(self, most: int) -> Iterator[Array]:
        """The samples in order as rows, shape (at most ``most``, numbers)."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples in memory, of shape (samples, numbers)."""

    rows: Array

    @property
    def count(self) -> int:
        return len(self.rows)

    def batches(self, most: int) -> Iterator[Array]:
        for first in range(0, self.count, most):
            yield self.rows[first : first + most]


# Reads some samples, after those that it read before.
_Reader = Callable[[range], Array]


@dataclass(frozen=True)
class _Part:
    """One array of samples, each of ``size`` numbers: an .npy file, or a member of an .npz.

    ``start`` is where in it the numbers begin, and ``shape`` that of the whole array, whose first
    axis is the fastest where it lies ``by_columns``.
    """

    where: Where
    member: str | None
    shape: tuple[int, ...]
    size: int
    dtype: np.dtype[Any]
    by_columns: bool
    start: int

    @property
    def count(self) -> int:
        """How many samples there are."""
        return self.shape[0] if self.shape else 0

    @property
    def row(self) -> int:
        """Bytes of one sample."""
        return self.size * self.dtype.itemsize

    def reader(self, stream: IO[bytes]) -> _Reader:
        """What reads samples of shape (len(rows), size) from the stream, which is at the first.

        Those that lie by columns are mapped, or of an archive unpacked into memory.
        """
        if not self.by_columns:
            return lambda rows: self._next(stream, rows)
        if self.member:
            whole = self._next(stream, range(self.count)).ravel().reshape(self.shape, order="F")
        else:
            whole = np.memmap(stream, self.dtype, "r", self.start, self.shape, "F")
        return lambda rows: whole[rows.start : rows.stop].reshape(len(rows), self.size)

    def _next(self, stream: IO[bytes], rows: range) -> Array:
        """The samples ``rows``, which come next in the stream."""
        data = stream.read(len(rows) * self.row)
        if len(data) < len(rows) * self.row:
            raise DataError(_cut_off(self.where, f"sample {rows.start + len(data) // self.row}"))
        return np.frombuffer(data, self.dtype).reshape(len(rows), self.size)


@dataclass(frozen=True)
class SamplesFile:
    """The samples of an .npy file, or of an .npz archive with a member for each tensor."""

    path: Path
    layout: Layout
    count: int
    _parts: tuple[_Part, ...]

    @classmethod
    def of(cls, path: Path, layout: Layout) -> SamplesFile:
        """The samples of ``layout`` in ``path``, which is an .npy or .npz file by its content.

        An .npy file holds one tensor's samples, of shape (n, \\*shape), or rows, of shape
        (n, numbers), in C or Fortran order. The members of an archive have the names of the
        tensors.

        Raises:
            DataError: the file cannot be read, or holds something else.
        """
        with _reading(path), path.open("rb") as file:
            parts = (_archived if _is_archive(file) else _alone)(path, file, layout)
        if len(parts) > 1:
            layout.check_counts([part.count for part in parts], Where(path))
        return cls(path, layout, parts[0].count, parts)

    def batches(self, most: int) -> Iterator[Array]:
        """The samples in order as rows, at most ``most`` at a time, as the file has them.

        Raises:
            DataError: the file cannot be read, or has become shorter meanwhile.
        """
        with _reading(self.path), _readers(self.path, self._parts) as readers:
            for first in range(0, self.count, most):
                rows = range(first, min(first + most, self.count))
                yield self.layout.joined([read(rows) for read in readers])


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Report errors of the disk, and of damaged files, with the name of the file."""
    try:
        yield
    except _DAMAGES as error:
        text = (isinstance(error, OSError) and error.strerror) or str(error)
        raise DataError(
            Problem(
                "no samples can be read",
                Where(path),
                expected="an .npy or .npz file",
                got=text,
                code="data.unreadable",
            )
        ) from None


@contextlib.contextmanager
def _readers(path: Path, parts: tuple[_Part, ...]) -> Iterator[tuple[_Reader, ...]]:
    """What reads each part."""
    with contextlib.ExitStack() as opened:
        file: IO[bytes] = opened.enter_context(path.open("rb"))
        archive = opened.enter_context(zipfile.ZipFile(file)) if parts[0].member else None
        readers = []
        for part in parts:
            if archive and part.member:
                file = opened.enter_context(archive.open(part.member))
            file.seek(part.start)
            readers.append(part.reader(file))
        yield tuple(readers)


def _is_archive(file: IO[bytes]) -> bool:
    start = file.read(4)
    file.seek(0)
    return start in (b"PK\x03\x04", b"PK\x05\x06")


def _alone(path: Path, file: IO[bytes], layout: Layout) -> tuple[_Part, ...]:
    length = os.fstat(file.fileno()).st_size
    return (_part(Where(path), None, file, length, layout),)


def _archived(path: Path, file: IO[bytes], layout: Layout) -> tuple[_Part, ...]:
    parts, problems = list[_Part](), list[Problem]()
    with zipfile.ZipFile(file) as archive:
        layout.check_names([name.removesuffix(".npy") for name in archive.namelist()], Where(path))
        for tensor in layout.tensors:
            where, member = Where(path, key=tensor.name), archive.getinfo(f"{tensor.name}.npy")
            try:
                with archive.open(member) as stream:
                    alone = Layout((tensor,))
                    parts.append(_part(where, member.filename, stream, member.file_size, alone))
            except DataError as error:
                problems += error.problems
    if problems:
        raise DataError(*problems)
    return tuple(parts)


def _part(
    where: Where, member: str | None, stream: IO[bytes], length: int, layout: Layout
) -> _Part:
    """The samples of ``layout`` in an .npy stream of ``length`` bytes.

    Raises:
        DataError: it holds something else, or not all of them.
    """
    shape, by_columns, dtype = _header(stream)
    own_order = by_columns and 0 not in shape  # of nothing there is no order
    part = _Part(where, member, shape, layout.size, dtype, own_order, stream.tell())
    problems = [
        *_kind_problems(where, shape, dtype, layout),
        *_length_problems(part, length - part.start),
    ]
    if problems:
        raise DataError(problems[0])
    return part


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    formats: Any = np.lib.format
    version = formats.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"an .npy file of version {version[0]}")
    # Versions 2 and 3 differ in the names of a structure's fields.
    read = getattr(formats, f"read_array_header_{min(version[0], 2)}_0")
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(file)
    return header


def _kind_problems(
    where: Where, shape: tuple[int, ...], dtype: np.dtype[Any], layout: Layout
) -> Iterator[Problem]:
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        yield Problem(
            "the samples are not numbers that fpgac can read",
            where,
            expected="integers, or floats of 16, 32 or 64 bits",
            got=str(dtype),
            code="data.not-numbers",
        )
    if shape[1:] not in layout.sample_shapes or shape[0] < 0:
        yield Problem(
            "the samples do not fit the network",
            where,
            expected=f"shape {layout.array_shape}",
            got=str(shape),
            code="data.wrong-shape",
        )


def _length_problems(part: _Part, there: int) -> Iterator[Problem]:
    if there < part.count * part.row:
        yield _cut_off(part.where, f"{there} bytes of them")


def _cut_off(where: Where, got: str) -> Problem:
    return Problem(
        "the file is cut off", where, expected="all its samples", got=got, code="data.cut-off"
    )


@contextlib.contextmanager
def results_file(
    path: Path, layout: Layout, samples: int, *, raw: bool, decoded: bool = True
) -> Iterator[Callable[[Array], None]]:
    """A file for this many results, which only appears complete; call it with rows, in order.

    A ``path`` that ends in .npz becomes an archive with a member for each tensor of ``layout``, any
    other an .npy file of the only one. The rows are raw words where ``raw`` says so, or numbers:
    those are written as what they mean where a tensor has a decoding and ``decoded`` does not say
    otherwise, and else as the narrowest floats that represent each exactly.

    Raises:
        BuildError: the file cannot be written.
        DataError: several tensors are to go into an .npy file.
    """
    archived = path.suffix == ".npz"
    if len(layout.tensors) > 1 and not archived:
        raise DataError(
            Problem(
                "several outputs do not fit into one array",
                Where(path),
                expected="a file that ends in .npz",
                hint=f"--out {path.with_suffix('.npz').name}",
                code="data.not-an-archive",
            )
        )
    with disk_errors(path), contextlib.ExitStack() as ended:
        require_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        drafts = [_draft(path, str(place), ended) for place in range(len(layout.tensors))]
        with contextlib.ExitStack() as opened:
            files = [opened.enter_context(draft.open("wb")) for draft in drafts]
            plain = layout if decoded and not raw else layout.with_decoding({})
            yield _writer(plain, files, samples, raw)
        whole = drafts[0]
        if archived:
            whole = _draft(path, "npz", ended)
            names = [f"{tensor.name}.npy" for tensor in layout.tensors]
            _pack(whole, dict(zip(names, drafts, strict=True)))
        whole.replace(path)


def _draft(path: Path, kind: str, ended: contextlib.ExitStack) -> Path:
    """A temporary file next to ``path`` that is removed in the end."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{kind}")
    ended.callback(draft.unlink, missing_ok=True)
    return draft


def _writer(
    layout: Layout, files: Sequence[IO[bytes]], samples: int, raw: bool
) -> Callable[[Array], None]:
    """Writes rows, each tensor's columns into its own .npy file."""
    for file, tensor in zip(files, layout.tensors, strict=True):
        decoding = tensor.decoding
        shape = decoding.shape(tensor.shape) if decoding else tensor.shape
        file.write(_header_bytes((samples, *shape), _written_dtype(tensor, raw)))

    def write(rows: Array) -> None:
        parts = layout.named(rows.reshape(len(rows), layout.size)).values()
        for file, part, tensor in zip(files, parts, layout.tensors, strict=True):
            result = tensor.meant(part).astype(_written_dtype(tensor, raw), copy=False)
            file.write(result.tobytes())

    return write


def _written_dtype(tensor: Tensor, raw: bool) -> np.dtype[Any]:
    if raw:
        return tensor.type.dtype
    return tensor.decoding.dtype if tensor.decoding else tensor.type.float_dtype


def _header_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    stream = io.BytesIO()
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    write: Any = np.lib.format.write_array_header_1_0
    write(stream, header)
    return stream.getvalue()


def _pack(archive: Path, files: Mapping[str, Path]) -> None:
    """Put the files into an archive as ``numpy.savez`` does, but without the time of day."""
    with zipfile.ZipFile(archive, "w") as members:
        for name, file in files.items():
            with (
                file.open("rb") as content,
                members.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member,
            ):
                shutil.copyfileobj(content, member, 1 << 20)
