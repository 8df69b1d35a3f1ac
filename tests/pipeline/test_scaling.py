"""Scaling in the spec: found in training, kept with the network, and the same in every engine."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fpgac
from fpgac.errors import FpgacError
from fpgac.network.file import read_network, write_network
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Report, Request, compile_spec
from fpgac.pipeline.emulating import SpecEmulation
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.training import train_network
from fpgac.plugins import load_plugins
from fpgac.tensors import Scaling

SPECS = Path(__file__).parents[2] / "specs"
TABLE = "scaling = { sepal_length = { offset = 0.1, scale = 0.97 }, petal_width = { scale = 1.1 } }"
SCALING = Scaling((0.1, 0.0, 0.0, 0.0), (0.97, 1.0, 1.0, 1.1))


def spec_with(folder: Path, scaling: str = "", *changes: tuple[str, str]) -> Path:
    """The iris network and its spec, with few samples and a scaling."""
    shutil.copy(SPECS / "iris.network.json", folder)
    text = (SPECS / "iris.toml").read_text().partition("[targets.")[0]
    few = ("random = 12000", "random = 500")
    for old, new in [few, ('source = "iris"', f'source = "iris"\n{scaling}'), *changes]:
        text = text.replace(old, new)
    path = folder / "iris.toml"
    path.write_text(f"{text}[targets.pynq-z2]\nclock_mhz = 100.0\n")
    return path


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The iris network compiled with a table of scalings."""
    folder = tmp_path_factory.mktemp("scaled")
    plugins = load_plugins()
    file = check_spec(spec_with(folder, TABLE), plugins)
    return compile_spec(Request(file, "pynq-z2", folder / "build"), plugins)


def test_every_engine_and_the_host_scale_alike(scaled: Report) -> None:
    engines = [agreement.engine for agreement in scaled.proof.agreements]
    assert {"exact program", "C simulation", "kernel", "pynq host"} <= set(engines)
    contract = json.loads((scaled.folder / "emulation/contract.json").read_text())
    (x,) = contract["inputs"]
    assert Scaling(**{key: tuple(numbers) for key, numbers in x["scaling"].items()}) == SCALING


def test_a_build_answers_samples_as_its_spec_does(scaled: Report) -> None:
    lengths = np.load(scaled.folder / "vectors/inputs.npy")[:45]
    answers = fpgac.emulate(scaled.folder, lengths)
    np.testing.assert_array_equal(
        answers, fpgac.emulate(scaled.folder.parent / "iris.toml", lengths)
    )
    plain = fpgac.emulate(SPECS / "iris.toml", SCALING.apply(lengths))
    np.testing.assert_array_equal(answers, plain)
    assert not np.array_equal(answers, fpgac.emulate(SPECS / "iris.toml", lengths))


def test_a_network_keeps_its_scaling_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "iris.network.json"
    plain = read_network(SPECS / "iris.network.json")
    (entry,) = plain.inputs
    network = replace(plain, scaling={entry.name: SCALING})
    write_network(network, path)
    assert read_network(path).scaling == network.scaling
    assert read_network(path).digest != plain.digest


def refusal(spec: Path) -> str:
    with pytest.raises(FpgacError) as caught:
        _ = Sources(check_spec(spec), load_plugins()).inputs
    return caught.value.problems[0].code


def test_a_scaling_that_no_training_has_found(tmp_path: Path) -> None:
    assert refusal(spec_with(tmp_path, 'scaling = "standard"')) == "network.not-scaled"


def test_a_table_of_features_that_are_not_there(tmp_path: Path) -> None:
    spec = spec_with(tmp_path, "scaling = { sepal_lenght = { scale = 2 } }")
    assert refusal(spec) == "spec.unknown-feature"


def test_a_scaled_network_with_a_spec_that_does_not_scale(tmp_path: Path) -> None:
    spec = spec_with(tmp_path)
    path = tmp_path / "iris.network.json"
    network = read_network(path)
    write_network(replace(network, scaling={network.inputs[0].name: SCALING}), path)
    with pytest.raises(FpgacError) as caught:
        Sources(check_spec(spec), load_plugins()).read_network()
    assert caught.value.problems[0].code == "network.scaled"


@pytest.mark.heavy  # it trains
def test_training_finds_the_scaling_in_its_part_of_the_data(tmp_path: Path) -> None:
    spec = spec_with(tmp_path, 'scaling = "standard"', ("epochs = 80", "epochs = 40"))
    (tmp_path / "iris.network.json").unlink()
    plugins = load_plugins()
    file = check_spec(spec, plugins)
    network = train_network(file, plugins).network
    features = Sources(file, plugins).split.train.features
    (scaling,) = read_network(file.network_path).scaling.values()
    assert scaling == network.scaling[network.inputs[0].name]
    np.testing.assert_allclose(scaling.offset, features.mean(axis=0))
    np.testing.assert_allclose(scaling.scale, 1 / features.std(axis=0))
    (line,) = SpecEmulation(file, plugins).judge().lines
    assert float(line.removeprefix("accuracy ").partition("%")[0]) > 85
