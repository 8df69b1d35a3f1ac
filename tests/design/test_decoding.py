"""What results mean: all hosts give the same bits, in memory and in files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
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
from .hosts import PythonHost, compile_cpp, headers, python_host

DECODINGS = [
    "exponential(base=2, factor=16)",
    "exponential(base=10)",
    "linear(factor=3, offset=0.1)",
    "linear(factor=[3, 0.1, 1e-300], offset=[0, 1e5, -7])",
    "sigmoid",
    "softmax",
    "argmax",
]
WORDS = np.array([[512, 1024, 0], [256, -256, 300]], np.int16)
SAMPLES = np.zeros((2, 3))
EVERY = np.arange(-(2**15), 2**15, dtype=np.int16)
# Each word in each place, with others beside it.
ALL_WORDS = np.stack([EVERY, np.random.default_rng(1).permutation(EVERY), EVERY[::-1]], axis=1)

# Reads raw words and writes the results that they mean.
PROBE = """\
#include <iostream>
#include "arrays.hpp"
int main(int, char** argv) {
    using namespace fpga;
    using Y = tensors::y;
    const std::size_t count = std::strtoul(argv[2], nullptr, 10);
    std::vector<Y::Word> words(count * Y::STRIDE);
    std::cin.read(reinterpret_cast<char*>(words.data()), words.size() * sizeof(Y::Word));
    const std::string form = argv[3];
    Results results(argv[1], count, form == "numbers" ? Form::NUMBERS : Form::DECODED);
    results.write(count, [&](std::size_t) { return words.data(); });
    results.finish();
}
"""


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


def cpp_probe(core: Core, folder: Path) -> Callable[[Path, str], None]:
    """What writes the results of all words to a file, in a form."""
    headers(core, folder)
    (folder / "probe.cpp").write_text(PROBE)
    compile_cpp(folder / "probe.cpp", folder / "probe", "-O1")
    padded = np.pad(ALL_WORDS, ((0, 0), (0, 1)), constant_values=-1)

    def write(path: Path, form: str) -> None:
        command = [str(folder / "probe"), str(path), str(len(padded)), form]
        subprocess.run(command, input=padded.tobytes(), check=True, timeout=60)

    return write


def python_writes(host: PythonHost, path: Path, form: str) -> None:
    forms = host.chip.Form
    with host.arrays.new_file(path) as file:
        results = host.arrays.Results(
            file, host.contract.outputs, len(ALL_WORDS), forms[form.upper()]
        )
        results.write([ALL_WORDS])
        results.finish()


@pytest.mark.parametrize("text", DECODINGS)
def test_all_hosts_write_the_same_files(text: str, tmp_path: Path) -> None:
    core = core_with(text)
    numbers = ALL_WORDS / 256
    expected = {"decoded": Decoding.parse(text).apply(numbers), "numbers": numbers}
    cpp_writes = cpp_probe(core, tmp_path)
    host = python_host(core, tmp_path)
    for form, right in expected.items():
        cpp_writes(tmp_path / "cpp.npy", form)
        python_writes(host, tmp_path / "python.npy", form)
        for name in ("cpp", "python"):
            written = np.load(tmp_path / f"{name}.npy")
            np.testing.assert_array_equal(written, right)
            assert written.dtype == (np.float32 if form == "numbers" else right.dtype)
        assert (tmp_path / "cpp.npy").read_bytes() == (tmp_path / "python.npy").read_bytes()


@pytest.mark.parametrize("text", DECODINGS)
def test_predict_gives_what_results_mean(text: str, tmp_path: Path) -> None:
    chip = chip_of(python_host(core_with(text), tmp_path))
    expected = Decoding.parse(text).apply(WORDS / 256)
    np.testing.assert_array_equal(chip.predict(SAMPLES), expected)
    np.testing.assert_array_equal(chip.predict(SAMPLES[0]), expected[0])
    np.testing.assert_array_equal(chip.predict(SAMPLES, decoded=False), WORDS / 256)
    np.testing.assert_array_equal(chip.predict(SAMPLES, raw=True), WORDS)


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
