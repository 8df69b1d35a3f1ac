"""hls4ml's C simulation at raw words, run in child processes that may crash."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fpgac.engines.engine import Engine, Fraction, Vectors, ignored
from fpgac.errors import EmulationError, Problem, Where
from fpgac.numbers import IntArray
from fpgac.tensors import Layout

__all__ = ["CSIMULATION", "CSimulation", "Simulated", "simulate"]

CSIMULATION = "C simulation"

# Samples between two signs of life, and the samples that are worth a process of their own.
CHUNK = 64
SHARE = 1024
PATIENCE = 600.0  # seconds


class Simulated(Protocol):
    """What is known of the core behind a library: a core says so itself, or a build does."""

    @property
    def top(self) -> str: ...

    @property
    def input_layout(self) -> Layout: ...

    @property
    def output_layout(self) -> Layout: ...


@dataclass(frozen=True, eq=False)
class CSimulation(Engine):
    """hls4ml's C simulation in a ``library`` of :func:`fpgac.steps.core.core_steps`.

    It runs in ``processes``, by default one for each processor.
    """

    library: Path
    core: Simulated
    processes: int | None = None
    name = CSIMULATION

    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        """See :meth:`Engine.words`."""
        return simulate(
            self.library,
            self.core,
            vectors.words,
            progress=lambda done: progress(done / len(vectors)),
            processes=self.processes,
        )


def simulate(
    library: Path,
    core: Simulated,
    words: IntArray,
    *,
    progress: Callable[[int], None] | None = None,
    processes: int | None = None,
) -> IntArray:
    """The core's answers to rows of raw words of its inputs: rows of raw words of its outputs.

    It runs in child processes, so that a crash in the generated code is an error here.

    Args:
        library: what the steps of :func:`fpgac.steps.core.core_steps` made.
        core: what was compiled.
        words: shape (samples, ``core.input_layout.size``), any integer dtype.
        progress: called now and then with the samples done so far.
        processes: how many at once; by default one for each processor, fewer for few samples.

    Raises:
        EmulationError: the simulation crashed, hung, or used its streams wrongly.
    """
    samples = _checked(words, core)
    if processes is None:
        processes = min(len(os.sched_getaffinity(0)), 1 + len(samples) // SHARE)
    bounds = [len(samples) * part // processes for part in range(processes + 1)]
    with _scratch(samples, core) as folder:
        with contextlib.ExitStack() as stack:
            children = [
                stack.enter_context(_child(library.resolve(), core, folder, start, stop))
                for start, stop in pairwise(bounds)
                if start < stop
            ]
            _watch(children, len(samples), progress or (lambda done: None))
            for child in children:
                _judge(child, core)
        answers = np.fromfile(folder / "out", dtype="<i8")
    return answers.reshape(len(samples), core.output_layout.size).astype(core.output_layout.dtype)


@contextlib.contextmanager
def _scratch(samples: IntArray, core: Simulated) -> Iterator[Path]:
    """A folder with the words in, and room for the words out: a full disk shows here, not later."""
    with tempfile.TemporaryDirectory(prefix="fpgac-") as name:
        folder = Path(name)
        try:
            samples.tofile(folder / "in")
            with (folder / "out").open("wb") as out:
                if size := len(samples) * core.output_layout.size * 8:
                    os.posix_fallocate(out.fileno(), 0, size)
        except OSError as error:
            raise EmulationError(
                Problem(
                    f"the simulation's words cannot be written: {error}",
                    where=Where(folder.parent),
                    hint="free some space there, or set TMPDIR to another folder",
                )
            ) from error
        yield folder


def _checked(words: IntArray, core: Simulated) -> IntArray:
    layout = core.input_layout
    if words.ndim != 2 or words.shape[1] != layout.size:
        raise ValueError(f"expected shape (samples, {layout.size}), not {words.shape}")
    for tensor, columns in layout.places:
        type_, part = tensor.type, words[:, columns]
        lowest = -(1 << (type_.width - 1)) if type_.signed else 0
        if part.size and not lowest <= int(part.min()) <= int(part.max()) <= type_.highest:
            raise ValueError(f"raw words of {type_} are {lowest} to {type_.highest}")
    return np.ascontiguousarray(words, dtype="<i8")


@dataclass(frozen=True)
class _Child:
    """A process over some of the samples; what it prints goes to a log of its own."""

    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def _child(library: Path, core: Simulated, folder: Path, start: int, stop: int) -> Iterator[_Child]:
    log = folder / f"log{start}"
    arguments: tuple[Any, ...] = (
        *(library, f"{core.top}_simulate", folder / "in", folder / "out"),
        *(core.input_layout.size, core.output_layout.size, start, stop, CHUNK),
    )
    simulator = Path(__file__).with_name("csim_child.py")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(simulator), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=folder,
        )
    with process:
        try:
            yield _Child(process, log)
        finally:
            process.kill()


def _watch(children: list[_Child], samples: int, progress: Callable[[int], None]) -> None:
    """Wait until every child has closed its pipe; each byte in it stands for a chunk."""
    chunks = 0
    heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for child in children:
            selector.register(child.process.stdout or -1, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(timeout=1.0)
            for key, _ in ready:
                signs = os.read(key.fd, 4096)
                if not signs:
                    selector.unregister(key.fileobj)
                chunks += len(signs)
            if ready:
                heard = time.monotonic()
                progress(min(chunks * CHUNK, samples))
            elif time.monotonic() - heard > PATIENCE:
                raise EmulationError(
                    Problem(
                        "the C simulation hangs",
                        got=f"no answer to {CHUNK} samples in {PATIENCE:.0f} s",
                    )
                )


def _judge(child: _Child, core: Simulated) -> None:
    status = child.process.wait()
    printed = child.log.read_text(errors="replace").strip()
    if status == 0 and "WARNING: Hls::stream" not in printed:
        return
    what = "used its streams wrongly"
    if status < 0:
        what = f"crashed with {signal.Signals(-status).name}"
    elif status > 0:
        what = f"ended with exit code {status}"
    raise EmulationError(
        Problem(
            f"the C simulation of {core.top!r} {what}", got="\n".join(printed.splitlines()[-5:])
        )
    )
