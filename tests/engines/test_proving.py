"""The proof is a loop: every engine is asked the same vectors, and compared with a reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.engines.engine import Engine, Fraction, Known, Vectors, ignored
from fpgac.engines.proving import Approximation, Question, Unavailable, prove
from fpgac.errors import ProofError
from fpgac.numbers import FixedPoint, IntArray
from fpgac.tensors import Layout, Tensor

TYPE = FixedPoint.parse("ap_fixed<8,4>")
LAYOUT = Layout((Tensor("y", (1,), TYPE), Tensor("p", (1,), TYPE)))


def vectors(title: str, *first: float) -> Vectors:
    numbers = np.array([[number, 0.0] for number in first])
    return Vectors(title, LAYOUT, numbers)


FEW, MORE = vectors("vectors", 1, 2, 3), vectors("test data", 4, 5)


@dataclass(frozen=True, eq=False)
class Adder(Engine):
    """Adds ``offset`` to each word; counts how often it is asked."""

    engine: str
    calls: list[int]
    offset: tuple[int, int] = (0, 0)
    lack: str | None = None
    approximate: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.engine

    def missing(self) -> str | None:
        return self.lack

    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        self.calls.append(len(vectors))
        progress(1.0)
        words: IntArray = vectors.words + np.array(self.offset)
        return words


def adder(name: str, **more: object) -> Adder:
    return Adder(name, [], **more)  # type: ignore[arg-type]


def test_an_engine_is_asked_all_its_vectors_at_once() -> None:
    reference, other = adder("program"), adder("Keras")
    proof, words = prove(Question(reference, (FEW, MORE)), [Question(other, (MORE, FEW))], LAYOUT)
    assert (reference.calls, other.calls) == ([5], [5])
    assert [each.engine for each in proof.agreements] == ["program", "Keras"]
    assert proof.agreements[1].samples == {"test data": 2, "vectors": 3}
    np.testing.assert_array_equal(words["test data"], MORE.words)


def test_an_engine_that_is_not_on_this_machine_is_reported_with_its_reason() -> None:
    absent = adder("xrt host", lack="no XRT (apt install libxrt1)")
    proof, _ = prove(Question(adder("program"), (FEW,)), [Question(absent, (FEW,))], LAYOUT)
    assert absent.calls == []
    assert proof.unavailable == (Unavailable("xrt host", "no XRT (apt install libxrt1)"),)


def test_one_wrong_word_is_an_error_that_names_engines_vectors_and_output() -> None:
    wrong = Question(adder("kernel", offset=(0, 1)), (MORE,))
    with pytest.raises(ProofError, match=r"kernel and program .* of the test data, .* p\[0\]"):
        prove(Question(adder("program"), (FEW, MORE)), [wrong], LAYOUT)


def test_what_an_engine_can_only_approximate_is_measured() -> None:
    keras = adder("Keras", offset=(0, 2), approximate=frozenset({"p"}))
    proof, _ = prove(Question(adder("program"), (FEW,)), [Question(keras, (FEW,))], LAYOUT)
    (measured,) = proof.agreements[1].approximations
    assert measured == Approximation("p", "vectors", 3, 3, 2 * TYPE.step)


def test_known_answers_are_those_to_their_own_vectors_alone() -> None:
    known = Known("the proof", FEW, FEW.words)
    assert known.words(FEW) is known.answers
    with pytest.raises(ValueError, match="the vectors alone"):
        known.words(MORE)


def test_progress_names_the_engine() -> None:
    heard: list[tuple[str, float]] = []
    questions = [Question(adder("Keras"), (FEW,))]
    prove(Question(adder("program"), (FEW,)), questions, LAYOUT, lambda *news: heard.append(news))
    assert heard == [("program", 0.0), ("program", 1.0), ("Keras", 0.0), ("Keras", 1.0)]


def test_vectors_are_rows_of_numbers_and_by_the_one_rule_of_words() -> None:
    numbers: npt.NDArray[np.float64] = np.array([[0.5, np.nan], [7.99, 1e300]])
    np.testing.assert_array_equal(
        Vectors("some", LAYOUT, numbers).words,
        np.stack([LAYOUT.raw(row[None])[0] for row in numbers]),
    )
