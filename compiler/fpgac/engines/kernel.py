"""A build's kernel, called as C++ in a process of this machine: no XRT, no card."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fpgac.design.contract import Contract
from fpgac.engines.calling import Function, call
from fpgac.errors import BuildError, Problem, Where
from fpgac.numbers import IntArray
from fpgac.steps.plan import Engine, kernel_library

__all__ = ["run_kernel"]


def run_kernel(
    folder: Path, contract: Contract, words: IntArray, engine: Engine = "hls"
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
