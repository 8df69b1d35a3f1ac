"""What goes in but should not stay as it is gets a line that says what to do."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.data.dataset import Dataset, Split, Task
from fpgac.data.warnings import data_warnings, output_warnings, outside
from fpgac.numbers import FixedPoint
from fpgac.tensors import Layout, Scaling, Tensor

SATURATING = FixedPoint.parse("ap_fixed<8,4,RND,SAT>")  # -8 to 7.9375
WRAPPING = FixedPoint.parse("ap_fixed<8,4>")


def layout(type_: FixedPoint = SATURATING) -> Layout:
    return Layout((Tensor("x", (2,), type_),))


def samples(
    features: list[list[float]], targets: list[list[float]], task: Task = "regression"
) -> Dataset:
    names = tuple(f"t{place}" for place in range(len(targets[0])))
    return Dataset("d", task, np.array(features), np.array(targets), ("a", "b"), names)


def twice(data: Dataset) -> Split:
    return Split(data, data)


def test_nothing_is_said_of_good_data() -> None:
    good = samples([[1.0, 2.0], [3.0, -8.03]], [[0.0], [1.0]])
    assert data_warnings(twice(good), layout()) == ()


@pytest.mark.parametrize(("type_", "does"), [(SATURATING, "saturates"), (WRAPPING, "wraps")])
def test_inputs_beyond_their_type(type_: FixedPoint, does: str) -> None:
    large = samples([[1.0, 2.0], [3.0, 9.0], [2.0, 1.0], [9.0, -9.0]], [[0.0]] * 4)
    (line,) = data_warnings(twice(large), layout(type_))
    assert line.startswith(f"50.0% of 'b' (and 1 more) {does} in {type_}: choose more integer bits")


def test_scaled_inputs_are_looked_at_as_the_type_gets_them() -> None:
    large = samples([[100.0, 2.0], [300.0, 900.0]], [[0.0], [1.0]])
    scaled = layout().with_scaling({"x": Scaling((0.0, 0.0), (0.01, 0.005))})
    assert data_warnings(twice(large), scaled) == ()
    small = layout().with_scaling({"x": Scaling((0.0, 0.0), (0.01, 1.0))})
    (line,) = data_warnings(twice(large), small)
    assert line == f"50.0% of 'b' saturates in {SATURATING}: choose more integer bits"
    np.testing.assert_array_equal(outside(large.features, layout()), [1.0, 0.5])


def test_a_feature_that_never_varies() -> None:
    still = samples([[1.0, 2.0], [1.0, 3.0]], [[0.0], [1.0]])
    (line,) = data_warnings(twice(still), layout())
    assert line.startswith("'a' never varies in the training part")


@pytest.mark.parametrize(
    ("task", "train", "test", "told"),
    [
        ("classification", [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0]] * 2, "'t1' is in the training"),
        ("classification", [[0.0, 1.0]] * 2, [[1.0, 0.0], [0.0, 1.0]], "'t0' is in the test"),
        ("binary", [[0.0], [1.0]], [[1.0], [1.0]], "'not t0' is in the training"),
    ],
)
def test_a_class_that_one_part_lacks(
    task: Task, train: list[list[float]], test: list[list[float]], told: str
) -> None:
    features = [[1.0, 2.0], [2.0, 1.0]]
    parts = Split(samples(features, train, task), samples(features, test, task))
    (line,) = data_warnings(parts, layout())
    assert told in line


def test_an_output_that_wraps() -> None:
    numbers = np.array([[1.0, 2.0], [3.0, 9.0]])
    (line,) = output_warnings(numbers, Layout((Tensor("y", (2,), WRAPPING),)))
    assert line.startswith("the output 'y' wraps in 50.0% of the test samples")
    assert output_warnings(numbers, Layout((Tensor("y", (2,), SATURATING),))) == ()
