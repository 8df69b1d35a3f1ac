"""C functions of shared libraries, called in processes of their own: whatever they do, the caller
does not do it.

The functions compute samples: they take a pointer to each input's rows, a pointer to each output's,
and the number of samples. The C simulation and the kernel are such functions.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.build.processes import ending, last_lines, session
from fpgac.engines import calling_child
from fpgac.errors import EmulationError, Problem, Where

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["PATIENCE", "Function", "call"]

# A function that answers nothing for so long, in seconds, hangs.
PATIENCE: Final = 600.0

# What hls::stream says of a read that finds nothing, and of words that nobody read.
_STREAM_MISUSE: Final = "WARNING: Hls::stream"


@dataclass(frozen=True)
class Function:
    """An ``extern "C" void name(const void* input..., void* output..., count)`` of ``library``.

    ``title`` is what errors call it.
    """

    library: Path
    name: str
    title: str


def call(
    function: Function,
    inputs: Sequence[NDArray[Any]],
    outputs: Sequence[tuple[int, DTypeLike]],
    *,
    chunk: int | None = None,
    processes: int = 1,
    progress: Callable[[int], None] = lambda done: None,
    patience: float = PATIENCE,
    cancellation: Cancellation = NEVER,
) -> list[NDArray[Any]]:
    """The outputs of ``function``, each of shape (samples, numbers), for ``inputs`` likewise.

    ``outputs`` tells the numbers in a row of each output, and their type. Each of ``processes`` has
    an equal share of the samples, and calls the function for at most ``chunk`` of them at a time;
    by default for all. ``progress`` hears how many are done. Each buffer lies between guarded
    pages.

    Raises:
        EmulationError: the library or the function is missing, or the function crashed, was silent
            for ``patience`` seconds, or used its streams wrongly.
    """
    rows = [np.ascontiguousarray(each) for each in inputs]
    samples = len(rows[0])
    if any(len(each) != samples for each in rows):
        raise ValueError(f"inputs of {[len(each) for each in rows]} samples")
    with _scratch(rows, outputs) as scratch:
        bounds = [samples * part // processes for part in range(processes + 1)]
        with contextlib.ExitStack() as stack:
            children = [
                stack.enter_context(_child(function, scratch, first, last, chunk or samples))
                for first, last in pairwise(bounds)
                if first < last
            ]
            _watch(function, children, samples, progress, patience, cancellation)
            for child in children:
                _require_good_end(function, child)
        return [
            np.fromfile(path, dtype).reshape(samples, numbers)
            for path, (numbers, dtype) in zip(scratch.outputs, outputs, strict=True)
        ]


@dataclass(frozen=True)
class _Scratch:
    """A folder with a file of rows for each buffer; ``row_bytes`` has the inputs' first."""

    folder: Path
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    row_bytes: tuple[int, ...]


@contextlib.contextmanager
def _scratch(
    rows: Sequence[NDArray[Any]], outputs: Sequence[tuple[int, DTypeLike]]
) -> Iterator[_Scratch]:
    """Files with the inputs, and room for the outputs: a full disk shows here, not later."""
    with tempfile.TemporaryDirectory(prefix="fpgac-") as name:
        folder, samples = Path(name), len(rows[0])
        files = tuple(folder / f"buffer{place}" for place in range(len(rows) + len(outputs)))
        sizes = [numbers * np.dtype(dtype).itemsize for numbers, dtype in outputs]
        try:
            for path, each in zip(files, rows, strict=False):
                each.tofile(path)
            for path, size in zip(files[len(rows) :], sizes, strict=True):
                with path.open("wb") as file:
                    if samples * size:
                        os.posix_fallocate(file.fileno(), 0, samples * size)
        except OSError as error:
            raise EmulationError(
                Problem(
                    f"the words of {samples:,} samples cannot be written: {error}",
                    where=Where(folder.parent),
                    hint="free some space there, or set TMPDIR to another folder",
                    code="emulation.scratch-full",
                )
            ) from error
        row_bytes = (*(each.dtype.itemsize * each[:1].size for each in rows), *sizes)
        yield _Scratch(folder, files[: len(rows)], files[len(rows) :], row_bytes)


@dataclass(frozen=True)
class _Child:
    """A process with some of the samples; what it prints goes to a log of its own."""

    process: subprocess.Popen[bytes]
    log: Path
    chunk: int


@contextlib.contextmanager
def _child(
    function: Function, scratch: _Scratch, first: int, last: int, chunk: int
) -> Iterator[_Child]:
    task = calling_child.Task(
        library=str(function.library.resolve()),
        function=function.name,
        inputs=[str(path) for path in scratch.inputs],
        outputs=[str(path) for path in scratch.outputs],
        row_bytes=list(scratch.row_bytes),
        first=first,
        last=last,
        chunk=chunk,
    )
    log = scratch.folder / f"log{first}"
    # Without site packages the child starts in a fiftieth of a second; it needs none.
    command = [sys.executable, "-I", "-S", calling_child.__file__, json.dumps(task._asdict())]
    with (
        log.open("wb") as output,
        session(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=scratch.folder,
        ) as process,
        process.stdout or contextlib.nullcontext(),
    ):
        yield _Child(process, log, chunk)


def _watch(
    function: Function,
    children: Sequence[_Child],
    samples: int,
    progress: Callable[[int], None],
    patience: float,
    cancellation: Cancellation,
) -> None:
    """Wait until every child has closed its pipe; each byte in it stands for a chunk."""
    done, heard = 0, time.monotonic()
    with selectors.DefaultSelector() as selector:
        for child in children:
            selector.register(child.process.stdout or -1, selectors.EVENT_READ, child)
        while selector.get_map():
            cancellation.check()
            ready = selector.select(timeout=min(1.0, patience))
            for key, _ in ready:
                signs = os.read(key.fd, 4096)
                if not signs:
                    selector.unregister(key.fileobj)
                done += len(signs) * key.data.chunk
            if ready:
                heard = time.monotonic()
                progress(min(done, samples))
            elif time.monotonic() - heard > patience:
                raise EmulationError(_hang(function, children, patience))


def _hang(function: Function, children: Sequence[_Child], patience: float) -> Problem:
    return Problem(
        f"{function.title} did not end within {patience:g} seconds",
        where=Where(function.library),
        got=_said(children[0]),
        hint="look for a loop that waits for a stream",
        code="emulation.hang",
    )


def _require_good_end(function: Function, child: _Child) -> None:
    status, said, where = child.process.wait(), _said(child), Where(function.library)
    if status == calling_child.CANNOT_CALL:
        raise EmulationError(
            Problem(
                f"{function.title} cannot be called",
                where=where,
                got=said,
                hint="compile it again",
                code="emulation.cannot-call",
            )
        )
    if status:
        raise EmulationError(
            Problem(
                f"{function.title} crashed: {ending(status)}",
                where=where,
                got=said,
                hint="its C++ reads or writes where it must not: look at its sizes",
                code="emulation.kernel-crash",
            )
        )
    if _STREAM_MISUSE in said:
        raise EmulationError(
            Problem(
                f"{function.title} used its streams wrongly",
                where=where,
                got=said,
                code="emulation.stream-misuse",
            )
        )


def _said(child: _Child) -> str:
    """The last lines that the child printed."""
    return last_lines(child.log.read_text(errors="replace"))
