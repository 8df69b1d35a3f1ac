"""What is built once and kept between runs: below ``$FPGAC_CACHE``, or the user's cache folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from fpgac.errors import Problem, ToolchainError

__all__ = ["CACHE_VARIABLE", "cache_folder", "cached_folder"]

CACHE_VARIABLE: Final = "FPGAC_CACHE"


def cache_folder() -> Path:
    """Where what was built once is kept: ``$FPGAC_CACHE``, or the user's cache folder."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given).absolute()
    from platformdirs import user_cache_path

    return user_cache_path("fpgac")


def cached_folder(name: str, build: Callable[[Path, Path], None]) -> Path:
    """The folder ``name`` of the cache: whole, made by ``build`` if it is not there.

    ``build`` takes the folder to make, and another that sources may lie in; neither exists yet.
    One builder works at a time; who had to wait finds the work done.

    Raises:
        ToolchainError: the cache cannot be written.
    """
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _lock(folder.parent / ".lock"):
            if folder.is_dir():
                return folder
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as temporary:
                built = Path(temporary) / "built"
                build(built, Path(temporary) / "sources")
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
