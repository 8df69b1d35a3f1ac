"""The jets data set: the public one's columns, reproducible by seed."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.data.dataset import Dataset
from fpgac.data.jets import JetsProvider
from fpgac.numbers import FixedPoint


@pytest.fixture(scope="module")
def data() -> Dataset:
    return JetsProvider().load(20_000, seed=3)


def test_features_are_standardised(data: Dataset) -> None:
    assert data.features.shape == (20_000, 16)
    np.testing.assert_allclose(data.features.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(data.features.std(axis=0), 1, atol=0.25)


def test_hardly_a_feature_is_beyond_the_interface(data: Dataset) -> None:
    to = FixedPoint.parse("ap_fixed<16,6,RND,SAT>")
    assert (np.abs(to.on_grid(data.features) - data.features) > 2**-11).mean() < 1e-4


def test_every_kind_is_as_likely(data: Dataset) -> None:
    np.testing.assert_allclose(data.targets.mean(axis=0), 0.2, atol=0.01)


def test_the_seed_decides_and_each_seed_differently(data: Dataset) -> None:
    again, other = (JetsProvider().load(1000, seed) for seed in (3, 4))
    np.testing.assert_array_equal(again.features, data.features[:1000])
    np.testing.assert_array_equal(again.targets, data.targets[:1000])
    assert not np.array_equal(other.features, again.features)
