"""A core's answers: by its exact program where there is one, else by the C simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fpgac.build.cache import cached_folder
from fpgac.build.folder import write_tree
from fpgac.build.plan import Plan
from fpgac.build.runner import run_plan
from fpgac.core.compilation import ap_headers, core_source, core_steps
from fpgac.core.core import Core, Port
from fpgac.core.simulation import simulate
from fpgac.exact.engine import Engine
from fpgac.exact.lowering import NotExact, exact_program
from fpgac.numbers import FloatArray, IntArray

__all__ = ["EXACT", "SIMULATION", "Emulator"]

EXACT, SIMULATION = "exact", "C simulation"


@dataclass(frozen=True)
class Emulator:
    """The chip's arithmetic as a function.

    ``engine`` says how it is computed, and ``notice`` what a user should know of that.
    """

    input: Port
    output: Port
    engine: str
    notice: str
    _words: Callable[[FloatArray], IntArray]

    @classmethod
    def of(cls, core: Core, threads: int | None = None) -> Emulator:
        """The fastest engine that gives the core's very words, on ``threads`` processors or all.

        Raises:
            BuildError, ToolchainError: the C simulation is needed, and g++ cannot make it.
        """
        try:
            engine = Engine.of(exact_program(core), threads=threads)
        except NotExact as reason:
            notice = f"no exact program: {reason}; hls4ml's C simulation is used, which is slower"
            return cls(core.input, core.output, SIMULATION, notice, _simulation(core, threads))
        return cls(core.input, core.output, EXACT, engine.notice, engine.numbers)

    def raw(self, samples: npt.ArrayLike) -> IntArray:
        """The raw words of the results, shape (n, *result), of samples of shape (n, *sample).

        Samples are numbers of any kind that float64 holds; they are put on the input's grid. A
        sample's numbers may also lie in a row: shape (n, numbers).

        Raises:
            ValueError: the shape is another, or the samples are no numbers.
        """
        given = np.asarray(samples)
        wanted = self.input.shape
        if given.dtype.kind not in "fiub" or given.shape[1:] not in (wanted, (self.input.size,)):
            raise ValueError(
                f"expected numbers of shape (n, {', '.join(map(str, wanted))}), "
                f"not {given.dtype} of shape {given.shape}"
            )
        words = self._words(given.reshape(len(given), -1))
        return words.reshape(len(given), *self.output.shape)

    def predict(self, samples: npt.ArrayLike) -> FloatArray:
        """The same as numbers: the narrowest float that holds each exactly."""
        type_ = self.output.type
        return np.asarray(type_.number(self.raw(samples)).astype(type_.float_dtype))


def _simulation(core: Core, threads: int | None) -> Callable[[FloatArray], IntArray]:
    library = cached_folder("simulation", core.digest, lambda to: _compile(core, to)) / _LIBRARY
    return lambda numbers: simulate(library, core, core.input.type.raw(numbers), processes=threads)


_LIBRARY = "libsimulation.so"
_SOURCE, _FIRMWARE, _HEADERS = "core.cpp", "firmware", "ap_types"


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
