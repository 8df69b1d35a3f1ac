"""A build's kernel, called as C++ in a process of this machine: no XRT, no card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fpgac.design.contract import Contract
from fpgac.engines import engine as engines
from fpgac.engines.kernel_call import simulate_kernel
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

    @property
    def name(self) -> str:
        """See :attr:`Engine.name`."""
        return "kernel" if self.body == "hls" else "kernel with the exact program"

    def words(
        self, vectors: engines.Vectors, progress: engines.Fraction = engines.ignored
    ) -> IntArray:
        """See :meth:`Engine.words`."""
        return run_kernel(self.folder, self.contract, vectors.words, self.body)


def run_kernel(
    folder: Path, contract: Contract, words: IntArray, engine: Engine = "hls"
) -> IntArray:
    """The kernel's raw words for raw words of shape (samples, inputs), of shape (samples, outputs).

    Raises:
        BuildError: the build holds no kernel of that engine for this machine.
        EmulationError: the kernel crashed.
    """
    library = folder / kernel_library(contract.kernel, engine)
    if not library.is_file():
        raise BuildError(
            Problem(
                f"the build has no {engine} kernel", Where(library), hint="run fpgac compile again"
            )
        )
    rows = np.zeros((len(words), contract.input.stride), contract.input.type.dtype)
    rows[:, : words.shape[1]] = words
    results = simulate_kernel(
        library,
        contract.entry,
        rows,
        output_shape=(len(words), contract.output.stride),
        output_dtype=contract.output.type.dtype,
    )
    return results[:, : contract.output.elements]
