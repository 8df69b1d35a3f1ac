"""Equal words pass; anything else names the first sample that differs."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.engines.proof import first_difference, require_equal
from fpgac.errors import ProofError
from fpgac.numbers import FixedPoint

TYPE = FixedPoint.parse("ap_fixed<8,4,RND,SAT>")


def test_equal_words_have_no_difference_whatever_their_width() -> None:
    words = np.array([[1, -2], [3, 4]])
    assert first_difference(words.astype(np.int64), words.astype(np.int16)) is None


def test_the_first_difference_is_named_with_both_words_and_the_inputs() -> None:
    expected = np.array([[1, 2], [3, 4], [5, 6]])
    got = np.array([[1, 2], [3, 9], [0, 6]])
    with pytest.raises(ProofError) as caught:
        require_equal("pynq", got, "csim", expected, np.array([[0.5], [1.5], [2.5]]), TYPE)
    text = str(caught.value)
    assert "differ in 2 of 3 samples, first in sample 1, output 1" in text
    assert "4 = 0.25 as ap_fixed<8,4,RND,SAT>, from csim" in text
    assert "9 = 0.5625" in text
    assert "1.5" in text
    assert caught.value.exit_code == 11


def test_results_of_another_shape_are_never_equal() -> None:
    with pytest.raises(ProofError, match="another shape"):
        require_equal("xrt", np.zeros((2, 1), int), "csim", np.zeros((3, 1), int), np.ones(3), TYPE)
