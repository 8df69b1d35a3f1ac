"""Weights as constants: what takes a wire, an adder or a multiplier."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.estimate.weights import Constants, assumed, counted
from fpgac.numbers import FixedPoint

BYTE = FixedPoint(8, 1, signed=True)


@pytest.mark.parametrize(
    ("word", "nonzero", "two_digit", "multipliers"),
    [
        (0, 0, 0, 0),
        (1, 1, 0, 0),
        (-64, 1, 0, 0),  # a shift
        (3, 1, 1, 0),  # 4 - 1
        (-7, 1, 1, 0),  # 8 - 1
        (11, 1, 0, 1),  # 8 + 4 - 1
        (85, 1, 0, 1),
    ],
)
def test_a_weight_costs_by_its_signed_digits(
    word: int, nonzero: int, two_digit: int, multipliers: int
) -> None:
    assert counted(np.array([[word]])) == Constants(1, 1, nonzero, two_digit, multipliers)


def test_an_input_is_multiplied_once_with_what_differs_by_shift_or_sign() -> None:
    assert counted(np.array([[11, 22, -44, 88]])) == Constants(1, 4, 4, 0, 1)


def test_inputs_share_nothing() -> None:
    assert counted(np.array([[11, 11], [11, 13]])) == Constants(2, 2, 4, 0, 3)


def test_terms_are_those_of_a_sum() -> None:
    assert counted(np.array([[1, 0], [1, 1]])).terms == 1.5
    assert counted(np.zeros((3, 2), np.int64)).terms == 1.0


def test_weights_that_are_not_trained_are_the_same_each_time() -> None:
    assert assumed(16, 64, BYTE) == assumed(16, 64, BYTE)


def test_assumed_weights_have_the_sparsity_that_is_asked_for() -> None:
    dense, pruned = assumed(64, 64, BYTE), assumed(64, 64, BYTE, sparsity=0.75)
    assert dense.nonzero == pytest.approx(4096, rel=0.1)
    assert pruned.nonzero == pytest.approx(1024, rel=0.1)


def test_fewer_bits_need_fewer_multipliers() -> None:
    narrow = FixedPoint(4, 1, signed=True)
    assert assumed(16, 16, narrow).multipliers < assumed(16, 16, BYTE).multipliers


def test_large_matrices_are_counted_by_a_part_of_them() -> None:
    large = assumed(2048, 2048, BYTE)
    assert large.products == 2048 * 2048
    assert 0.7 * large.products < large.nonzero <= large.products
