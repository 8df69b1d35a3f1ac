"""The output folder: fpgac's own, one run at a time, every file whole or not there at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.digest import digest_bytes, digest_file
from fpgac.errors import BuildError, Problem, Where

__all__ = [
    "LOCK_NAME",
    "File",
    "Files",
    "disk_errors",
    "locked",
    "npy_bytes",
    "replaced",
    "require_replaceable",
    "require_unlocked",
    "write_tree",
    "write_whole",
]

LOCK_NAME = "fpgac.lock"

_MOMENT_SECONDS: Final = 1.0


@dataclass(frozen=True)
class File:
    """What a file holds, and whether it may be executed."""

    content: bytes
    executable: bool = False


# Files by their relative POSIX paths.
Files = Mapping[str, File]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this run alone; it is made if need be.

    Raises:
        BuildError: it holds files that are not fpgac's, another run writes it, or it cannot be
            made.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        # Should fpgac be killed, its compilers still hold the folder until they end.
        os.set_inheritable(descriptor, True)
    try:
        if not _is_taken(descriptor):
            hint = "wait for it to end, or give another folder with --out"
            raise BuildError(_being_written(folder, hint))
        _refuse_foreign(folder)
        with disk_errors(folder):
            _sweep(folder)
        try:
            yield
        finally:
            # Compilers killed on the way may keep the descriptor open for a moment longer.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    """Whether the folder is this run's now; what a killed run had begun takes a moment to end."""
    until = time.monotonic() + _MOMENT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)


def require_unlocked(folder: Path) -> None:
    """Nothing, unless another run of fpgac is writing ``folder``: then it is not to be read yet.

    Raises:
        BuildError: it is.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # whoever reads says what is wrong
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BuildError(_being_written(folder, "wait for it to end, then run again")) from None
    finally:
        os.close(descriptor)


def _being_written(folder: Path, hint: str) -> Problem:
    what = "another fpgac is writing this folder"
    return Problem(what, Where(folder), hint=hint, code="build.locked")


def _refuse_foreign(folder: Path) -> None:
    names = sorted(entry.name for entry in folder.iterdir() if not _is_lock_draft(entry))
    if names and LOCK_NAME not in names:
        raise BuildError(
            Problem(
                "this folder is not fpgac's own: nothing was written",
                Where(folder),
                expected=f"an empty folder, or one with {LOCK_NAME}",
                got=", ".join(names[:5]) + (", ..." if len(names) > 5 else ""),
                hint="give another folder with --out",
                code="build.foreign-folder",
            )
        )


# What a killed run was writing: see :func:`replaced`.
_DRAFT: Final = re.compile(r"\.(.+)\.[0-9a-f]{8}")

# Where the vendor's tools write, and not fpgac; there may be very many files.
_NOT_SWEPT: Final = frozenset({"_x", "out"})


def _is_lock_draft(path: Path) -> bool:
    draft = _DRAFT.fullmatch(path.name)
    return draft is not None and draft[1] == LOCK_NAME


def _sweep(folder: Path) -> None:
    """Remove what a killed run left half-written."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_SWEPT]
        for name in filter(_DRAFT.fullmatch, names):
            Path(place, name).unlink()


@contextlib.contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        hints = {
            errno.ENOSPC: "free some space; what was built before is kept and reused",
            errno.EDQUOT: "free some of your quota; what was built before is kept and reused",
            errno.EACCES: "give a folder that you may write with --out",
            errno.EROFS: "give a folder on a writable disk with --out",
            errno.EEXIST: "there is a file where a folder is needed; give another with --out",
            errno.ENOTDIR: "there is a file where a folder is needed; give another with --out",
        }
        raise BuildError(
            Problem(
                f"cannot write: {error.strerror or error}",
                Where(Path(error.filename) if isinstance(error.filename, str) else place),
                hint=hints.get(error.errno or 0, ""),
                code="build.cannot-write",
            )
        ) from error


def write_whole(path: Path, content: bytes, *, executable: bool = False) -> None:
    """Write a file so that it appears whole, with its folders; keep it if nothing changed."""
    mode = 0o755 if executable else 0o644
    if path.is_file() and path.read_bytes() == content:
        path.chmod(mode)
        return
    with replaced(path, mode) as draft:
        draft.write_bytes(content)


@contextlib.contextmanager
def replaced(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """A file beside ``path`` to write, which takes its place, whole, when the block ends well.

    The folders of ``path`` are made if need be.
    """
    require_replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield draft
        draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def require_replaceable(path: Path) -> None:
    """Nothing, unless there is something other than a file at ``path``: a folder or a device.

    Raises:
        OSError: there is.
    """
    if path.exists() and not path.is_file():
        text = (
            os.strerror(errno.EISDIR) if path.is_dir() else "this is no file that can be replaced"
        )
        raise OSError(errno.EINVAL, text, str(path))


def npy_bytes(array: npt.NDArray[Any]) -> bytes:
    """What ``numpy.save`` writes of ``array``."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array))
    return stream.getvalue()


def write_tree(folder: Path, files: Files, written: Mapping[str, str]) -> list[str]:
    """Bring ``folder`` to hold ``files``; the paths whose edited versions were set aside.

    ``written`` gives the digest of what an earlier run wrote at each path. Files of that run that
    are no longer wanted go; a file that someone has edited since is kept beside as ``NAME.edited``.
    """
    edited = [path for path in written if _is_edited(folder, path, files, written[path])]
    with disk_errors(folder):
        for path in edited:
            (folder / path).replace(folder / f"{path}.edited")
        for path in written.keys() - files.keys():
            (folder / path).unlink(missing_ok=True)
            _remove_empty_parents(folder, folder / path)
        for path, file in files.items():
            write_whole(folder / path, file.content, executable=file.executable)
    return edited


def _is_edited(folder: Path, path: str, files: Files, written: str) -> bool:
    """Whether something would be lost at ``path``: neither what was written nor what will be."""
    if not (folder / path).is_file():
        return False
    digest = digest_file(folder / path)
    return digest != written and (path not in files or digest_bytes(files[path].content) != digest)


def _remove_empty_parents(folder: Path, path: Path) -> None:
    for parent in path.parents:
        if parent == folder or not parent.is_dir() or any(parent.iterdir()):
            return
        parent.rmdir()
