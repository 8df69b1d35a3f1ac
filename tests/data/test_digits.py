"""The real digits, from scikit-learn."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from fpgac.data.digits import DigitsProvider
from fpgac.errors import DataError, ToolchainError
from fpgac.numbers import FixedPoint
from tests.problems import coded


def test_there_are_ten_digits_in_64_pixels() -> None:
    data = DigitsProvider().load(None, seed=1)
    assert data.features.shape == (1797, 64)
    assert len(data.feature_names) == 64
    # As the UCI repository counts them in its test part, of which these are all.
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    np.testing.assert_array_equal(data.targets.sum(axis=0), counts)


def test_every_grey_lies_on_the_interface_of_six_bits() -> None:
    features = DigitsProvider().load(None, seed=1).features
    assert (features.min(), features.max()) == (0, 1)
    on_grid = FixedPoint.parse("ap_ufixed<6,1,RND,SAT>").on_grid(features)
    np.testing.assert_array_equal(on_grid, features)


def test_pixels_stand_row_by_row() -> None:
    """A zero is dark around an empty middle."""
    data = DigitsProvider().load(None, seed=1)
    mean = data.features[data.targets[:, 0] == 1].mean(axis=0).reshape(8, 8)
    assert mean[3:5, 3:5].max() < 0.3 < mean[3:5, 2].min()
    assert mean[:, 0].max() < 0.1


def test_the_seed_orders_the_pictures() -> None:
    first, again, other = (DigitsProvider().load(99, seed).features for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_more_pictures_than_there_are() -> None:
    with pytest.raises(DataError, check=coded("data.too-many-samples")):
        DigitsProvider().load(1798, seed=1)


def test_without_scikit_learn_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ToolchainError, check=coded("toolchain.no-scikit-learn")):
        DigitsProvider().load(None, seed=1)
