"""hls4ml's C simulation at raw words, run in child processes that may crash."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.core.core import Core
from fpgac.engines.calling import PATIENCE, Function, call
from fpgac.engines.engine import Engine, Fraction, Vectors, ignored
from fpgac.numbers import IntArray

__all__ = ["CSIMULATION", "CSimulation", "simulate"]

CSIMULATION: Final = "C simulation"

# Samples between two signs of life, and the samples that are worth a process of their own.
CHUNK: Final = 64
SHARE: Final = 1024


@dataclass(frozen=True, eq=False)
class CSimulation(Engine):
    """hls4ml's C simulation of ``core``, in a ``library`` of its g++ steps.

    It runs in ``processes``, by default one for each processor.
    """

    library: Path
    core: Core
    processes: int | None = None
    cancellation: Cancellation = NEVER
    name = CSIMULATION

    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        """See :meth:`Engine.words`."""
        return simulate(
            self.library,
            self.core,
            vectors.words,
            progress=lambda done: progress(done / len(vectors)),
            processes=self.processes,
            cancellation=self.cancellation,
        )


def simulate(
    library: Path,
    core: Core,
    words: IntArray,
    *,
    progress: Callable[[int], None] = lambda done: None,
    processes: int | None = None,
    patience: float = PATIENCE,
    cancellation: Cancellation = NEVER,
) -> IntArray:
    """The core's answers to rows of raw words, as rows; see :class:`fpgac.tensors.Layout`.

    It runs in child processes, so that a crash in the generated code is an error here.

    Args:
        library: what the steps of :func:`fpgac.steps.core.core_steps` made.
        core: the core that was compiled.
        words: raw words of ``core.input_layout``, any integer dtype.
        progress: called now and then with the samples done so far.
        processes: how many at once; by default one for each processor, fewer for few samples.
        patience: how long it may be silent, in seconds.

    Raises:
        EmulationError: the simulation crashed, hung, or used its streams wrongly.
    """
    samples, results = _checked(words, core), core.output_layout
    if processes is None:
        processes = min(len(os.sched_getaffinity(0)), 1 + len(samples) // SHARE)
    (answers,) = call(
        Function(library, f"{core.top}_simulate", f"the C simulation of {core.top!r}"),
        [samples],
        [(results.size, "<i8")],
        chunk=CHUNK,
        processes=processes,
        progress=progress,
        patience=patience,
        cancellation=cancellation,
    )
    return answers.astype(results.dtype)


def _checked(words: IntArray, core: Core) -> IntArray:
    layout = core.input_layout
    if words.ndim != 2 or words.shape[1] != layout.size:
        raise ValueError(f"expected shape (samples, {layout.size}), not {words.shape}")
    for tensor, columns in layout.places:
        part, type_ = words[:, columns], tensor.type
        lowest = -(1 << (type_.width - 1)) if type_.signed else 0
        if part.size and not lowest <= int(part.min()) <= int(part.max()) <= type_.highest:
            raise ValueError(f"raw words of {type_} are {lowest} to {type_.highest}")
    return np.ascontiguousarray(words, dtype="<i8")
