"""The specs that come with fpgac, and the networks trained from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.data.dataset import split
from fpgac.network.file import read_network, write_network
from fpgac.network.meaning import outputs
from fpgac.network.provenance import training_digest
from fpgac.network.topology import check
from fpgac.pipeline.checking import check_spec
from fpgac.plugins import load_plugins
from fpgac.reports.resolution import classification, resolution

SPECS = Path(__file__).parents[2] / "specs"


@pytest.mark.parametrize("name", ["muon", "jets", "digits", "iris"])
def test_the_committed_network_is_what_the_spec_says_now(name: str) -> None:
    file = check_spec(SPECS / f"{name}.toml")
    network = read_network(file.network_path)
    check(network, file.spec)
    assert network.provenance["training_digest"] == training_digest(file.spec)
    assert file.spec.data is not None
    provider = load_plugins().provider(file.spec.data.source)
    assert network.provenance["data"]["digest"] == provider.digest
    assert network.recording is not None


def test_the_muon_network_beats_the_classical_assignment_in_both_figures() -> None:
    spec = check_spec(SPECS / "muon.toml").spec
    network = read_network(SPECS / "muon.network.json")
    assert spec.data is not None
    data = load_plugins().provider("muon").load(spec.data.samples, spec.data.seed)
    test = split(data, spec.data.test_fraction, spec.data.seed).test
    assert test.quantity is not None
    numbers = outputs(network, network.input_layout.raw(test.features))
    mine, baseline = resolution(test.quantity.estimates(numbers))
    assert mine.overall.standard_deviation < baseline.overall.standard_deviation
    assert mine.overall.width_68 < baseline.overall.width_68
    assert mine.overall.standard_deviation < 0.16
    assert mine.overall.width_68 < 0.095


def test_half_of_the_muon_weights_are_pruned() -> None:
    weights = read_network(SPECS / "muon.network.json").weights
    assert (weights == 0).sum() >= 0.5 * weights.size


@pytest.mark.parametrize(("name", "accuracy"), [("jets", 0.75), ("digits", 0.96), ("iris", 0.9)])
def test_a_network_tells_classes_apart(name: str, accuracy: float) -> None:
    spec = check_spec(SPECS / f"{name}.toml").spec
    network = read_network(SPECS / f"{name}.network.json")
    assert spec.data is not None
    data = load_plugins().provider(name).load(spec.data.samples, spec.data.seed)
    test = split(data, spec.data.test_fraction, spec.data.seed).test
    numbers = outputs(network, network.input_layout.raw(test.features))
    assert classification(numbers, test.targets, test.target_names).accuracy > accuracy


@pytest.mark.parametrize("name", ["muon", "jets", "digits", "iris", "tagger"])
def test_a_committed_network_stays_what_it_is_when_it_is_written_again(
    name: str, tmp_path: Path
) -> None:
    network = read_network(SPECS / f"{name}.network.json")
    write_network(network, tmp_path / "once.json")
    again = read_network(tmp_path / "once.json")
    write_network(again, tmp_path / "twice.json")
    assert again.digest == network.digest
    assert (tmp_path / "twice.json").read_bytes() == (tmp_path / "once.json").read_bytes()
