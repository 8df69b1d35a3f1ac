"""What code does is found from the numbers that it gives, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.network.imports.draft import Function, Scaling
from fpgac.network.imports.imitating import Observed, imitated
from fpgac.network.ops.arrangement import Flatten, Reshape

Floats = npt.NDArray[np.float64]

GIVEN = np.random.default_rng(1).normal(size=(64, 6, 2)) * 4


def seen(code: Callable[[Floats], Any], given: Floats = GIVEN) -> Observed:
    return Observed(given, np.asarray(code(given), np.float64))


def test_an_identity_is_no_step() -> None:
    assert imitated(seen(lambda x: x.astype(np.float32))) == ()


@pytest.mark.parametrize(
    ("shape", "step"), [((12,), Flatten()), ((4, 3), Reshape((4, 3))), ((6, 1, 2), None)]
)
def test_the_same_numbers_in_another_shape(shape: tuple[int, ...], step: Any) -> None:
    assert imitated(seen(lambda x: x.reshape(-1, *shape))) == (step or Reshape(shape),)


def test_numbers_in_another_order_are_not_imitated() -> None:
    assert imitated(seen(lambda x: x.transpose(0, 2, 1))) is None


def test_a_factor_and_a_shift_for_each_channel() -> None:
    factor, shift = np.array([2.0, -0.3]), np.array([0.0, 1 / 3])
    steps = imitated(seen(lambda x: (x * factor + shift).astype(np.float32)))

    assert steps is not None
    (scaling,) = steps
    assert isinstance(scaling, Scaling)
    assert np.allclose(scaling.factor.values, factor, rtol=1e-6)
    assert np.allclose(scaling.shift.values, shift, atol=1e-6)


def test_factors_are_as_round_as_the_code_has_them() -> None:
    (scaling,) = imitated(seen(lambda x: 2 * x - 1)) or ()

    assert isinstance(scaling, Scaling)
    assert scaling.factor.values.tolist() == [2.0, 2.0]
    assert scaling.shift.values.tolist() == [-1.0, -1.0]


@pytest.mark.parametrize(
    ("code", "function"),
    [
        (lambda x: (x + abs(x)) / 2, Function("relu")),
        (lambda x: np.minimum(np.maximum(x, 0), 6), Function("relu6")),
        (lambda x: 0.5 * np.tanh(x / 2) + 0.5, Function("sigmoid")),
        (np.tanh, Function("tanh")),
        (lambda x: np.log(1 + np.exp(x)), Function("softplus")),
        (lambda x: x / (1 + abs(x)), Function("softsign")),
        (lambda x: np.where(x > 0, x, np.exp(x) - 1), Function("elu")),
        (lambda x: np.maximum(x, 0.125 * x), Function("leaky_relu", 0.125)),
    ],
)
def test_functions_that_networks_are_made_of(
    code: Callable[[Floats], Floats], function: Function
) -> None:
    assert imitated(seen(code)) == (function,)


def test_softmax_is_over_the_last_axis() -> None:
    logits = GIVEN[:, :, 0]
    powers = np.exp(logits)
    observed = Observed(logits, powers / powers.sum(axis=1, keepdims=True))

    assert imitated(observed) == (Function("softmax"),)


@pytest.mark.parametrize(
    "code",
    [
        lambda x: x * x,
        np.sin,
        lambda x: x[:, :3],
        lambda x: x.sum(axis=1),
        lambda x: np.roll(x, 1, axis=1),
        lambda x: x + 1e-3 * x**2,
    ],
)
def test_all_else_is_left_alone(code: Callable[[Floats], Floats]) -> None:
    assert imitated(seen(code)) is None
