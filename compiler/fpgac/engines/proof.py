"""Engines agree when their raw words are equal; where not, the first word that differs is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fpgac.engines.engine import Vectors
from fpgac.errors import Problem, ProofError
from fpgac.numbers import IntArray
from fpgac.tensors import Layout, Tensor

__all__ = ["Difference", "compared", "differences"]


@dataclass(frozen=True)
class Difference:
    """How two engines' raw words for one output tensor differ.

    ``sample`` and ``index`` (in the tensor of one sample) are of the first word that does, which
    is ``expected`` and ``got``. ``count`` of ``samples`` samples differ, by ``greatest`` at most,
    in raw words.
    """

    tensor: Tensor
    sample: int
    index: tuple[int, ...]
    expected: int
    got: int
    count: int
    samples: int
    greatest: int


def differences(expected: IntArray, got: IntArray, layout: Layout) -> Iterator[Difference]:
    """How rows of raw words of ``layout``, shape (samples, layout.size), differ, tensor by tensor.

    Raises:
        ValueError: the shapes differ, so that the words cannot be compared at all.
    """
    if expected.shape != got.shape:
        raise ValueError(f"shapes {expected.shape} and {got.shape} cannot be compared")
    for tensor, columns in layout.places:
        if difference := _difference(tensor, expected[:, columns], got[:, columns]):
            yield difference


def _difference(tensor: Tensor, expected: IntArray, got: IntArray) -> Difference | None:
    if np.array_equal(expected, got):
        return None
    apart = expected.astype(np.int64) - got.astype(np.int64)
    differs = apart != 0
    sample, place = map(int, np.unravel_index(int(differs.argmax()), differs.shape))
    return Difference(
        tensor,
        sample,
        tuple(map(int, np.unravel_index(place, tensor.shape))),
        int(expected[sample, place]),
        int(got[sample, place]),
        int(differs.any(axis=1).sum()),
        len(differs),
        int(np.abs(apart).max()),
    )


def compared(
    engine: str,
    got: IntArray,
    reference: str,
    expected: IntArray,
    vectors: Vectors,
    layout: Layout,
    approximate: frozenset[str] = frozenset(),
) -> tuple[Difference, ...]:
    """How the words of ``engine`` for ``vectors`` differ from those of ``reference``.

    Only the outputs that are named in ``approximate`` may.

    Raises:
        ProofError: naming the first sample that differs, with its inputs and both words.
    """
    if expected.shape != got.shape:
        raise ProofError(
            Problem(
                f"{engine} gave results of another shape than {reference}",
                expected=str(expected.shape),
                got=str(got.shape),
                code="proof.other-shape",
            )
        )
    found = tuple(differences(expected, got, layout))
    if wrong := [each for each in found if each.tensor.name not in approximate]:
        raise ProofError(*(_problem(engine, reference, each, vectors) for each in wrong))
    return found


def _problem(engine: str, reference: str, difference: Difference, vectors: Vectors) -> Problem:
    tensor = difference.tensor
    place = f"{tensor.name}[{', '.join(map(str, difference.index))}]"
    sample = np.array2string(vectors.numbers[difference.sample], threshold=12, precision=17)
    return Problem(
        f"{engine} and {reference} differ in {difference.count} of {difference.samples} samples "
        f"of the {vectors.title}, first in sample {difference.sample}, output {place}",
        expected=f"{_shown(difference.expected, tensor)}, from {reference}",
        got=f"{_shown(difference.got, tensor)}, from {engine}",
        hint=f"the sample's inputs: {' '.join(sample.split())}",
        code="proof.engines-differ",
    )


def _shown(word: int, tensor: Tensor) -> str:
    return f"{word} = {word * tensor.type.step:g} as {tensor.type}"
