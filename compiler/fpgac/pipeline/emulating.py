"""A spec's network in the chip's arithmetic: its answers to any samples, and where its bits go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fpgac.build.folder import disk_errors
from fpgac.data.accuracy import Accuracy, judge
from fpgac.data.samples import Rows, Samples, SamplesFile, results_file
from fpgac.engines.emulator import Emulator
from fpgac.errors import BuildError, CoreError, DataError, Problem, Where
from fpgac.numbers import FloatArray
from fpgac.pipeline.sources import Sources
from fpgac.program.ranges import NotExact
from fpgac.program.trace import trace
from fpgac.reports.precision import LayerPrecision
from fpgac.rules.core_program import exact_program

__all__ = ["Emulated", "Emulation"]

# Samples that are in memory at a time, and fewer where they hold many numbers.
LOT = 1 << 16
TRACED_LOT = 1 << 12
NUMBERS = 1 << 22

# Hears how many samples are done, of how many.
Progress = Callable[[int, int], None]


def _unheard(done: int, samples: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Emulated:
    """What an emulation did: ``seconds`` are those of reading, computing and writing."""

    samples: int
    seconds: float
    accuracy: Accuracy | None = None


class Emulation:
    """A spec's network on ``threads`` processors or all; its core is made when it is needed.

    ``data`` is an .npy file of samples, or None for the test part of the spec's own data.

    Raises:
        DataError: the file cannot be read, or does not hold samples of this network.
    """

    def __init__(self, sources: Sources, data: Path | None, threads: int | None = None) -> None:
        self._sources, self._data, self._threads = sources, data, threads

    @cached_property
    def emulator(self) -> Emulator:
        """The function from samples to results."""
        return Emulator.of(self._sources.core, self._threads)

    @cached_property
    def samples(self) -> Samples:
        """What goes in."""
        if self._data is None:
            return Rows(self._sources.split.test.features)
        return SamplesFile.of(self._data, self._sources.core.input_layout)

    def write(self, out: Path, *, raw: bool = False, progress: Progress = _unheard) -> Emulated:
        """The results into an .npy file; neither they nor the samples need fit the memory.

        They are numbers, or with ``raw`` the chip's raw words.

        Raises:
            BuildError: the file cannot be written, or is that of the samples.
        """
        samples, layout = self.samples, self._sources.core.output_layout
        self._require_other(out)
        run = self.emulator.raw if raw else self.emulator.predict
        started = time.monotonic()
        with results_file(out, layout, samples.count, raw=raw) as write:
            for lot in _watched(samples, self._lot, progress):
                write(run(lot))
        return Emulated(samples.count, time.monotonic() - started)

    def judge(self, *, progress: Progress = _unheard) -> Emulated:
        """How well the results answer the spec's own data."""
        if self._data is not None:
            raise ValueError("a file of samples holds no answers to judge by")
        emulator, started = self.emulator, time.monotonic()
        lots = [emulator.predict(lot) for lot in _watched(self.samples, self._lot, progress)]
        outputs = np.concatenate(lots).reshape(-1, emulator.output.size)
        seconds = time.monotonic() - started
        accuracy = judge(self._sources.split.test, outputs.astype(np.float64))
        return Emulated(len(outputs), seconds, accuracy)

    def trace(self, *, progress: Progress = _unheard) -> tuple[LayerPrecision, ...]:
        """Where the bits go, layer by layer.

        Raises:
            CoreError: the network has no exact program, whose values could be looked at.
            DataError: there are no samples.
        """
        core = self._sources.core
        try:
            program = exact_program(core)
        except NotExact as reason:
            raise CoreError(Problem(f"this network cannot be traced: {reason}")) from None
        if not self.samples.count:
            raise DataError(Problem("there are no samples to trace", Where(self._data)))
        types = core.graph.types if core.graph else {}
        held = sum(operation.result.size for operation in program.operations)
        lots = _watched(self.samples, _at_most(TRACED_LOT, held), progress)
        return trace(program, lots, types)

    def _require_other(self, out: Path) -> None:
        with disk_errors(out):
            if self._data and out.exists() and out.samefile(self._data):
                what, hint = "the results would replace the samples", "give another with --out"
                raise BuildError(Problem(what, Where(out), hint=hint))

    @property
    def _lot(self) -> int:
        return _at_most(LOT, max(self.emulator.input.size, self.emulator.output.size))


def _at_most(samples: int, numbers: int) -> int:
    """``samples``, or as many as may be in memory if each needs so many ``numbers``."""
    return max(1, min(samples, NUMBERS // max(numbers, 1)))


def _watched(samples: Samples, most: int, progress: Progress) -> Iterator[FloatArray]:
    """The samples, lot by lot; ``progress`` hears when one is done with."""
    done = 0
    for lot in samples.batches(most):
        yield lot
        done += len(lot)
        progress(done, samples.count)
