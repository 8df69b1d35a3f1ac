"""A chip's answers: by its exact program where there is one, else by the C simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.build.cache import cached_folder
from fpgac.build.folder import File, write_tree
from fpgac.build.plan import Plan
from fpgac.build.runner import run_plan
from fpgac.core.core import Core
from fpgac.engines.built import Build
from fpgac.engines.csim import CSimulation
from fpgac.engines.engine import Engine, Vectors
from fpgac.engines.program import ExactProgram
from fpgac.numbers import IntArray
from fpgac.program.program import Program
from fpgac.program.ranges import NotExact
from fpgac.reports.html import heading_html, table_html
from fpgac.steps.core import ap_headers, core_source, core_steps
from fpgac.tensors import Layout, Tensor

__all__ = ["Emulator", "Results", "simulation"]

# What people are given: the array of one output, of several a dict by name. Whoever calls a network
# knows which, and a type checker cannot.
Results = npt.NDArray[Any] | Any


@dataclass(frozen=True, repr=False)
class Emulator:
    """The chip's arithmetic as a function.

    ``inputs`` and ``outputs`` are the tensors at the chip's edge. ``engine`` computes; ``note`` is
    what a user should know of that, if anything.
    """

    inputs: Layout
    outputs: Layout
    engine: Engine
    note: str = ""

    def __repr__(self) -> str:
        edges = (", ".join(map(str, layout.tensors)) for layout in (self.inputs, self.outputs))
        return f"<Emulator by the {self.engine.name}: {' → '.join(edges)}>"

    def _repr_html_(self) -> str:
        tensors = (
            *(("input", tensor) for tensor in self.inputs.tensors),
            *(("output", tensor) for tensor in self.outputs.tensors),
        )
        rows = ((kind, t.name, " x ".join(map(str, t.shape)), t.type) for kind, t in tensors)
        heading = heading_html(f"a chip's arithmetic, by the {self.engine.name}")
        return heading + table_html(("", "name", "one sample", "format"), rows)

    @classmethod
    def of(cls, core: Core, threads: int | None = None) -> Emulator:
        """The fastest engine that gives the core's very words, on ``threads`` processors or all.

        Raises:
            BuildError, ToolchainError: g++ fails, or it is missing and the C simulation needs it.
        """
        from fpgac.rules.core_program import exact_program

        try:
            program = exact_program(core)
        except NotExact as refusal:
            note = f"{refusal}: hls4ml's C simulation computes the answers, far more slowly"
            engine = CSimulation(simulation(core), core, threads)
            return cls(core.input_layout, core.output_layout, engine, note)
        return cls.of_program(program, threads)

    @classmethod
    def of_program(
        cls,
        program: Program,
        threads: int | None = None,
        inputs: Layout | None = None,
        outputs: Layout | None = None,
    ) -> Emulator:
        """The program on ``threads`` processors, or all.

        ``inputs`` are its own with scalings, and ``outputs`` its own with decodings.

        Raises:
            ToolchainError: g++ is there but fails.
        """
        engine = ExactProgram(program, threads)
        edges = inputs or program.input_layout, outputs or program.output_layout
        return cls(*edges, engine, engine.note)

    @classmethod
    def of_build(cls, build: Build, threads: int | None = None) -> Emulator:
        """The program of ``build``; neither its spec nor hls4ml is needed.

        Raises:
            BuildError: the program is missing or damaged.
            ToolchainError: g++ is there but fails.
        """
        return cls.of_program(build.program, threads, build.input_layout, build.output_layout)

    def words(self, samples: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> IntArray:
        """Rows of the results' raw words; see :meth:`raw`."""
        return self.engine.words(Vectors("samples", self.inputs, self.inputs.rows(samples)))

    def raw(self, samples: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> Results:
        """The raw words of the results, shape (n, \\*result), for samples of shape (n, \\*sample).

        Samples are floats or integers, and are put on the input's grid by the one rule; those of
        one sample may also lie in a row: shape (n, numbers). Several inputs are given as a mapping
        by name, and so are several outputs.

        Raises:
            DataError: the shape is another, or the samples are no numbers that float64 holds.
        """
        parts = self.outputs.named(self.words(samples))
        types = {tensor.name: tensor.type.dtype for tensor in self.outputs.tensors}
        return _given({name: part.astype(types[name], copy=False) for name, part in parts.items()})

    def predict(
        self, samples: npt.ArrayLike | Mapping[str, npt.ArrayLike], *, decoded: bool = True
    ) -> Results:
        """The same as numbers, in the narrowest float that holds each result exactly.

        Where the spec decodes an output its meaning comes instead, as float64, or as int64 of
        classes, unless ``decoded`` is false.
        """
        parts = self.outputs.named(self.words(samples))
        tensors = {tensor.name: tensor for tensor in self.outputs.tensors}
        return _given({name: _meant(tensors[name], part, decoded) for name, part in parts.items()})


def _meant(tensor: Tensor, words: npt.NDArray[Any], decoded: bool) -> npt.NDArray[Any]:
    numbers = tensor.type.number(words)
    if decoded and tensor.decoding:
        return tensor.meant(numbers)
    return np.asarray(numbers.astype(tensor.type.float_dtype))


def _given(parts: dict[str, npt.NDArray[Any]]) -> Results:
    return parts if len(parts) > 1 else next(iter(parts.values()))


_LIBRARY, _SOURCE, _FIRMWARE, _HEADERS = "libcore.so", "core.cpp", "firmware", "ap_types"


def simulation(core: Core) -> Path:
    """hls4ml's C simulation of ``core`` as a shared library, from the cache if it is there.

    Raises:
        BuildError, ToolchainError: g++ fails, or it is missing.
    """

    def build(folder: Path, _: Path) -> None:
        _compile(core, folder)

    return cached_folder(f"simulation/{core.digest[:24]}", build) / _LIBRARY


def _compile(core: Core, folder: Path) -> None:
    files = {
        _SOURCE: core_source(core),
        **{f"{_FIRMWARE}/{path}": text for path, text in core.files.items()},
        **{f"{_HEADERS}/{path}": text for path, text in ap_headers().items()},
    }
    write_tree(folder, {path: File(text) for path, text in files.items()}, {})
    steps = core_steps(
        core,
        firmware=_FIRMWARE,
        headers=_HEADERS,
        source=_SOURCE,
        core_object="core.o",
        library=_LIBRARY,
    )
    run_plan(Plan(steps), folder, {})
