"""A core's answers: by its exact program where there is one, else by the C simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fpgac.build.cache import cached_folder
from fpgac.build.folder import write_tree
from fpgac.build.plan import Plan
from fpgac.build.runner import run_plan
from fpgac.core.core import Core, Port
from fpgac.engines.csim import simulate
from fpgac.errors import DataError, Problem
from fpgac.native.engine import Engine
from fpgac.numbers import FloatArray, IntArray
from fpgac.program.ranges import NotExact
from fpgac.rules.core_program import exact_program
from fpgac.steps.core import ap_headers, core_source, core_steps
from fpgac.tensors import exact_floats

__all__ = ["EXACT", "Emulator", "simulation"]

EXACT, SIMULATION = "exact program", "C simulation"


@dataclass(frozen=True)
class Emulator:
    """The chip's arithmetic as a function.

    ``engine`` says how it is computed: :data:`EXACT`, or by hls4ml's C simulation. ``note`` is what
    a user should know of that, if anything.
    """

    input: Port
    output: Port
    engine: str
    note: str
    _run: Callable[[npt.NDArray[np.generic]], IntArray]

    @classmethod
    def of(cls, core: Core, threads: int | None = None) -> Emulator:
        """The fastest engine that gives the core's very words, on ``threads`` processors or all.

        Raises:
            BuildError, ToolchainError: g++ fails, or it is missing and the C simulation needs it.
        """
        try:
            engine = Engine.of(exact_program(core))
        except NotExact as refusal:
            note = f"{refusal}: hls4ml's C simulation computes the answers, far more slowly"
            return cls(core.input, core.output, SIMULATION, note, simulation(core, threads))
        run = partial(engine.numbers, threads=threads)
        return cls(core.input, core.output, EXACT, engine.note, run)

    def raw(self, samples: npt.ArrayLike) -> IntArray:
        """The raw words of the results, shape (n, \\*result), for samples of shape (n, \\*sample).

        Samples are floats or integers, and are put on the input's grid by the one rule; those of
        one sample may also lie in a row: shape (n, numbers).

        Raises:
            DataError: the shape is another, or the samples are no numbers that float64 holds.
        """
        given = np.asarray(samples)
        if given.shape[1:] not in (self.input.shape, (self.input.size,)):
            raise DataError(
                Problem(
                    "the samples do not fit the network",
                    expected=f"shape (n, {', '.join(map(str, self.input.shape))})",
                    got=str(given.shape),
                )
            )
        words = self._run(given.reshape(len(given), self.input.size))
        return words.reshape(len(given), *self.output.shape)

    def predict(self, samples: npt.ArrayLike) -> FloatArray:
        """The same as numbers, in the narrowest float that holds each result exactly."""
        type_ = self.output.type
        return np.asarray(type_.number(self.raw(samples)).astype(type_.float_dtype))


_LIBRARY, _SOURCE, _FIRMWARE, _HEADERS = "libcore.so", "core.cpp", "firmware", "ap_types"


def simulation(core: Core, threads: int | None) -> Callable[[npt.NDArray[np.generic]], IntArray]:
    """hls4ml's C simulation as a function: the raw words that answer rows of numbers.

    It runs on ``threads`` processors, or all.

    Raises:
        BuildError, ToolchainError: g++ fails, or it is missing.
    """

    def build(folder: Path, _: Path) -> None:
        _compile(core, folder)

    library = cached_folder(f"simulation/{core.digest[:24]}", build) / _LIBRARY

    def run(rows: npt.NDArray[np.generic]) -> IntArray:
        return simulate(library, core, core.input.type.raw(exact_floats(rows)), processes=threads)

    return run


def _compile(core: Core, folder: Path) -> None:
    files = {
        _SOURCE: core_source(core),
        **{f"{_FIRMWARE}/{path}": text for path, text in core.files.items()},
        **{f"{_HEADERS}/{path}": text for path, text in ap_headers().items()},
    }
    write_tree(folder, {path: (text, False) for path, text in files.items()}, {})
    steps = core_steps(
        core,
        firmware=_FIRMWARE,
        headers=_HEADERS,
        source=_SOURCE,
        core_object="core.o",
        library=_LIBRARY,
    )
    run_plan(Plan(steps), folder, {})
