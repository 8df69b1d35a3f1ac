"""Features are scaled as the training part has them, or as a table says."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.data.scaling import fitted, from_table, inverse, undone
from fpgac.errors import SpecError, Where
from fpgac.numbers import FixedPoint
from fpgac.spec.models import FeatureScaling, ScalingKind
from fpgac.tensors import Layout, Scaling, Tensor
from tests.problems import coded

Rows = npt.NDArray[np.floating[Any]]
TYPE = FixedPoint.parse("ap_fixed<16,6,RND,SAT>")
LAYOUT = Layout((Tensor("x", (3,), TYPE),))
TWO = Layout((Tensor("a", (1,), TYPE), Tensor("b", (2,), TYPE)))


@pytest.fixture
def features() -> Rows:
    """One feature around 100, one that never varies, and one from -3 to 5."""
    draw = np.random.default_rng(3)
    columns = [draw.normal(100, 7, 500), np.full(500, 0.1), draw.uniform(-3, 5, 500)]
    rows: Rows = np.stack(columns, axis=1).astype(np.float32)
    return rows


def scaled(kind: ScalingKind, rows: Rows) -> npt.NDArray[np.float64]:
    return fitted(kind, LAYOUT, rows)["x"].apply(rows)


def test_standard_gives_a_mean_of_0_and_a_deviation_of_1(features: Rows) -> None:
    rows = scaled("standard", features)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-7)
    np.testing.assert_allclose(rows.std(axis=0), [1, 0, 1], atol=1e-7)


def test_minmax_gives_the_range_from_0_to_1(features: Rows) -> None:
    rows = scaled("minmax", features)
    np.testing.assert_array_equal(rows.min(axis=0), 0)
    np.testing.assert_allclose(rows.max(axis=0), [1, 0, 1])


def test_a_power_of_two_changes_no_bit_of_a_fraction(features: Rows) -> None:
    rows = scaled("power-of-two", features)
    largest = np.abs(rows).max(axis=0)
    assert ((largest >= 0.5) & (largest <= 1)).all()
    np.testing.assert_array_equal(np.frexp(rows)[0], np.frexp(features.astype(np.float64))[0])


def test_each_input_has_the_scaling_of_its_own_columns(features: Rows) -> None:
    whole = fitted("minmax", LAYOUT, features)["x"]
    parts = fitted("minmax", TWO, features)
    assert parts["a"] == Scaling(whole.offset[:1], whole.scale[:1])
    assert parts["b"] == Scaling(whole.offset[1:], whole.scale[1:])


def test_a_table_scales_the_features_that_it_names() -> None:
    table = {"q": FeatureScaling(offset=2.0, scale=0.5)}
    found = from_table(table, LAYOUT, ("p", "q", "r"), Where())
    assert found == {"x": Scaling((0.0, 2.0, 0.0), (1.0, 0.5, 1.0))}


def test_a_table_of_unknown_features() -> None:
    with pytest.raises(SpecError, check=coded("spec.unknown-feature")):
        from_table({"pp": FeatureScaling()}, LAYOUT, ("p", "q", "r"), Where())


def test_the_inverse_gives_targets_their_units_back(features: Rows) -> None:
    scaling = fitted("standard", TWO, features)
    rows = TWO.with_scaling(scaling).scaled(features)
    np.testing.assert_allclose(undone(rows, TWO, scaling), features, rtol=1e-6)
    assert inverse(scaling["a"]).shape((1,)) == (1,)
    assert inverse(scaling["b"]).sizes == {2}
    assert inverse(scaling["a"]).sizes == frozenset()


def test_what_is_not_scaled_stays(features: Rows) -> None:
    scaling = {"b": Scaling((1.0, 2.0), (0.5, 0.25))}
    given = features.astype(np.float64)
    rows = undone(given, TWO, scaling)
    np.testing.assert_array_equal(rows[:, 0], given[:, 0])
    np.testing.assert_array_equal(rows[:, 1], given[:, 1] * 2.0 + 1)


@pytest.mark.parametrize(
    ("offset", "scale"), [((0.0,), (0.0,)), ((0.0,), (1.0, 2.0)), ((np.inf,), (1.0,))]
)
def test_scalings_that_are_none(offset: tuple[float, ...], scale: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="scal"):
        Scaling(offset, scale)


def test_raw_words_are_those_of_scaled_numbers() -> None:
    layout = LAYOUT.with_scaling({"x": Scaling((1.0, 0.0, 0.0), (0.5, 1.0, 4.0))})
    np.testing.assert_array_equal(layout.on_grid([[3.0, 3.0, 3.0]]), [[1.0, 3.0, 12.0]])
