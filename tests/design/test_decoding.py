"""The Python host's ``predict`` gives what results mean; its files hold the network's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.core.core import Core
from fpgac.decoding import Decoding
from fpgac.design.contract import Contract, contract
from fpgac.design.render import render
from fpgac.tensors import Scaling

from .cores import handmade_core
from .hosts import PythonHost, python_host

WORDS = np.array([[512, 1024, 0], [256, -256, 300]], np.int16)
SAMPLES = np.zeros((2, 3))


def core_with(text: str) -> Core:
    """A core with three results of ``ap_fixed<16,8>`` in steps of 1/256."""
    plain = handmade_core(samples=((3,), "ap_fixed<8,4>"), results=((3,), "ap_fixed<16,8>"))
    return plain.with_edges({}, {plain.outputs[0].name: Decoding.parse(text)})


def chip_of(host: PythonHost) -> Any:
    """The host's class with a card that answers the same each time."""
    base: Any = host.chip.Chip

    class Card(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self.contract, self._batch = host.contract, 0

        def run_overlapped(self, samples: Any, batch: int | None = None) -> Iterator[list[Any]]:
            yield [WORDS[: len(samples[0])]]

    return Card()


@pytest.mark.parametrize(
    "text", ["exponential(base=2, factor=16)", "linear(factor=3)", "sigmoid", "softmax", "argmax"]
)
def test_predict_gives_what_results_mean(text: str, tmp_path: Path) -> None:
    chip = chip_of(python_host(core_with(text), tmp_path))
    expected = Decoding.parse(text).apply(WORDS / 256)
    np.testing.assert_array_equal(chip.predict(SAMPLES), expected)
    np.testing.assert_array_equal(chip.predict(SAMPLES[0]), expected[0])
    np.testing.assert_array_equal(chip.predict(SAMPLES, decoded=False), WORDS / 256)
    np.testing.assert_array_equal(chip.predict(SAMPLES, raw=True), WORDS)


def test_files_hold_the_numbers_themselves(tmp_path: Path) -> None:
    (output,) = python_host(core_with("argmax"), tmp_path).contract.outputs
    np.testing.assert_array_equal(output.result(WORDS, raw=False), WORDS / 256)


def test_a_contract_says_what_results_mean() -> None:
    made = contract(core_with("exponential(base=2, factor=0.1)"), name="tiny", compute_units=1)
    assert Contract.from_json(made.to_json()) == made
    assert b'"decoding": "exponential(base=2.0, factor=0.1)"' in made.to_json()
    plain = contract(core_with("argmax").with_edges({}, {}), name="tiny", compute_units=1)
    assert plain.identity != made.identity


def test_the_readme_of_a_build_says_what_hosts_do() -> None:
    core = core_with("argmax")
    scaling = Scaling((0.5,) * 3, (2.0,) * 3)
    both = core.with_edges(
        {core.inputs[0].name: scaling}, {core.outputs[0].name: Decoding.parse("argmax")}
    )
    for made, told in ((both, True), (core.with_edges({}, {}), False)):
        agreed = contract(made, name="tiny", compute_units=1)
        text = render("readme/buffers.md.j2", {"contract": agreed}).decode()
        assert ("(x - offset) * scale" in text) == told
        assert ("mean `argmax`" in text) == told
