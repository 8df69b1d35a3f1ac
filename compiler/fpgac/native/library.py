"""C++ to functions that can be called: through g++, once for each text, kept in a cache."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Final

from fpgac.build.cache import cache_folder, cache_path, own_folder
from fpgac.build.compiler import COMPILER, LIBRARY
from fpgac.build.folder import write_whole
from fpgac.build.processes import CommandError, output_of
from fpgac.digest import digest_bytes, digest_json
from fpgac.errors import Problem, ToolchainError
from fpgac.native.cpp.levels import LEVELS, PORTABLE, Level

__all__ = ["COMPILER", "EXACT", "best_level", "compiled", "find_compiler"]

# Signed sums wrap; the steps of floats are each rounded, none is fused with another or left out.
EXACT: Final = (
    *("-w", "-fwrapv", "-fno-strict-aliasing", "-fno-math-errno", "-fno-trapping-math"),
    "-ffp-contract=off",
)
_DIGEST_BYTES: Final = 64
_PATIENCE_SECONDS: Final = 600


def find_compiler() -> Path | None:
    """g++ on PATH, if there is one.

    Links are not followed: what wraps compilers, like ccache, goes by the name of the link.
    """
    found = shutil.which(COMPILER)
    return Path(found).absolute() if found else None


def best_level(compiler: Path) -> Level:
    """The quickest level that this processor has the instructions for.

    Raises:
        ToolchainError: g++ fails.
    """
    return _best_level(compiler, cache_folder())


@lru_cache
def _best_level(compiler: Path, _cache: Path) -> Level:
    tests = "".join(
        f"    if ({level.supported}) return {place};\n" for place, level in enumerate(LEVELS)
    )
    text = (
        f'extern "C" int level() {{\n#if defined(__x86_64__)\n    __builtin_cpu_init();\n{tests}'
        f"#endif\n    return {LEVELS.index(PORTABLE)};\n}}\n"
    )
    return LEVELS[compiled(text, (), compiler).level()]


def compiled(text: str, flags: tuple[str, ...], compiler: Path) -> ctypes.CDLL:
    """The library that ``text`` is compiled to, from the cache if it is there and whole.

    What is put into the cache appears whole, whoever else does the same; what somebody else may
    have put there is not loaded. Where the cache cannot be written or lets nothing be loaded, the
    library is loaded without it.

    Raises:
        ToolchainError: g++ fails, or the disk is full.
    """
    command = (str(compiler), *LIBRARY[1:], *EXACT, *flags)
    path = cache_path(f"exact/{digest_json([text, command, _identity(compiler)])[:32]}.so")
    if kept := _kept(path):
        return kept
    try:
        with tempfile.TemporaryDirectory(prefix="fpgac-exact-") as folder:
            library = _compile(text, command, Path(folder))
            with contextlib.suppress(OSError):
                content = library.read_bytes()
                digest = digest_bytes(content).encode()
                own_folder(path.parent)
                write_whole(path, content + digest, executable=True)
            # A library that is loaded stays, though its file goes.
            return _kept(path) or ctypes.CDLL(str(library))
    except OSError as error:
        raise _failed(str(error)) from error


def _kept(path: Path) -> ctypes.CDLL | None:
    """The library in the cache, if it is there, is whole, and can be loaded."""
    with contextlib.suppress(OSError):
        if _is_whole(path):
            return ctypes.CDLL(str(path))
    return None


def _identity(compiler: Path) -> tuple[int, int]:
    """What tells one installation of a compiler from the next, without starting it."""
    status = compiler.stat()
    return status.st_size, status.st_mtime_ns


def _is_whole(path: Path) -> bool:
    """Whether a library is there as it was written: with the digest of all before at its end."""
    content = path.read_bytes()
    digest = content[-_DIGEST_BYTES:]
    return digest_bytes(content[:-_DIGEST_BYTES]).encode() == digest


def _compile(text: str, command: tuple[str, ...], folder: Path) -> Path:
    source, library = folder / "program.cpp", folder / "program.so"
    source.write_text(text)
    try:
        output_of([*command, "-o", library, source], timeout=_PATIENCE_SECONDS)
    except CommandError as error:
        raise _failed("\n".join(error.said.splitlines()[:15]) or error.what) from error
    return library


def _failed(got: str) -> ToolchainError:
    what = f"the exact program cannot be compiled: {COMPILER} failed"
    hint = f"see that {COMPILER} works, and that TMPDIR has room and lets libraries be loaded"
    return ToolchainError(Problem(what, got=got, hint=hint, code="toolchain.compiler-failed"))
