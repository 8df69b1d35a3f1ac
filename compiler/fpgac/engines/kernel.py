"""A build's kernel, called as C++ in a process of this machine: no XRT, no card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.design.contract import Contract
from fpgac.engines import engine as engines
from fpgac.engines.calling import Function, call
from fpgac.errors import BuildError, Problem, Where
from fpgac.numbers import IntArray
from fpgac.steps.plan import Engine, kernel_library

__all__ = ["Kernel", "run_kernel"]


@dataclass(frozen=True, eq=False)
class Kernel(engines.Engine):
    """The kernel of the build in ``folder``; ``body`` says which C++ computes in it."""

    folder: Path
    contract: Contract
    body: Engine = "hls"
    cancellation: Cancellation = NEVER

    @property
    def name(self) -> str:
        """See :attr:`Engine.name`."""
        return "kernel" if self.body == "hls" else "kernel with the exact program"

    @property
    def covers(self) -> tuple[str, ...]:
        """See :attr:`Engine.covers`: the exact program stands in the core's place."""
        return ("kernel/",) if self.body == "hls" else ()

    def words(
        self, vectors: engines.Vectors, progress: engines.Fraction = engines.ignored
    ) -> IntArray:
        """See :meth:`Engine.words`."""
        return run_kernel(self.folder, self.contract, vectors.words, self.body, self.cancellation)


def run_kernel(
    folder: Path,
    contract: Contract,
    words: IntArray,
    engine: Engine = "hls",
    cancellation: Cancellation = NEVER,
) -> IntArray:
    """The kernel's raw words for rows of raw words, as rows; see :class:`fpgac.tensors.Layout`.

    Raises:
        BuildError: the build holds no kernel of that engine for this machine.
        EmulationError: the kernel crashed.
    """
    library = folder / kernel_library(contract.kernel, engine)
    if not library.is_file():
        raise BuildError(
            Problem(
                f"the build has no {engine} kernel",
                Where(library),
                hint="run fpgac compile again",
                code="build.no-kernel",
            )
        )
    answers = call(
        Function(library, contract.entry, f"kernel {contract.kernel}"),
        _padded(words, contract),
        [(buffer.stride, buffer.type.dtype) for buffer in contract.outputs],
        cancellation=cancellation,
    )
    layout = contract.output_layout
    results = np.empty((len(words), layout.size), layout.dtype)
    for (tensor, columns), rows in zip(layout.places, answers, strict=True):
        results[:, columns] = rows[:, : tensor.size]
    return results


def _padded(words: IntArray, contract: Contract) -> list[IntArray]:
    """The rows of each of the kernel's inputs, as they lie in memory."""
    padded = []
    for buffer, (_, columns) in zip(contract.inputs, contract.input_layout.places, strict=True):
        rows = np.zeros((len(words), buffer.stride), buffer.type.dtype)
        rows[:, : buffer.size] = words[:, columns]
        padded.append(rows)
    return padded
