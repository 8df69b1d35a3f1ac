"""Data sets refuse what does not fit, and are parted reproducibly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fpgac.data.dataset import Dataset, Quantity, split
from fpgac.errors import DataError
from tests.problems import coded


def regression(samples: int = 100, **changes: Any) -> Dataset:
    """``x`` counts the samples; the quantity is 10^x and its baseline is 1 too much."""
    x = np.arange(samples, dtype=np.float64)[:, np.newaxis] / samples
    quantity = Quantity(
        name="energy",
        symbol="E",
        unit="MeV",
        truth=10 ** x[:, 0],
        baseline=10 ** x[:, 0] + 1,
        baseline_name="table",
        decode=lambda outputs: np.asarray(10 ** outputs[:, 0]),
        edges=(1.0, 10.0),
    )
    values: dict[str, Any] = {
        "name": "line",
        "task": "regression",
        "features": x,
        "targets": x.copy(),
        "feature_names": ("x",),
        "target_names": ("y",),
        "quantity": quantity,
    }
    return Dataset(**values | changes)


def classes(counts: tuple[int, ...]) -> Dataset:
    """So many samples of each class, one class after the other."""
    species = np.repeat(np.arange(len(counts)), counts)
    names = tuple("abc"[: len(counts)])
    features = np.arange(len(species), dtype=np.float64)[:, np.newaxis]
    return Dataset("abc", "classification", features, np.eye(len(counts))[species], ("x",), names)


def test_the_parts_are_the_whole_and_share_nothing() -> None:
    parts = split(regression(), 0.2, seed=3)
    assert (len(parts.train), len(parts.test)) == (80, 20)
    together = np.concatenate([parts.train.features, parts.test.features])
    np.testing.assert_array_equal(np.sort(together, axis=0), regression().features)


def test_a_sample_keeps_its_answer_truth_and_baseline() -> None:
    test = split(regression(), 0.2, seed=3).test
    np.testing.assert_array_equal(test.targets, test.features)
    assert test.quantity is not None
    np.testing.assert_array_equal(test.quantity.truth, 10 ** test.features[:, 0])
    np.testing.assert_array_equal(test.quantity.baseline, test.quantity.truth + 1)


def test_the_seed_alone_decides() -> None:
    first, again, other = (split(regression(), 0.2, seed).test.features for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_each_class_is_parted_alike() -> None:
    parts = split(classes((50, 30, 20)), 0.2, seed=1)
    np.testing.assert_array_equal(parts.test.targets.sum(axis=0), [10, 6, 4])
    np.testing.assert_array_equal(parts.train.targets.sum(axis=0), [40, 24, 16])


@pytest.mark.parametrize(("samples", "fraction"), [(1, 0.5), (10, 0.01), (10, 0.99)])
def test_too_few_samples_for_two_parts(samples: int, fraction: float) -> None:
    got = f"{samples} samples and test_fraction = {fraction}"
    with pytest.raises(DataError, check=coded("data.too-few-samples", got=got)):
        split(regression(samples), fraction, seed=1)


@pytest.mark.parametrize(
    ("changes", "code", "got"),
    [
        ({"features": np.zeros(100)}, "data.wrong-columns", "float64 of shape (100,)"),
        ({"features": np.zeros((100, 2))}, "data.wrong-columns", "float64 of shape (100, 2)"),
        (
            {"targets": np.zeros((100, 1), np.float32)},
            "data.wrong-columns",
            "float32 of shape (100, 1)",
        ),
        ({"targets": np.zeros((99, 1))}, "data.unequal-rows", "99 rows"),
        ({"targets": np.full((100, 1), np.inf)}, "data.not-finite", "inf as 'y' in sample 0"),
        ({"task": "classification"}, "data.not-one-hot", ""),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], code: str, got: str) -> None:
    with pytest.raises(DataError, check=coded(code, got=got)):
        regression(**changes)


def test_a_baseline_for_other_samples_is_refused() -> None:
    with pytest.raises(DataError, check=coded("data.unequal-rows", "data.unequal-rows")):
        regression(100, quantity=regression(50).quantity)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(DataError, check=coded("data.wrong-columns", "data.wrong-columns")):
        regression(features=np.zeros(3), targets=np.zeros(3))


def test_a_network_is_judged_beside_truth_and_baseline() -> None:
    data = regression()
    assert data.quantity is not None
    estimates = data.quantity.estimates(data.targets)
    assert list(estimates.by) == ["network", "table"]
    np.testing.assert_array_equal(estimates.by["network"], estimates.truth)
