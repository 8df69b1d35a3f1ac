"""The proof: every engine is asked the same vectors, and its raw words must be the reference's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, chain

import numpy as np

from fpgac.engines.engine import Engine, Vectors
from fpgac.engines.proof import compared
from fpgac.numbers import IntArray
from fpgac.tensors import Layout

__all__ = ["Agreement", "Approximation", "Proof", "Question", "Unavailable", "prove"]


@dataclass(frozen=True)
class Question:
    """An engine and the vectors that it is asked, all of them at once."""

    engine: Engine
    vectors: tuple[Vectors, ...]


@dataclass(frozen=True)
class Approximation:
    """How far an engine is from an output that it can only approximate.

    ``differ`` of the ``samples`` samples of ``vectors`` differ, by ``greatest`` at most: a number,
    not a raw word.
    """

    output: str
    vectors: str
    differ: int
    samples: int
    greatest: float


@dataclass(frozen=True)
class Agreement:
    """An engine that gave the reference's raw words.

    ``samples`` says how many of each set of vectors, by its title; ``approximations`` are of the
    outputs that it only approximates.
    """

    engine: str
    samples: Mapping[str, int]
    approximations: tuple[Approximation, ...] = ()


@dataclass(frozen=True)
class Unavailable:
    """An engine that could not be asked on this machine, and why."""

    engine: str
    reason: str


@dataclass(frozen=True)
class Proof:
    """The engines that agree, the reference first, and those that could not be asked.

    ``not_run`` are the files of the design that none of them has run.
    """

    agreements: tuple[Agreement, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    not_run: tuple[str, ...] = ()

    def __add__(self, other: Proof) -> Proof:
        return Proof(
            (*self.agreements, *other.agreements),
            (*self.unavailable, *other.unavailable),
            (*self.not_run, *other.not_run),
        )


# Hears which engine is under way, and how far it is, from 0 to 1.
Report = Callable[[str, float], None]


def prove(
    reference: Question,
    questions: Iterable[Question],
    outputs: Layout,
    report: Report = lambda engine, fraction: None,
) -> tuple[Proof, dict[str, IntArray]]:
    """Ask every engine that is on this machine, and compare its words with the reference's.

    Args:
        reference: the engine that must be there, and every set of vectors of the ``questions``.
        questions: the engines that stand against it.
        outputs: how a result of all outputs lies in a row.
        report: hears how it goes.

    Returns:
        The proof, and the reference's words by the titles of its vectors.

    Raises:
        ProofError: naming the first sample in which an engine differs from the reference.
        FpgacError: an engine did not run at all.
    """
    expected, agreement = _answers(reference, report)
    agreements, unavailable = [agreement], list[Unavailable]()
    for question in questions:
        engine = question.engine
        if (reason := engine.missing()) is not None:
            unavailable.append(Unavailable(engine.name, reason))
            continue
        got, agreement = _answers(question, report)
        measured = [
            _compared(
                engine, got[each.title], reference.engine, expected[each.title], each, outputs
            )
            for each in question.vectors
        ]
        agreements.append(replace(agreement, approximations=tuple(chain.from_iterable(measured))))
    return Proof(tuple(agreements), tuple(unavailable)), expected


def _answers(question: Question, report: Report) -> tuple[dict[str, IntArray], Agreement]:
    """An engine's words by the titles of its vectors, all of which it is asked at once."""
    engine = question.engine
    report(engine.name, 0.0)
    words = engine.words(
        Vectors.joined(question.vectors), lambda fraction: report(engine.name, fraction)
    )
    samples = {vectors.title: len(vectors) for vectors in question.vectors}
    ends = list(accumulate(samples.values()))
    parts = dict(zip(samples, np.split(words, ends[:-1]), strict=True))
    return parts, Agreement(engine.name, samples)


def _compared(
    engine: Engine,
    got: IntArray,
    reference: Engine,
    expected: IntArray,
    vectors: Vectors,
    outputs: Layout,
) -> Iterator[Approximation]:
    """How far ``engine`` is from the reference in what it only approximates; no output else is."""
    found = compared(
        engine.name, got, reference.name, expected, vectors, outputs, engine.approximate
    )
    apart = {difference.tensor.name: difference for difference in found}
    for tensor in outputs.tensors:
        if tensor.name in engine.approximate:
            difference = apart.get(tensor.name)
            differ, greatest = (difference.count, difference.greatest) if difference else (0, 0)
            yield Approximation(
                tensor.name, vectors.title, differ, len(vectors), greatest * tensor.type.step
            )
