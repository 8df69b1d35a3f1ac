"""A network in the chip's arithmetic: its answers to any samples, and where its bits go."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpgac.build.folder import disk_errors
from fpgac.build.stage import Values
from fpgac.build.store import Store
from fpgac.data.accuracy import judge
from fpgac.data.samples import Rows, Samples, SamplesFile, results_file
from fpgac.data.scaling import undone
from fpgac.engines.built import Build
from fpgac.engines.emulator import Emulator
from fpgac.engines.proof import compared
from fpgac.errors import BuildError, DataError, Problem, Where
from fpgac.numbers import FloatArray, IntArray
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.stages import SpecStages
from fpgac.program.trace import trace
from fpgac.reports.precision import LayerPrecision

if TYPE_CHECKING:
    from fpgac.plugins import Plugins
    from fpgac.spec.loader import SpecFile

__all__ = ["BuildEmulation", "Emulated", "Emulation", "SpecEmulation"]

# Samples that are in memory at a time, and fewer where they hold many numbers.
BATCH = 1 << 16
TRACED_BATCH = 1 << 12
NUMBERS = 1 << 22

# Hears how many samples are done, of how many.
Progress = Callable[[int, int], None]


def _ignored(done: int, samples: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Emulated:
    """What an emulation did: ``seconds`` are those of reading, computing and writing.

    ``lines`` say how good the answers are, where that is known.
    """

    samples: int
    seconds: float
    lines: tuple[str, ...] = ()


class Emulation(ABC):
    """A network's answers to the samples of a file, or to samples of its own.

    ``data`` is a file of samples, or None for those of the network's own that are known.

    Raises:
        DataError: the file cannot be read, or does not hold samples of this network.
    """

    def __init__(self, data: Path | None) -> None:
        self._data = data

    @property
    @abstractmethod
    def emulator(self) -> Emulator:
        """The function from samples to results."""

    @property
    @abstractmethod
    def _own_samples(self) -> Samples:
        """The samples where no file is given."""

    @abstractmethod
    def _judged(self, words: IntArray) -> tuple[str, ...]:
        """How good the results for its own samples are, in lines."""

    @cached_property
    def samples(self) -> Samples:
        """What goes in."""
        if self._data is None:
            return self._own_samples
        return SamplesFile.of(self._data, self.emulator.inputs)

    def write(
        self,
        out: Path,
        *,
        raw: bool = False,
        decoded: bool = True,
        progress: Progress = _ignored,
    ) -> Emulated:
        """The results into a file; neither they nor the samples need fit the memory.

        They are what the network's numbers mean, the numbers themselves without ``decoded``, or
        with ``raw`` the chip's raw words.

        Raises:
            BuildError: the file cannot be written, or is that of the samples.
        """
        emulator, samples = self.emulator, self.samples
        self._require_other(out)
        started = time.monotonic()
        outputs, count = emulator.outputs, samples.count
        with results_file(out, outputs, count, raw=raw, decoded=decoded) as write:
            for batch in _watched(samples, self._batch, progress):
                words = emulator.words(batch)
                write(words if raw else outputs.number(words))
        return Emulated(count, time.monotonic() - started)

    def judge(self, *, progress: Progress = _ignored) -> Emulated:
        """How good the results for its own samples are."""
        if self._data is not None:
            raise ValueError("a file of samples holds no answers to judge by")
        emulator, started = self.emulator, time.monotonic()
        batches = [emulator.words(batch) for batch in _watched(self.samples, self._batch, progress)]
        seconds = time.monotonic() - started
        return Emulated(self.samples.count, seconds, self._judged(np.concatenate(batches)))

    def _require_other(self, out: Path) -> None:
        with disk_errors(out):
            if self._data and out.exists() and out.samefile(self._data):
                raise BuildError(
                    Problem(
                        "the results would replace the samples",
                        Where(out),
                        hint="give another file with --out",
                        code="build.replaces-samples",
                    )
                )

    @property
    def _batch(self) -> int:
        return _at_most(BATCH, max(self.emulator.inputs.size, self.emulator.outputs.size))


class SpecEmulation(Emulation):
    """A spec's network on ``threads`` processors or all, judged on its own test data."""

    def __init__(
        self,
        file: SpecFile,
        plugins: Plugins,
        data: Path | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(data)
        self._threads = threads
        self._values = Values(Store.of_user())
        self._stages = SpecStages(Sources(file, plugins), self._values.get)

    @cached_property
    def emulator(self) -> Emulator:
        """See :attr:`Emulation.emulator`."""
        program = self._values.get(self._stages.program)
        outputs = program.output_layout.with_decoding(self._stages.decodings)
        return Emulator.of_program(program, self._threads, self._stages.inputs, outputs)

    @property
    def _own_samples(self) -> Samples:
        return Rows(self._stages.sources.split.test.features)

    def _judged(self, words: IntArray) -> tuple[str, ...]:
        sources, outputs = self._stages.sources, self.emulator.outputs
        numbers = undone(outputs.number(words), outputs, sources.target_scaling)
        return judge(sources.split.test, numbers).lines

    def trace(self, *, progress: Progress = _ignored) -> tuple[LayerPrecision, ...]:
        """Where the bits go, layer by layer.

        Raises:
            DataError: there are no samples.
        """
        if not self.samples.count:
            what = "there are no samples to trace"
            raise DataError(Problem(what, Where(self._data), code="data.no-samples"))
        program = self._values.get(self._stages.program)
        tensors = self._values.get(self._stages.network).tensors
        held = sum(operation.result.size for operation in program.operations)
        batches = map(
            self._stages.inputs.scaled,
            _watched(self.samples, _at_most(TRACED_BATCH, held), progress),
        )
        return trace(program, batches, {name: tensor.type for name, tensor in tensors.items()})


class BuildEmulation(Emulation):
    """A build's network on ``threads`` processors or all, compared with its own proof."""

    def __init__(self, build: Build, data: Path | None = None, threads: int | None = None) -> None:
        super().__init__(data)
        self._build, self._threads = build, threads

    @cached_property
    def emulator(self) -> Emulator:
        """See :attr:`Emulation.emulator`."""
        return Emulator.of_build(self._build, self._threads)

    @property
    def _own_samples(self) -> Samples:
        return Rows(self._build.vectors.numbers)

    def _judged(self, words: IntArray) -> tuple[str, ...]:
        build, engine = self._build, self.emulator.engine.name
        compared(engine, words, "the proof", build.expected, build.vectors, build.output_layout)
        return (f"equal to the proof's words on all {len(words):,} vectors of the build",)


def _at_most(samples: int, numbers: int) -> int:
    """``samples``, or as many as may be in memory if each needs so many ``numbers``."""
    return max(1, min(samples, NUMBERS // max(numbers, 1)))


def _watched(samples: Samples, most: int, progress: Progress) -> Iterator[FloatArray]:
    """The samples, batch by batch; ``progress`` hears when one is done with."""
    done = 0
    for batch in samples.batches(most):
        yield batch
        done += len(batch)
        progress(done, samples.count)
