"""Equal words pass; anything else names the first word that differs."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.engines.engine import Vectors
from fpgac.engines.proof import compared, differences
from fpgac.errors import ProofError
from fpgac.numbers import FixedPoint
from fpgac.tensors import Layout, Tensor

TYPE = FixedPoint.parse("ap_fixed<8,4,RND,SAT>")
INPUTS = Layout((Tensor("x", (1,), TYPE),))
OUTPUTS = Layout((Tensor("y", (2,), TYPE), Tensor("z", (2, 1), TYPE)))
VECTORS = Vectors("vectors", INPUTS, np.array([[0.5], [1.5], [2.5]]))
EXPECTED = np.array([[1, 2, 0, 0], [3, 4, 0, 0], [5, 6, 0, 0]])


def test_equal_words_have_no_difference_whatever_their_width() -> None:
    words = EXPECTED.astype(np.int64), EXPECTED.astype(np.int16)
    assert list(differences(*words, OUTPUTS)) == []


def test_the_first_difference_is_named_with_both_words_and_the_inputs() -> None:
    got = EXPECTED.copy()
    got[1, 1], got[2, 0] = 9, 0
    with pytest.raises(ProofError) as caught:
        compared("pynq", got, "csim", EXPECTED, VECTORS, OUTPUTS)
    (problem,) = caught.value.problems
    assert problem.code == "proof.engines-differ"
    assert "2 of 3 samples of the vectors, first in sample 1, output y[1]" in problem.what
    assert problem.expected == "4 = 0.25 as ap_fixed<8,4,RND,SAT>, from csim"
    assert problem.got == "9 = 0.5625 as ap_fixed<8,4,RND,SAT>, from pynq"
    assert "1.5" in problem.hint


def test_each_output_that_differs_is_named() -> None:
    got = EXPECTED + np.array([[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, -2]])
    with pytest.raises(ProofError) as caught:
        compared("xrt", got, "csim", EXPECTED, VECTORS, OUTPUTS)
    places = [problem.what.partition("output ")[2] for problem in caught.value.problems]
    assert places == ["y[0]", "z[1, 0]"]


def test_results_of_another_shape_are_never_equal() -> None:
    with pytest.raises(ProofError) as caught:
        compared("xrt", EXPECTED[:2], "csim", EXPECTED, VECTORS, OUTPUTS)
    assert [problem.code for problem in caught.value.problems] == ["proof.other-shape"]


def test_an_output_that_is_only_approximated_is_measured_not_refused() -> None:
    got = EXPECTED + np.array([[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, -3, 1]])
    (difference,) = compared("Keras", got, "csim", EXPECTED, VECTORS, OUTPUTS, frozenset("z"))
    assert (difference.tensor.name, difference.count, difference.greatest) == ("z", 2, 3)
    with pytest.raises(ProofError, match=r"output y\[0\]"):
        compared("Keras", got + 1, "csim", EXPECTED, VECTORS, OUTPUTS, frozenset("z"))
