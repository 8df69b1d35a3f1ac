"""The real Iris data, from scikit-learn."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from fpgac.data.iris import IrisProvider
from fpgac.errors import DataError, ToolchainError
from fpgac.numbers import FixedPoint
from tests.problems import coded


def test_fifty_flowers_of_each_species() -> None:
    data = IrisProvider().load(None, seed=1)
    assert data.features.shape == (150, 4)
    assert data.quantity is None
    np.testing.assert_array_equal(data.targets.sum(axis=0), [50, 50, 50])


def test_the_lengths_are_those_that_fisher_published() -> None:
    """Means in cm by species, as in his paper of 1936 (table 2)."""
    data = IrisProvider().load(None, seed=1)
    means = {
        name: data.features[data.targets[:, column] == 1].mean(axis=0)
        for column, name in enumerate(data.target_names)
    }
    np.testing.assert_allclose(means["versicolor"], [5.936, 2.770, 4.260, 1.326], atol=5e-4)
    np.testing.assert_allclose(means["virginica"], [6.588, 2.974, 5.552, 2.026], atol=5e-4)


def test_the_lengths_are_well_within_the_interface() -> None:
    features = IrisProvider().load(None, seed=1).features
    on_grid = FixedPoint.parse("ap_fixed<16,6,RND,SAT>").on_grid(features)
    assert np.abs(on_grid - features).max() <= 2**-11


def test_the_seed_orders_the_flowers() -> None:
    first, again, other = (IrisProvider().load(None, seed).features for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_more_flowers_than_there_are() -> None:
    with pytest.raises(DataError, check=coded("data.too-many-samples")):
        IrisProvider().load(151, seed=1)


def test_without_scikit_learn_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ToolchainError, check=coded("toolchain.no-scikit-learn")):
        IrisProvider().load(None, seed=1)
