"""An emulator answers with the core's very words: exactly and fast, or by C simulation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.core.core import Core
from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.engines.csim import CSIMULATION
from fpgac.engines.emulator import Emulator
from fpgac.engines.program import EXACT
from fpgac.errors import DataError
from fpgac.network.file import read_network
from fpgac.network.meaning import outputs
from fpgac.network.network import Network
from fpgac.numbers import FixedPoint

TYPE = FixedPoint.parse("ap_fixed<12,6,RND,SAT>")
SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="module")
def network() -> Network:
    return read_network(SPECS / "iris.network.json")


@pytest.fixture(scope="module")
def core(network: Network) -> Core:
    return lower(network, HlsSettings(), types={network.outputs[0].name: TYPE})


@pytest.fixture(scope="module")
def samples() -> npt.NDArray[np.float64]:
    return np.random.default_rng(5).uniform(-40, 40, (2000, 4))


def test_the_words_are_those_of_the_networks_own_definition(
    core: Core, network: Network, samples: npt.NDArray[np.float64]
) -> None:
    emulator = Emulator.of(core)
    expected = core.output_layout.raw(outputs(network, core.input_layout.raw(samples)))
    words = emulator.raw(samples)
    assert isinstance(words, np.ndarray), "one output is one array"
    assert (emulator.engine.name, emulator.note) == (EXACT, "")
    np.testing.assert_array_equal(words, expected)
    assert words.dtype == core.output_layout.dtype


def test_numbers_are_words_times_their_step(core: Core, samples: npt.NDArray[np.float64]) -> None:
    emulator = Emulator.of(core, threads=1)
    numbers, words = emulator.predict(samples), emulator.words(samples)
    assert isinstance(numbers, np.ndarray)
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers * 2**6, words)


def test_a_core_without_an_exact_program_is_simulated(
    core: Core,
    samples: npt.NDArray[np.float64],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FPGAC_CACHE", str(tmp_path))
    by_hand = replace(core, graph=None)
    emulator = Emulator.of(by_hand)
    assert emulator.engine.name == CSIMULATION
    assert "written by hand" in emulator.note
    assert "C simulation" in emulator.note
    np.testing.assert_array_equal(emulator.words(samples), Emulator.of(core).words(samples))
    (library,) = (tmp_path / "simulation").rglob("*.so")
    made = library.stat().st_mtime_ns
    Emulator.of(by_hand)
    assert library.stat().st_mtime_ns == made


@pytest.mark.parametrize(
    "given",
    [
        np.arange(12).reshape(3, 4),
        np.arange(24.0).reshape(3, 8)[:, ::2],
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.full((2, 4), np.nan),
        np.empty((0, 4), np.float32),
        [[1.0, 2.0, 3.0, 4.0]],
    ],
    ids=["integers", "every second", "columns", "nan", "none", "a list"],
)
def test_any_numbers_of_the_right_shape_will_do(core: Core, given: npt.ArrayLike) -> None:
    plain = np.ascontiguousarray(given, np.float64)
    for emulator in (Emulator.of(core), Emulator.of(replace(core, graph=None))):
        answers = emulator.words(given)
        assert answers.shape == (len(plain), 3)
        np.testing.assert_array_equal(answers, Emulator.of(core).words(plain))


@pytest.mark.parametrize(
    "given",
    [
        np.zeros(4),
        np.zeros((3, 5)),
        np.zeros((3, 2, 2)),
        np.zeros((3, 4), complex),
        np.array([["a"] * 4]),
        np.array([[2**60 + 1] * 4]),
    ],
    ids=["flat", "too many", "another tensor", "complex", "text", "too long"],
)
def test_everything_else_is_refused(core: Core, given: npt.NDArray[np.generic]) -> None:
    for emulator in (Emulator.of(core), Emulator.of(replace(core, graph=None))):
        with pytest.raises(DataError):
            emulator.raw(given)
