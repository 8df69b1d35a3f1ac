"""An exact program as an engine: as native code, and as numpy reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fpgac.engines.engine import Engine, Fraction, Vectors, ignored
from fpgac.native.engine import Engine as Native
from fpgac.numbers import IntArray
from fpgac.program.interpreter import interpret
from fpgac.program.program import Program

__all__ = ["EXACT", "ExactProgram", "ProgramInNumpy"]

EXACT = "exact program"

# Samples that numpy has in memory at a time.
_PIECE = 1 << 10


@dataclass(frozen=True, eq=False)
class ExactProgram(Engine):
    """The program compiled for this processor, on ``threads`` of its processors or all.

    Without g++, numpy interprets it; :attr:`note` says so.
    """

    program: Program
    threads: int | None = None
    name = EXACT

    @cached_property
    def _native(self) -> Native:
        return Native.of(self.program)

    @property
    def note(self) -> str:
        """Why it is slower than it could be, if it is."""
        return self._native.note

    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        """See :meth:`Engine.words`."""
        if vectors.layout.is_scaled:  # which the program knows nothing of
            return self._native.words(vectors.words, threads=self.threads)
        return self._native.numbers(vectors.numbers, threads=self.threads)


@dataclass(frozen=True, eq=False)
class ProgramInNumpy(Engine):
    """The program as its definition reads: slow, and nothing in it is generated."""

    program: Program
    name = "program in numpy"

    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        """See :meth:`Engine.words`."""
        pieces = []
        for first in range(0, len(vectors), _PIECE):
            pieces.append(interpret(self.program, vectors.words[first : first + _PIECE]))
            progress((first + len(pieces[-1])) / len(vectors))
        return np.concatenate(pieces)
