"""Formats for floats: by the ranges on data, within a budget of bits, and written down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fpgac.errors import NetworkError
from fpgac.network.imports.choosing import (
    Chosen,
    WrittenFormats,
    choose,
    float_outputs,
    read_formats,
)
from fpgac.network.imports.formats import UsualFormats
from fpgac.network.imports.reading import draft_of, imported
from fpgac.network.meaning import outputs
from fpgac.numbers import FixedPoint
from fpgac.spec.models import QuantisationSection
from tests.problems import coded

ROWS = np.random.default_rng(1).normal(size=(300, 6))


def chosen_for(onnx_folder: Path, bits: int) -> Chosen:
    file = onnx_folder / "dense.onnx"
    return choose(draft_of(file), file, "abc", ROWS, bits, {})


@pytest.mark.parametrize(("bits", "most"), [(8, 0.05), (12, 0.004), (16, 0.002)])
def test_more_bits_come_closer(onnx_folder: Path, bits: int, most: float) -> None:
    file = onnx_folder / "dense.onnx"
    formats = WrittenFormats(chosen_for(onnx_folder, bits), file)
    network = imported(draft_of(file), file, "net", formats)
    answers = outputs(network, network.input_layout.raw(ROWS))

    assert np.abs(answers - float_outputs(draft_of(file), ROWS)).max() < most


def test_every_number_has_the_bits_of_the_budget(onnx_folder: Path) -> None:
    chosen = chosen_for(onnx_folder, 10)

    types = [
        *chosen.inputs.values(),
        *(t for layer in chosen.layers.values() for t in layer.values()),
    ]
    assert {type_.width for type_ in types} == {10}


def test_nothing_saturates_on_the_data(onnx_folder: Path) -> None:
    type_ = chosen_for(onnx_folder, 10).inputs["input"]

    assert np.abs(type_.on_grid(ROWS) - ROWS).max() <= type_.step / 2


def test_what_was_chosen_stays(onnx_folder: Path, tmp_path: Path) -> None:
    chosen, file = chosen_for(onnx_folder, 10), tmp_path / "net.formats"
    file.write_text(chosen.text())

    assert read_formats(file) == chosen


@pytest.mark.parametrize(
    "text", ["", "model = 1", "= ", "model='a'\ndigest='b'\nbits=3\n[inputs]\nx='y'"]
)
def test_a_damaged_file_of_formats(tmp_path: Path, text: str) -> None:
    file = tmp_path / "net.formats"
    file.write_text(text)

    with pytest.raises(NetworkError, check=coded("network.bad-formats")):
        read_formats(file)


def test_a_file_of_formats_that_lacks_one(onnx_folder: Path) -> None:
    file, chosen = onnx_folder / "dense.onnx", chosen_for(onnx_folder, 10)
    layers: dict[str, dict[str, FixedPoint]] = {name: {} for name in chosen.layers}

    with pytest.raises(NetworkError, check=coded("network.bad-formats")):
        imported(draft_of(file), file, "net", WrittenFormats(replace(chosen, layers=layers), file))


def test_the_specs_quantisers_go_for_all_layers(onnx_folder: Path) -> None:
    file = onnx_folder / "dense.onnx"
    usual = QuantisationSection.model_validate(
        {"weights": "quantized_bits(9, 2)", "biases": "quantized_bits(9, 2)"}
    )
    inputs = {"input": FixedPoint(12, 4)}
    network = imported(draft_of(file), file, "net", UsualFormats(usual), inputs)

    assert {str(n.operation.parameters["weights"].type) for n in network.weighted} == {
        "ap_fixed<9,3,RND_CONV,SAT>"
    }


def test_weights_that_would_saturate_are_refused(onnx_folder: Path) -> None:
    file = onnx_folder / "dense.onnx"

    with pytest.raises(NetworkError, check=coded("network.saturated")) as caught:
        imported(
            draft_of(file),
            file,
            "net",
            UsualFormats(QuantisationSection()),
            {"input": FixedPoint(12, 4)},
        )
    assert "quantized_bits(8, 1)" in caught.value.problems[0].hint
