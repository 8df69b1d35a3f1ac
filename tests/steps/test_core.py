"""Cores compile and compute, whatever their weights are written as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.errors import CoreError
from tests.cores import made, power_of_two, simulated
from tests.design.cores import core_of

NUMBERS = np.array([[0.5, -2.0], [0.0625, 1.0], [-0.25, 4.0]])
TYPES = {"accum": "ap_fixed<24,12>", "result": "ap_fixed<24,12>", "bias": "ap_fixed<8,3>"}


def dense(options: dict[str, Any], **description: Any) -> Any:
    layers: list[dict[str, Any]] = [
        {"name": "x", "class_name": "InputLayer", "input_shape": [3]},
        {"name": "dense", "class_name": "Dense", "n_in": 3, "n_out": 2, "weight_data": NUMBERS}
        | {"bias_data": np.array([0.5, -1.0]), **description},
    ]
    settings = {
        "x": {"Precision": {"result": "ap_fixed<8,4>"}},
        "dense": {"Precision": {"weight": "ap_fixed<8,4>", **TYPES}, "ReuseFactor": 1, **options},
    }
    return made(layers, settings)


@pytest.mark.parametrize(
    "description", [{}, {"weight_quantizer": power_of_two(4)}], ids=["numbers", "powers of two"]
)
def test_the_c_simulation_multiplies_with_the_weights(
    description: dict[str, Any], tmp_path: Path
) -> None:
    core = dense({}, **description)
    words = np.arange(30).reshape(10, 3)
    (answers,) = simulated(tmp_path, [core], [words])
    expected = core.input_layout.number(words) @ NUMBERS + [0.5, -1.0]
    assert np.array_equal(core.output_layout.number(answers), expected)


@pytest.mark.parametrize(
    ("options", "description", "code"),
    [
        ({}, {"bias_quantizer": power_of_two(4)}, "core.power-of-two-bias"),
        (
            {},
            {"weight_quantizer": power_of_two(4), "weight_data": np.zeros((3, 2))},
            "core.power-of-two-zero",
        ),
        ({"Compression": True}, {}, "core.compressed-weights"),
    ],
    ids=["powers of two as biases", "zeros as powers of two", "compressed weights"],
)
def test_what_hls4ml_writes_no_working_cpp_for_is_refused(
    options: dict[str, Any], description: dict[str, Any], code: str
) -> None:
    with pytest.raises(CoreError) as caught:
        dense(options, **description)
    assert [problem.code for problem in caught.value.problems] == [code]


@pytest.mark.parametrize("name", ["samples", "numbers", "fill", "x0"])
def test_a_network_may_be_called_like_anything_in_the_simulation(name: str, tmp_path: Path) -> None:
    core = core_of({"x": ((4,), "ap_fixed<8,3>", 1)}, {"y": ((4,), "ap_fixed<9,4>", 1)}, top=name)
    words = np.arange(12).reshape(3, 4)
    (answers,) = simulated(tmp_path, [core], [words])
    assert answers.shape == (3, 4)
