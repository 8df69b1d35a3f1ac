"""Graphs go the whole length: trained, compiled for cards and Zynq boards, proven on every host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fpgac as package
from fpgac.engines.built import Build
from fpgac.engines.hosts import RunRequest, run_hosts

pytestmark = pytest.mark.heavy

Fpgac = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]
CARDS, ZYNQS = ("aws-f1", "alveo-u50"), ("pynq-z2", "zcu102")
BOARDS = (*CARDS, *ZYNQS)
PROOF = "reports/proof.json"

PLUGIN = """
import numpy as np
from fpgac.plugins import Dataset, Provider, hookimpl


class Pairs(Provider):
    name, description, version = "pairs", "what two detectors saw of one particle", "1"
    task = "regression"
    feature_names = tuple(f"inner_{i}" for i in range(6)) + tuple(f"outer_{i}" for i in range(3))
    target_names = ("energy", "angle_x", "angle_y")

    def load(self, samples, seed):
        x = np.random.default_rng(seed).normal(0, 1.5, (samples, 9))
        energy = np.abs(x[:, :6]).mean(axis=1)
        angles = x[:, 6:8] / 2 + x[:, :2] / 4
        y = np.column_stack([energy, angles])
        return Dataset(self.name, self.task, x, y, self.feature_names, self.target_names)


@hookimpl
def fpgac_data_providers():
    return [Pairs]
"""

SPEC = """
name = "pairs"

[data]
source = "pairs"
samples = 2000

[topology]
inputs = { inner = 6, outer = 3 }
outputs = ["energy", "angle"]
layers = [
    { kind = "dense", name = "a", inputs = ["inner"], units = 8, activation = "relu" },
    { kind = "dense", name = "b", inputs = ["outer"], units = 4, activation = "tanh" },
    { kind = "concatenate", name = "all", inputs = ["a", "b"] },
    { kind = "dense", name = "energy", units = 1 },
    { kind = "dense", name = "angle", inputs = ["all"], units = 2 },
]

[quantisation]
weights = "quantized_bits(8, 1)"
biases = "quantized_bits(8, 1)"
activations = "quantized_relu(8, 3)"

[training]
epochs = 3
learning_rate = 0.01
batch_size = 64

[interface]
input = { inner = "ap_fixed<12,4,RND,SAT>", outer = "ap_fixed<8,3,RND,SAT>" }
output = { energy = "ap_fixed<16,6,RND,SAT>" }

[proof]
data = 200
random = 500

[targets.aws-f1]
compute_units = 2

[targets.alveo-u50]

[targets.pynq-z2]

[targets.zcu102]
"""


@pytest.fixture(scope="module")
def pairs(fpgac: Fpgac, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network with two inputs and two outputs, trained and compiled for all."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "pairs.py").write_text(PLUGIN)
    (folder / "pairs.toml").write_text(SPEC)
    plugin = ("--plugin", folder / "pairs.py")
    for command in (["train"], ["compile", "--target", "all", "--out", folder]):
        done = fpgac(command[0], folder / "pairs.toml", *command[1:], *plugin)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def tagger(fpgac: Fpgac, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network with a residual block and a softmax at its end, for all boards."""
    folder = tmp_path_factory.mktemp("tagger")
    done = fpgac("compile", ROOT / "specs" / "tagger.toml", "--target", "all", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


def agreements(build: Path) -> dict[str, dict[str, Any]]:
    """What a build says of each engine that agrees: those of its core, its kernel and its hosts."""
    proofs = [json.loads((build / path).read_text()) for path in ("vectors/engines.json", PROOF)]
    return {each["engine"]: each for proof in proofs for each in proof["agreements"]}


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", ["pairs", "tagger"])
def test_every_host_of_every_board_is_proven(
    name: str, board: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(name)
    proven = agreements(folder / f"{name}-{board}")
    hosts = {"pynq host", *(("opencl host", "xrt host") if board in CARDS else ())}

    assert {"exact program", "Keras", "C simulation", "kernel"} | hosts <= set(proven)
    assert {each["samples"]["vectors"] for each in proven.values() if "vectors" in each["samples"]}


@pytest.mark.parametrize("name", ["pairs", "tagger"])
def test_all_boards_give_the_same_words(name: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(name)
    first, *others = (Build.open(folder / f"{name}-{board}").expected for board in BOARDS)

    assert first.any()
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_keras_and_the_chip_agree_to_the_last_bit_but_for_a_softmax(
    pairs: Path, tagger: Path
) -> None:
    assert agreements(pairs / "pairs-aws-f1")["Keras"]["approximations"] == []
    (found,) = agreements(tagger / "tagger-aws-f1")["Keras"]["approximations"][:1]
    assert 0 < found["greatest"] < 0.02


def test_a_build_answers_samples_by_name(pairs: Path) -> None:
    build = Build.open(pairs / "pairs-aws-f1")
    samples = build.input_layout.named(build.vectors.numbers)
    answers = package.emulate(build.folder, samples)

    assert isinstance(answers, dict)
    assert {name: array.shape[1:] for name, array in answers.items()} == {
        "energy": (1,),
        "angle": (2,),
    }
    expected = build.output_layout.named(build.output_layout.number(build.expected))
    for name, array in answers.items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("board", BOARDS)
def test_hosts_take_and_give_archives_of_named_arrays(
    board: str, pairs: Path, tmp_path: Path
) -> None:
    build = Build.open(pairs / f"pairs-{board}")
    few = {name: x[:40] for name, x in build.input_layout.named(build.vectors.numbers).items()}
    np.savez(tmp_path / "x.npz", **few)
    for result in run_hosts(RunRequest(build.folder, input=tmp_path / "x.npz"), "all"):
        np.testing.assert_array_equal(result.words, build.expected[:40], err_msg=result.host)
