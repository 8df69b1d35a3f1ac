"""ROC curves of single labels, compared with scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score

from fpgac.reports.roc import labels


@pytest.mark.parametrize("steps", [0, 1, 8])
def test_the_figures_are_those_of_scikit_learn(steps: int) -> None:
    """With many equal outputs, too, as chips give them."""
    draw = np.random.default_rng(steps)
    truth = draw.integers(0, 2, (800, 2)).astype(float)
    scores = draw.normal(truth - 0.5, 1)
    scores = np.round(scores * steps) / steps if steps else scores
    for place, label in enumerate(labels(scores, truth, ("a", "b"))):
        column = truth[:, place], scores[:, place]
        found = scores[:, place] > 0
        assert label.auc == pytest.approx(roc_auc_score(*column), abs=1e-12)
        assert label.accuracy == accuracy_score(truth[:, place], found)
        np.testing.assert_array_equal(label.confusion, confusion_matrix(truth[:, place], found))
        low, high = label.auc_interval
        assert low < label.auc < high
        assert high - low < 0.1


def test_the_curve_rises_from_nothing_to_everything() -> None:
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 2, (5000, 1)).astype(float)
    (label,) = labels(draw.normal(truth, 1), truth, ("a",))
    assert (label.curve[0], label.curve[-1]) == ((0, 0), (1, 1))
    assert (np.diff(label.curve, axis=0) >= 0).all()
    assert len(label.curve) <= 201


def test_without_samples_of_both_kinds_there_is_no_area() -> None:
    (label,) = labels(np.zeros((3, 1)), np.ones((3, 1)), ("a",))
    assert np.isnan(label.auc)
    assert label.auc_interval == (0.0, 1.0)
