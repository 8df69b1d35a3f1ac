"""What an engine is: it answers rows of raw words with rows of raw words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.numbers import IntArray
from fpgac.tensors import Layout, exact_floats

__all__ = ["Engine", "Fraction", "Known", "Vectors", "ignored"]

# Is called with how far an engine is, from 0 to 1.
Fraction = Callable[[float], None]


def ignored(fraction: float) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Samples to ask engines: rows of numbers, shape (samples, layout.size), floats or integers.

    ``title`` is what reports call them. Engines that convert numbers themselves, as hosts do, take
    :attr:`numbers`; the others take :attr:`words`.
    """

    title: str
    layout: Layout
    numbers: npt.NDArray[Any]

    @cached_property
    def words(self) -> IntArray:
        """The numbers' raw words, by the one rule.

        Raises:
            DataError: no numbers, or one that no float64 holds.
        """
        return self.layout.raw(exact_floats(self.numbers))

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def joined(cls, parts: Iterable[Vectors]) -> Vectors:
        """The samples of all ``parts`` one after the other.

        Their layouts differ in scalings at most; where they do, what comes is scaled already.
        """
        several = list(parts)
        if len(several) == 1:
            return several[0]
        title, layout = " and ".join(part.title for part in several), several[0].layout
        if any(part.layout != layout for part in several):
            layout = layout.with_scaling({})
            several = [cls(part.title, layout, layout.number(part.words)) for part in several]
        return cls(title, layout, np.concatenate([part.numbers for part in several]))


class Engine(ABC):
    """Whatever answers samples with raw words: a model, a simulation, a program, a host."""

    @property
    def approximate(self) -> frozenset[str]:
        """The outputs, by name, that it can only approximate, as Keras does softmax's tables."""
        return frozenset()

    @property
    @abstractmethod
    def name(self) -> str:
        """What reports call it."""

    @property
    def covers(self) -> tuple[str, ...]:
        """The files of a design that it runs; a path that ends with ``/`` is a whole folder.

        A model of what the files should do runs none.
        """
        return ()

    def missing(self) -> str | None:
        """What it lacks on this machine, and how to get it; None if it can be asked."""
        return None

    @abstractmethod
    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        """The raw words of the results, shape (samples, numbers in a result).

        Raises:
            FpgacError: it did not run.
        """


@dataclass(frozen=True, eq=False)
class Known(Engine):
    """Answers that are there already, those of ``engine``: to ``vectors``, and to no others."""

    engine: str
    vectors: Vectors
    answers: IntArray
    inexact: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """See :attr:`Engine.name`."""
        return self.engine

    @property
    def approximate(self) -> frozenset[str]:
        """See :attr:`Engine.approximate`."""
        return self.inexact

    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        """See :meth:`Engine.words`.

        Raises:
            ValueError: the vectors are others.
        """
        if vectors is not self.vectors:
            raise ValueError(f"{self.name} has answers to the {self.vectors.title} alone")
        return self.answers
