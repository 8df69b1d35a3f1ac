"""Samples and results in files: .npy for one tensor, for several .npz with an array by each name.

Files of samples are mapped, so that they may be larger than memory; for that an .npz must not be
compressed. Files of results are written as they come, and appear whole or not at all.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zipfile
import zlib
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .contract import check_counts, check_names, check_shape
from .errors import BAD_FILE, HostError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .contract import Array, Form, Input, Output, Tensor

__all__ = ["Results", "new_file", "read_samples"]

# What numpy raises where a header is damaged.
_DAMAGE = (ValueError, TypeError, OverflowError, EOFError, SyntaxError, TokenError)


def read_samples(path: Path, inputs: Sequence[Input]) -> list[Array]:
    """The samples of each input in a file, mapped.

    Raises:
        HostError: the file cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            if len(inputs) == 1:
                return [_mapped(str(path), file, 0, os.fstat(file.fileno()).st_size, inputs[0])]
            return _read_archive(path, file, inputs)
    except OSError as error:
        raise HostError(BAD_FILE, f"{path}: cannot be read: {error.strerror}") from error


def _read_archive(path: Path, file: BinaryIO, inputs: Sequence[Input]) -> list[Array]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename: info for info in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        text = f"{path}: is no .npz file ({error}); write it with numpy.savez"
        raise HostError(BAD_FILE, text) from error
    names = [name[: -len(".npy")] if name.endswith(".npy") else name for name in members]
    check_names(f"{path}: holds the arrays", inputs, names)
    arrays = []
    for tensor in inputs:
        member = members[f"{tensor.name}.npy"]
        what = f"{path}: {member.filename}"
        start = _start_of_member(what, file, member)
        arrays.append(_mapped(what, file, start, member.file_size, tensor))
    check_counts(f"{path}: holds", inputs, list(map(len, arrays)))
    return arrays


def _start_of_member(what: str, file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Where in the file its bytes begin."""
    if member.compress_type != zipfile.ZIP_STORED:
        text = f"{what}: is compressed; write it with numpy.savez, not savez_compressed"
        raise HostError(BAD_FILE, text)
    if member.flag_bits & 1:
        raise HostError(BAD_FILE, f"{what}: is encrypted")
    file.seek(member.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\3\4":
        raise HostError(BAD_FILE, f"{what}: is cut off or damaged: no header of a member")
    name, extra = struct.unpack_from("<HH", header, 26)
    start = member.header_offset + 30 + name + extra
    if start + member.file_size > os.fstat(file.fileno()).st_size:
        raise HostError(BAD_FILE, f"{what}: is cut off")
    return int(start)


def _mapped(what: str, file: BinaryIO, start: int, size: int, tensor: Tensor) -> Array:
    """The samples in ``size`` bytes from ``start`` on, which are what numpy.save writes."""
    file.seek(start)
    if file.read(6) != b"\x93NUMPY":
        raise HostError(BAD_FILE, f"{what}: is no .npy file; write it with numpy.save")
    file.seek(start)
    try:
        shape, by_columns, dtype = _header(file)
    except _DAMAGE as error:
        raise HostError(BAD_FILE, f"{what}: is cut off or damaged: {error}") from error
    if dtype.str not in ("<f4", "<f8"):
        text = f"{what}: holds numbers of type {dtype}; expected float32 or float64"
        raise HostError(BAD_FILE, f"{text}, little-endian: save X.astype('<f4')")
    check_shape(f"{what}:", tensor, shape)
    begin, row = file.tell(), tensor.size * dtype.itemsize
    whole = (start + size - begin) // row
    if whole < shape[0]:
        text = f"is cut off: it holds {whole} whole samples, its header promises {shape[0]}"
        raise HostError(BAD_FILE, f"{what}: {text}")
    if not shape[0]:
        return np.empty(shape, dtype)
    order: Any = "F" if by_columns else "C"
    return np.memmap(file, dtype, "r", begin, shape, order)


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis is the fastest, and type; the file is left at the numbers."""
    formats: Any = np.lib.format
    version = formats.read_magic(file)
    if version == (1, 0):
        shape, by_columns, dtype = formats.read_array_header_1_0(file)
    elif version in ((2, 0), (3, 0)):  # they differ in the names of a record's fields
        shape, by_columns, dtype = formats.read_array_header_2_0(file)
    else:
        raise ValueError(f"it is of .npy version {version[0]}; versions 1 to 3 can be read")
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, by_columns, dtype


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears whole under its name, or not at all."""
    if path.exists() and not path.is_file():
        raise HostError(BAD_FILE, f"{path}: cannot be written: is no plain file")
    draft = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        try:
            with draft.open("wb") as file:
                yield file
            draft.replace(path)
        except OSError as error:
            raise HostError(BAD_FILE, f"{path}: cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


class Results:
    """The results of so many samples in a form, written batch by batch."""

    def __init__(self, file: BinaryIO, outputs: Sequence[Output], samples: int, form: Form) -> None:
        self._file, self._outputs, self._form = file, outputs, form
        self._members = _members(outputs, samples, form)
        for member in self._members:
            self._put(member, member.header)

    def write(self, words: Sequence[Array]) -> None:
        """The next raw words of each output."""
        for member, output, part in zip(self._members, self._outputs, words):
            self._put(member, output.result(part, self._form).tobytes())

    def finish(self) -> None:
        """Make an archive of several arrays, now that all are there."""
        if len(self._members) == 1:
            return
        directory = [member.entry() for member in self._members]
        for member in self._members:
            self._file.seek(member.start)
            self._file.write(member.local_header())
        end = self._members[-1].end
        self._file.seek(end)
        self._file.write(b"".join(directory) + _end_of_archive(directory, end))

    def _put(self, member: _Member, data: bytes) -> None:
        if len(self._members) > 1:
            self._file.seek(member.next)
        self._file.write(data)
        member.next += len(data)
        member.crc = zlib.crc32(data, member.crc)


# The lengths of a member's header in the archive, without its name and with its sizes of 64 bits.
_LOCAL_HEADER = 30 + 20
# A member has no date, so that the same results are the same bytes: 1980-01-01.
_VERSION, _STORED, _TIME, _DATE = 45, 0, 0, 0x21
_IN_64_BITS = 0xFFFFFFFF


class _Member:
    """An array in a file of results, which begins at ``start``, with its header if it has one."""

    def __init__(self, name: str, header: bytes, size: int, start: int, alone: bool) -> None:
        self.name, self.header, self.start = name.encode(), header, start
        self.size = len(header) + size
        self.next = start if alone else start + _LOCAL_HEADER + len(self.name)
        self.end = self.next + self.size
        self.crc = 0

    def local_header(self) -> bytes:
        """What stands before it in the archive."""
        sizes = struct.pack("<HHQQ", 1, 16, self.size, self.size)
        fields = (self.crc, _IN_64_BITS, _IN_64_BITS, len(self.name), len(sizes))
        head = struct.pack("<HHHHHIIIHH", _VERSION, 0, _STORED, _TIME, _DATE, *fields)
        return b"PK\3\4" + head + self.name + sizes

    def entry(self) -> bytes:
        """Its entry in the archive's directory."""
        sizes = struct.pack("<HHQQQ", 1, 24, self.size, self.size, self.start)
        fields = (self.crc, _IN_64_BITS, _IN_64_BITS, len(self.name), len(sizes))
        head = struct.pack("<HHHHHHIIIHH", _VERSION, _VERSION, 0, _STORED, _TIME, _DATE, *fields)
        return b"PK\1\2" + head + struct.pack("<HHHII", 0, 0, 0, 0, _IN_64_BITS) + self.name + sizes


def _members(outputs: Sequence[Output], samples: int, form: Form) -> list[_Member]:
    members: list[_Member] = []
    for output in outputs:
        dtype = output.dtype(form)
        header = io.BytesIO()
        write: Any = np.lib.format.write_array_header_1_0
        shape = (samples, *output.shape_of(form))
        write(header, {"descr": dtype.str, "fortran_order": False, "shape": shape})
        size, start = prod(shape) * dtype.itemsize, members[-1].end if members else 0
        name, alone = f"{output.name}.npy", len(outputs) == 1
        members.append(_Member(name, header.getvalue(), size, start, alone))
    return members


def _end_of_archive(directory: Sequence[bytes], start: int) -> bytes:
    """What follows the directory, which begins at ``start``."""
    count, size = len(directory), sum(map(len, directory))
    record = struct.pack("<QHHIIQQQQ", 44, _VERSION, _VERSION, 0, 0, count, count, size, start)
    locator = struct.pack("<IQI", 0, start + size, 1)
    last = struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, _IN_64_BITS, _IN_64_BITS, 0)
    return b"PK\6\6" + record + b"PK\6\7" + locator + b"PK\5\6" + last
