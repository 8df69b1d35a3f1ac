"""Vectors: the data, random samples, and every corner of every input's own type."""

from __future__ import annotations

import numpy as np

from fpgac.data.vectors import corner_numbers, make_vectors
from fpgac.digest import digest_bytes
from fpgac.numbers import FixedPoint
from fpgac.tensors import Layout, Tensor

TYPE = FixedPoint.parse("ap_fixed<8,4,RND,SAT>")
NARROW = FixedPoint.parse("ap_ufixed<3,1>")
THREE = Layout((Tensor("x", (3,), TYPE),))
TWO = Layout((Tensor("image", (2, 1), TYPE), Tensor("scale", (1,), NARROW)))
CORNERS = len(corner_numbers(TYPE))


def test_corners_hold_ties_extremes_and_what_is_not_finite() -> None:
    corners = corner_numbers(TYPE)
    scaled = corners[np.isfinite(corners)] / TYPE.step
    assert np.isin([-0.5, 0.5, 1.5, TYPE.lowest, TYPE.highest, TYPE.highest + 1], scaled).all()
    assert np.isposinf(corners).any()
    assert np.isneginf(corners).any()
    assert set(np.signbit(corners[np.isnan(corners)])) == {True, False}


def test_every_input_meets_every_corner_alone() -> None:
    data = np.full((5, 3), 0.25)
    vectors = make_vectors(THREE, data, random=10, seed=1)
    alone = vectors[5 + 10 + CORNERS :]
    assert len(alone) == 3 * CORNERS
    for place in range(3):
        mine = alone[place::3]
        np.testing.assert_array_equal(mine[:, place], corner_numbers(TYPE))
        assert (np.delete(mine, place, axis=1) == 0.25).all()


def test_each_tensor_meets_the_corners_of_its_own_type() -> None:
    vectors = make_vectors(TWO, np.zeros((5, 3)), random=10, seed=1)
    together, alone = vectors[15 : 15 + CORNERS], vectors[15 + CORNERS :]
    for column, to in enumerate((TYPE, TYPE, NARROW)):
        np.testing.assert_array_equal(together[:, column], corner_numbers(to))
        np.testing.assert_array_equal(alone[column::3, column], corner_numbers(to))


def test_random_samples_reach_a_quarter_beyond_the_range_of_each_type() -> None:
    anywhere = make_vectors(TWO, np.zeros((0, 3)), random=5000, seed=1)[:5000]
    for column, edge in enumerate((10.0, 10.0, 1.25 * 1.75)):
        assert 0.99 * edge < np.abs(anywhere[:, column]).max() < edge


def test_vectors_depend_on_the_seed_alone() -> None:
    data = np.zeros((2, 3))
    first, again = (make_vectors(THREE, data, 50, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, make_vectors(THREE, data, 50, seed=4), equal_nan=True)


def test_the_vectors_of_a_seed_never_change() -> None:
    """Builds are the same bytes anywhere, and their vectors are a part of them."""
    vectors = make_vectors(THREE, np.full((5, 3), 0.25), random=10, seed=1)
    assert digest_bytes(vectors.tobytes())[:16] == "82bea698b15cd0d9"
