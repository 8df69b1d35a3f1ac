"""What is built once and kept between runs: below ``$FPGAC_CACHE``, or the user's cache folder.

What lies there is loaded and run. Folders and files that somebody else owns, or may write, are
never used: a cache of this process alone takes their place.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from fpgac.errors import Problem, ToolchainError

__all__ = [
    "CACHE_VARIABLE",
    "UnsafeCacheWarning",
    "cache_folder",
    "cache_path",
    "cached_folder",
    "is_own",
    "own_folder",
]

CACHE_VARIABLE: Final = "FPGAC_CACHE"


class UnsafeCacheWarning(UserWarning):
    """Something in the cache is not used, since others may have put it there."""


def cache_folder() -> Path:
    """Where what was built once is kept: ``$FPGAC_CACHE``, or the user's cache folder."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("fpgac")


def cache_path(name: str) -> Path:
    """Where ``name`` lies in the cache, be it there or not.

    It is in a cache of this process alone, and a warning says so, where somebody else owns the
    place or a folder around it, or may write it.
    """
    root = cache_folder()
    path = root / name
    inside = path.relative_to(root).parents
    places = [path, *(root / parent for parent in inside)]
    strange = [place for place in places if not _is_safe(place)]
    return _unshared(strange[-1]) / name if strange else path


def is_own(status: os.stat_result) -> bool:
    """Whether a file or folder is this user's, and nobody else may write it."""
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def own_folder(path: Path) -> Path:
    """``path``, a folder of the cache, made if need be so that nobody else may enter it.

    Raises:
        OSError: it cannot be made.
    """
    for folder in (*reversed(path.parents), path):
        with contextlib.suppress(FileExistsError):
            if not folder.is_dir():
                folder.mkdir(mode=0o700)
    return path


def _is_safe(path: Path) -> bool:
    """Whether nobody else can have put there what is at ``path``."""
    try:
        return is_own(path.stat())
    except OSError:
        return True  # nothing is there, or nothing that can be read


@lru_cache
def _unshared(strange: Path) -> Path:
    """A cache that goes with this process, in place of one where there is something ``strange``."""
    warnings.warn(
        f"the cache is not used: {strange} is somebody else's, or others may write it; "
        f"take their right (chmod go-w), or name another folder in {CACHE_VARIABLE}",
        UnsafeCacheWarning,
        stacklevel=2,
    )
    folder = Path(tempfile.mkdtemp(prefix="fpgac-cache-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def cached_folder(name: str, build: Callable[[Path, Path], None]) -> Path:
    """The folder ``name`` of the cache: whole, made by ``build`` if it is not there.

    ``build`` takes the folder to make, and another that sources may lie in; neither exists yet.
    One builder works at a time; who had to wait finds the work done.

    Raises:
        ToolchainError: the cache cannot be written.
    """
    folder = cache_path(name)
    if folder.is_dir():
        return folder
    try:
        own_folder(folder.parent)
        with _lock(folder.parent / ".lock"):
            if folder.is_dir():
                return folder
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as temporary:
                built = Path(temporary) / "built"
                build(built, Path(temporary) / "sources")
                built.chmod(0o700)
                built.rename(folder)
    except OSError as error:
        raise ToolchainError(
            Problem(
                "what is built once cannot be kept in the cache",
                got=f"{error.filename or folder.parent}: {error.strerror}",
                hint=f"make room, or name another folder in {CACHE_VARIABLE}",
                code="toolchain.no-cache",
            )
        ) from error
    return folder


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
