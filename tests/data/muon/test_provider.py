"""The muon data set: 27 features on the interface's grid, reproducible by seed."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.data.dataset import Dataset
from fpgac.data.muon import MuonProvider
from fpgac.data.muon.provider import FEATURE_NAMES, decode, generate
from fpgac.numbers import FixedPoint

INTERFACE = FixedPoint.parse("ap_fixed<16,6,RND,SAT>")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return MuonProvider().load(30_000, seed=3)


def column(data: Dataset, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(data.features[:, FEATURE_NAMES.index(name)])


def test_there_are_27_features(data: Dataset) -> None:
    assert data.features.shape == (30_000, 27)
    assert len(set(data.feature_names)) == 27


def test_the_features_lie_on_the_interfaces_grid_as_they_are(data: Dataset) -> None:
    np.testing.assert_array_equal(INTERFACE.on_grid(data.features), data.features)


def test_the_features_use_the_interfaces_range(data: Dataset) -> None:
    """The bending takes at least a quarter of it, and (almost) nothing is cut off."""
    for name in ("dphi_12", "dphi_13", "phi_b_1", "phi_b_2"):
        assert 8 < np.abs(column(data, name)).max() < 31.99
    assert (np.abs(data.features) >= 31.99).mean() < 1e-4


def test_a_feature_is_a_trigger_word_times_a_power_of_two(data: Dataset) -> None:
    words = generate(30_000, 3).segments
    np.testing.assert_array_equal(column(data, "phi_2") * 256, words.phi[:, 1])
    np.testing.assert_array_equal(column(data, "phi_b_4") * 16, words.bend[:, 3])
    np.testing.assert_array_equal(column(data, "quality_3") * 4, words.quality[:, 2])
    np.testing.assert_array_equal(column(data, "present_3"), words.present[:, 2])
    np.testing.assert_array_equal(column(data, "eta") * 32, words.eta)
    both = words.present[:, 0] & words.present[:, 3]
    expected = np.where(both, words.phi[:, 3] - words.phi[:, 0], 0)
    unlimited = np.abs(expected) < 1023
    np.testing.assert_array_equal((column(data, "dphi_14") * 32)[unlimited], expected[unlimited])
    assert not column(data, "dphi_14")[~both].any()


def test_every_muon_has_two_segments_or_more(data: Dataset) -> None:
    present = np.stack([column(data, f"present_{station}") for station in range(1, 5)], axis=1)
    assert set(np.unique(present)) == {0.0, 1.0}
    assert present.sum(axis=1).min() == 2


def test_the_seed_decides_and_each_seed_differently(data: Dataset) -> None:
    again, other = (MuonProvider().load(30_000, seed) for seed in (3, 4))
    np.testing.assert_array_equal(again.features, data.features)
    np.testing.assert_array_equal(again.targets, data.targets)
    assert not np.array_equal(other.features, data.features)


def test_a_longer_sample_begins_with_the_shorter_one(data: Dataset) -> None:
    np.testing.assert_array_equal(MuonProvider().load(1000, seed=3).features, data.features[:1000])


def test_the_target_encodes_the_truth(data: Dataset) -> None:
    assert data.quantity is not None
    np.testing.assert_allclose(decode(data.targets), data.quantity.truth, rtol=1e-12)
    assert -2.42 < data.targets.min() < data.targets.max() < 3.65
    assert ((data.quantity.truth >= 3) & (data.quantity.truth <= 200)).all()


def test_wild_outputs_decode_to_the_ends_of_the_range() -> None:
    np.testing.assert_allclose(decode(np.array([[-100.0], [0.0], [100.0]])), [3, 16, 200])


def test_the_sign_of_the_bending_is_the_charges_and_says_nothing_of_the_momentum(
    data: Dataset,
) -> None:
    sign = np.sign(column(data, "dphi_12"))
    assert abs(sign.mean()) < 0.02
    charge = generate(30_000, 3).charge
    assert np.mean(sign[sign != 0] == -charge[sign != 0]) > 0.95
    assert abs(np.corrcoef(sign, data.targets[:, 0])[0, 1]) < 0.02


def test_the_calibration_shares_no_muon_with_a_users_sample(data: Dataset) -> None:
    from fpgac.data.muon.provider import CALIBRATION

    assert data.quantity is not None
    assert not np.intersect1d(generate(30_000, *CALIBRATION).pt, data.quantity.truth).size


def test_the_formula_for_notebooks_is_the_decoding() -> None:
    quantity = MuonProvider().load(100, seed=3).quantity
    assert quantity is not None
    outputs = np.linspace(-4, 5, 1001)[:, None]
    np.testing.assert_array_equal(
        eval(quantity.formula, {"np": np, "y": outputs}), quantity.decode(outputs)
    )
