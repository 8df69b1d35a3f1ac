"""Targets that are scaled for the training: reports and results are in their own units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fpgac
from fpgac.errors import FpgacError
from fpgac.network.file import read_network, write_network
from fpgac.network.network import Network
from fpgac.network.ops.dense import Dense
from fpgac.network.topology import untrained
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.emulating import SpecEmulation
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.training import train_network
from fpgac.plugins import load_plugins
from fpgac.spec.loader import load_spec
from fpgac.tensors import Scaling

SPEC = """\
name = "plane"

[data]
path = "plane.npz"
labels = ["height", "depth"]
TARGETS

[topology]
inputs = 2
layers = [{ kind = "dense", units = 2 }]

[quantisation]
weights = "quantized_bits(8, 2, alpha=1)"
biases = "quantized_bits(8, 2, alpha=1)"

[training]
epochs = 30
batch_size = 32
learning_rate = 0.05

[interface]
input = "ap_fixed<12,2>"
"""
SCALING = Scaling((500.0, -3e-3), (0.02, 4e4))
TABLE = (
    "target_scaling = { height = { offset = 500, scale = 0.02 }, "
    "depth = { offset = -3e-3, scale = 4e4 } }"
)


def plane(folder: Path, targets: str, more: str = "") -> Path:
    """A spec of 400 points, whose targets are around 500 and around -0.003."""
    x, y = np.random.default_rng(1).uniform(-1, 1, (2, 400))
    np.savez(folder / "plane.npz", x=x, y=y, height=500 + 40 * x, depth=1e-5 * (x - 2 * y) - 3e-3)
    path = folder / "plane.toml"
    path.write_text(SPEC.replace("TARGETS", targets) + more + "[targets.pynq-z2]\n")
    return path


def known(path: Path, scaling: Scaling | None = SCALING) -> Network:
    """The network that a good training would find, in the spec's file."""
    spec = load_spec(path).spec
    blank = untrained(spec)
    (node,) = blank.nodes
    assert isinstance(node.operation, Dense)
    weights = np.array([[26, 13], [0, -26]])  # in steps of 2 to the power of -5
    network = replace(
        blank,
        nodes=(replace(node, operation=replace(node.operation, weights=weights)),),
        target_scaling={blank.outputs[0].name: scaling} if scaling else {},
    )
    write_network(network, path.with_name("plane.network.json"))
    return network


def target_scaling(path: Path) -> Mapping[str, Scaling]:
    """That of a spec and its network, which must fit each other."""
    sources = Sources(check_spec(path), load_plugins())
    sources.read_network()
    scaling: Mapping[str, Scaling] = sources.target_scaling
    return scaling


def code_of(path: Path) -> str:
    with pytest.raises(FpgacError) as caught:
        target_scaling(path)
    return caught.value.problems[0].code


@pytest.mark.parametrize("targets", [TABLE, 'target_scaling = "standard"'])
def test_results_and_reports_are_in_the_units_of_the_targets(targets: str, tmp_path: Path) -> None:
    path = plane(tmp_path, targets)
    known(path)
    x = np.array([[0.5, -0.5], [-1.0, 0.25]])
    expected = np.stack([500 + 40 * x[:, 0], 1e-5 * (x @ [1, -2]) - 3e-3], axis=1)
    chip = fpgac.emulator(path)
    got = np.asarray(chip.predict(x))
    np.testing.assert_allclose(got[:, 0], expected[:, 0], rtol=0.01)
    np.testing.assert_allclose(got[:, 1], expected[:, 1], rtol=0.01)
    assert np.abs(np.asarray(chip.predict(x, decoded=False))).max() < 4
    height, depth = SpecEmulation(check_spec(path), load_plugins()).judge().lines
    assert float(height.partition("error ")[2].split()[0]) < 5
    assert float(depth.partition("error ")[2].split()[0]) < 1e-5


def test_a_network_keeps_its_target_scaling(tmp_path: Path) -> None:
    path = plane(tmp_path, TABLE)
    network = known(path)
    read = read_network(path.with_name("plane.network.json"))
    assert read.target_scaling == {network.outputs[0].name: SCALING}
    assert read.digest == network.digest != replace(network, target_scaling={}).digest


@pytest.mark.parametrize(
    ("targets", "scaling", "code"),
    [
        ('target_scaling = "standard"', None, "network.not-scaled"),
        ("", SCALING, "network.scaled-targets"),
        ("target_scaling = { hieght = { scale = 2 } }", SCALING, "spec.unknown-feature"),
        ('target_scaling = "power-of-two"', SCALING, "spec.unknown-choice"),
    ],
)
def test_spec_and_network_must_say_the_same(
    targets: str, scaling: Scaling | None, code: str, tmp_path: Path
) -> None:
    path = plane(tmp_path, "")
    known(path, scaling)
    assert code_of(plane(tmp_path, targets)) == code


def test_hosts_undo_a_scaling_once(tmp_path: Path) -> None:
    assert code_of(plane(tmp_path, TABLE, 'decode = "sigmoid"\n')) == "spec.decoded-twice"


def test_classes_are_not_scaled(tmp_path: Path) -> None:
    path = plane(tmp_path, 'task = "multi-label"\n' + TABLE)
    path.write_text(path.read_text().replace("epochs", 'loss = "binary_crossentropy"\nepochs'))
    assert code_of(path) == "spec.target-scaling-misfit"


@pytest.mark.heavy  # it trains
def test_training_finds_the_scaling_of_the_targets(tmp_path: Path) -> None:
    path = plane(tmp_path, 'target_scaling = "standard"')
    plugins = load_plugins()
    file = check_spec(path, plugins)
    trained = train_network(file, plugins, baseline=True)
    targets = Sources(file, plugins).split.train.targets
    (scaling,) = read_network(file.network_path).target_scaling.values()
    np.testing.assert_allclose(scaling.offset, targets.mean(axis=0))
    np.testing.assert_allclose(scaling.scale, 1 / targets.std(axis=0))
    for form in ("float", "quantised", "chip"):
        errors = trained.report.accuracy[form].figures["root_mean_square_error"]
        assert errors["height"] < 3
        assert errors["depth"] < 2e-6
