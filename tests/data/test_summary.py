"""A data set in figures: ranges as given, as scaled, and against what the type holds."""

from __future__ import annotations

import numpy as np

from fpgac.data.dataset import Dataset, Split
from fpgac.data.summary import summary
from fpgac.numbers import FixedPoint
from fpgac.reports.plots import Range, ranges_png
from fpgac.tensors import Layout, Scaling, Tensor

TYPE = FixedPoint.parse("ap_fixed<8,4,RND,SAT>")  # -8 to 7.9375


def data(features: list[list[float]]) -> Dataset:
    targets = np.eye(2)[[row % 2 for row in range(len(features))]]
    rows = np.array(features)
    return Dataset("d", "classification", rows, targets, ("p", "q"), ("even", "odd"))


PARTS = Split(data([[0.0, 100.0], [2.0, 300.0]]), data([[16.0, 200.0], [-2.0, 200.0]]))


def test_features_of_both_parts_against_their_types() -> None:
    inputs = Layout((Tensor("a", (1,), TYPE), Tensor("b", (1,), TYPE)))
    found = summary(PARTS, inputs.with_scaling({"b": Scaling((200.0,), (0.02,))}))
    first, second = found.features
    assert (first.name, first.input, first.lowest, first.highest) == ("p", "a", -2, 16)
    assert (first.scaled, first.holds, first.outside) == ((-2, 16), (-8, 7.9375), 0.25)
    assert (second.lowest, second.highest, second.mean) == (100, 300, 200)
    assert (second.scaled, second.outside) == ((-2, 2), 0)
    assert found.warnings == (), "the training part is within the types"


def test_targets_are_counted() -> None:
    found = summary(PARTS, Layout((Tensor("x", (2,), TYPE),)))
    assert (found.training, found.test) == (2, 2)
    assert [(each.name, each.samples) for each in found.targets] == [("even", 2), ("odd", 2)]
    assert "saturates" in found.warnings[0]


def test_ranges_are_drawn_in_units_of_the_type() -> None:
    (feature, _) = summary(PARTS, Layout((Tensor("x", (2,), TYPE),))).features
    assert feature.relative.whole == (-0.25, 2)
    assert ranges_png([feature.relative, Range("r", (0, 1), (0.1, 0.9))]).startswith(b"\x89PNG")
