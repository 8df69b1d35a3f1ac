"""Training a spec's network, and the networks that come with fpgac's specs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fpgac.data.dataset import split
from fpgac.errors import NetworkError, ToolchainError
from fpgac.network.file import read_network, write_network
from fpgac.network.meaning import outputs
from fpgac.network.provenance import training_digest
from fpgac.network.topology import check
from fpgac.network.training import Trained
from fpgac.pipeline import training as pipeline
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.training import check_network, train_network
from fpgac.plugins import load_plugins
from fpgac.reports.resolution import classification, resolution
from fpgac.reports.training import FORMS, TrainingReport
from tests.problems import coded

Fpgac = Callable[..., subprocess.CompletedProcess[str]]
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


def _edited(spec: Path, old: str, new: str) -> Path:
    text = spec.read_text()
    assert old in text
    spec.write_text(text.replace(old, new))
    return spec


def test_packages_that_are_missing_are_named_all_at_once(
    specs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, found = {"tensorflow", "qkeras"}, importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in missing else found(name)
    )
    no_keras = coded("toolchain.no-keras", got="no tensorflow, qkeras")
    with pytest.raises(ToolchainError, check=no_keras, match=r"pip install .*fpgac\[train\]"):
        train_network(check_spec(specs / "iris.toml"), load_plugins())


def test_a_folder_that_cannot_be_written_is_told_before_a_training(specs: Path) -> None:
    elsewhere = 'name = "iris"\nnetwork = "no/i.network.json"'
    spec = _edited(specs / "iris.toml", 'name = "iris"', elsewhere)
    with pytest.raises(NetworkError, check=coded("network.cannot-write"), match="nothing was"):
        train_network(check_spec(spec), load_plugins())


def test_a_network_of_another_training_is_not_replaced_unasked(specs: Path) -> None:
    spec = _edited(specs / "iris.toml", "epochs = 80", "epochs = 79")
    before = (specs / "iris.network.json").read_bytes()
    with pytest.raises(NetworkError, check=coded("network.would-replace"), match="--force"):
        train_network(check_spec(spec), load_plugins())
    assert (specs / "iris.network.json").read_bytes() == before


@pytest.fixture
def another(specs: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The digest of the network that trainings give from now on: iris with a weight changed."""
    network = read_network(specs / "iris.network.json")
    dense = network.nodes[0].operation
    words = {name: parameter.words.copy() for name, parameter in dense.parameters.items()}
    words["weights"][0, 0] += 1
    changed = network.with_operations({network.nodes[0].name: dense.learnt(words)})
    changed = replace(changed, recording=None)
    monkeypatch.setattr(pipeline, "_train", lambda *_: Trained(changed, ()))
    return changed.digest


def test_another_network_than_the_committed_one_replaces_it_only_by_force(
    specs: Path, another: str
) -> None:
    file, path = check_spec(specs / "iris.toml"), specs / "iris.network.json"
    before = path.read_bytes()
    with pytest.raises(NetworkError, check=coded("network.would-replace")):
        train_network(file, load_plugins())
    assert path.read_bytes() == before
    assert train_network(file, load_plugins(), force=True).is_new
    assert read_network(path).digest == another
    assert not train_network(file, load_plugins()).is_new


def test_check_refuses_a_network_that_no_longer_comes_out(specs: Path, another: str) -> None:
    before = (specs / "iris.network.json").read_bytes()
    with pytest.raises(NetworkError, check=coded("network.not-reproduced"), match=another[:12]):
        check_network(check_spec(specs / "iris.toml"), load_plugins())
    assert (specs / "iris.network.json").read_bytes() == before


@pytest.mark.heavy
def test_a_training_tells_each_epoch_reports_and_is_reproduced(fpgac: Fpgac, specs: Path) -> None:
    spec = _edited(specs / "iris.toml", "epochs = 80", "epochs = 4")
    (specs / "iris.network.json").unlink()
    done = fpgac("--json", "train", spec)
    assert done.returncode == 0, done.stderr
    epochs = [line for line in done.stderr.splitlines() if "epoch " in line]
    assert [line.split()[0] for line in epochs] == ["quantised:"] * 4 + ["float:"] * 4
    assert "quantised: epoch 4/4  loss " in epochs[3]

    result = json.loads(done.stdout)["result"]
    told = ("network", "new", "figures", "report", "accuracy", "sparsity", "plots")
    assert result.keys() == set(told), "as docs/python.md says"
    assert result["accuracy"].keys() == FORMS.keys()
    network = read_network(specs / "iris.network.json")
    report = TrainingReport.read(specs / "iris.training.json", network.digest)
    assert report is not None
    assert [epoch.epoch for epoch in report.curves["float"]] == [1, 2, 3, 4]
    assert report.sparsity == network.provenance["sparsity"]
    chip, quantised = (report.accuracy[form].figures for form in ("chip", "quantised"))
    assert chip == quantised
    assert TrainingReport.read(specs / "iris.training.json", "another") is None
    for picture in ("training", "accuracy"):
        assert (specs / f"iris.{picture}.png").read_bytes().startswith(b"\x89PNG")

    before = (specs / "iris.network.json").read_bytes()
    checked = fpgac("train", spec, "--check")
    assert checked.returncode == 0, checked.stderr
    assert "comes out of the training as it is" in checked.stdout
    assert (specs / "iris.network.json").read_bytes() == before


def test_check_and_force_contradict_each_other(fpgac: Fpgac) -> None:
    done = fpgac("train", SPECS / "iris.toml", "--check", "--force")
    assert done.returncode == 2
