"""What was made once, kept for every later build: values of stages and outputs of steps, by key.

An entry lists its files by the digest of their content, and content lies under its digest, once,
whoever uses it. All is read with its digest checked, so that what is damaged or cut off counts as
not there; files and folders that somebody else owns, or may write, are never used. Writers need no
lock: everything appears whole, and whoever writes the same writes the same bytes.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fpgac.build.cache import cache_path, is_own
from fpgac.build.folder import File, Files, replaced
from fpgac.digest import digest_bytes
from fpgac.plain import PlainError, dumps, loads

__all__ = ["LIMIT_BYTES", "Entry", "Store"]

# What is used least recently goes where the store is larger than this.
LIMIT_BYTES: Final = 4 << 30
# After that it is this part of the limit: not every build should have to look again.
_KEPT_PART: Final = 0.75
_SECONDS_BETWEEN_LOOKS: Final = 3600.0
# Files that a writer has just begun are left alone.
_FRESH_SECONDS: Final = 3600.0


@dataclass(frozen=True)
class Entry:
    """What is kept under a key: files, and a few words about them."""

    files: Files
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Manifest:
    key: str
    files: Mapping[str, str]
    executable: tuple[str, ...]
    about: Mapping[str, str]


class Store:
    """Entries by kind and key below ``root``, which takes at most ``limit`` bytes in the long run.

    Where the disk refuses, nothing is kept, and nobody is stopped by it.
    """

    def __init__(self, root: Path, limit: int = LIMIT_BYTES) -> None:
        self._root, self._limit = root, limit

    @classmethod
    def of_user(cls) -> Store:
        """The store in the user's cache folder; see :func:`cache_path`."""
        return cls(cache_path("store"))

    def get(self, kind: str, key: str) -> Entry | None:
        """What was put under ``key``, or None where it is not whole."""
        path = self._entry(kind, key)
        try:
            manifest = loads(_Manifest, self._read(path))
            if manifest.key != key:
                return None
            files = {
                name: File(self._content(digest), name in manifest.executable)
                for name, digest in manifest.files.items()
            }
        except (OSError, PlainError):
            return None
        self._touch(path)
        return Entry(files, manifest.about)

    def put(self, kind: str, key: str, entry: Entry) -> None:
        """Keep ``entry`` under ``key``; see :meth:`get`."""
        digests = {name: digest_bytes(file.content) for name, file in entry.files.items()}
        manifest = _Manifest(
            key,
            digests,
            tuple(name for name, file in entry.files.items() if file.executable),
            entry.about,
        )
        with contextlib.suppress(OSError):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_own(self._root.lstat()):
                return
            for name, file in entry.files.items():
                self._write(self._object(digests[name]), file.content)
            self._write(self._entry(kind, key), dumps(manifest))
            self._tidy()

    def _entry(self, kind: str, key: str) -> Path:
        return self._root / kind / key[:2] / key[2:]

    def _object(self, digest: str) -> Path:
        return self._root / "objects" / digest[:2] / digest[2:]

    def _read(self, path: Path) -> bytes:
        """A file of the store, if it is the user's own.

        Raises:
            OSError: it is not, it is none, or it is not there.
        """
        if not is_own(self._root.lstat()):
            raise PermissionError(str(self._root))
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
            if not is_own(os.fstat(stream.fileno())):
                raise PermissionError(str(path))
            return stream.read()

    def _content(self, digest: str) -> bytes:
        """What lies under ``digest``.

        Raises:
            OSError: nothing that has it.
        """
        path = self._object(digest)
        content = self._read(path)
        if digest_bytes(content) != digest:
            self._forget(path)
            raise FileNotFoundError(str(path))
        self._touch(path)
        return content

    def _write(self, path: Path, content: bytes) -> None:
        """``content`` at ``path``, unless it is there; either way it has just been used."""
        with contextlib.suppress(OSError):
            if self._read(path) == content:
                self._touch(path)
                return
        with replaced(path) as draft:
            draft.write_bytes(content)

    def _touch(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            os.utime(path)

    def _forget(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink()

    def _tidy(self) -> None:
        """Prune a store that has grown too large; it is looked at now and then only."""
        stamp = self._root / "looked"
        with contextlib.suppress(OSError):
            if time.time() - stamp.stat().st_mtime < _SECONDS_BETWEEN_LOOKS:
                return
        stamp.touch()
        self.prune()

    def prune(self) -> None:
        """Remove what was used least recently until the store is below its limit."""
        files = sorted(self._files())
        size = sum(bytes_ for _, bytes_, _ in files)
        if size <= self._limit:
            return
        for used, bytes_, path in files:
            if size <= self._limit * _KEPT_PART or time.time() - used < _FRESH_SECONDS:
                return
            self._forget(path)
            size -= bytes_

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When each file was used last, its size, and its path."""
        for path in self._root.rglob("*"):
            with contextlib.suppress(OSError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield status.st_mtime, status.st_size, path
