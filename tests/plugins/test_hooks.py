"""Every hook through the whole compiler: one plugin in a file, one build that uses all of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.build.toolchains import Toolchains
from fpgac.emulation import CardDescription
from fpgac.errors import ToolchainError
from fpgac.network.meaning import meaning
from fpgac.network.ops.dense import Dense
from fpgac.plugins import load_plugins
from fpgac.program.interpreter import interpret
from fpgac.testing import tiny_network
from tests.fpgac_targets.conftest import FakeVitis
from tests.hardware.vendors import card_xclbin

Fpgac = Callable[..., subprocess.CompletedProcess[str]]

PLUGIN = """
import os
import subprocess
from pathlib import Path

import numpy as np

from fpgac.plugins import (
    Dataset, Dense, Figure, FixedPoint, Launcher, Network, NetworkError, NetworkSource, Problem,
    Provider, Relu, ReportParser, Templates, Toolchain, ToolchainFinder, Where, hookimpl,
)
from fpgac_targets.aws_f1 import AwsF1

W = FixedPoint.parse("ap_fixed<6,1,RND_CONV,SAT>")


class MyCard(AwsF1):
    board = AwsF1.board.model_copy(
        update={
            "name": "my-card",
            "toolchain": AwsF1.board.toolchain.model_copy(update={"name": "Vitis of the lab"}),
        }
    )


class Points(Provider):
    name, description, version, task = "points", "points of a plane", "1", "regression"
    feature_names, target_names = ("a", "b", "c"), ("p", "q")

    def load(self, samples, seed):
        x = np.random.default_rng(seed).normal(0, 1, (samples or 100, 3))
        return Dataset("points", "regression", x, x[:, :2], self.feature_names, self.target_names)


class Npz(NetworkSource):
    name, description, suffixes = "npz", "arrays of numpy", (".npz",)

    def read(self, path, spec):
        try:
            arrays = np.load(path)
        except OSError as error:
            what, code = "cannot be read", "network.cannot-read"
            raise NetworkError(Problem(what, Where(path), got=str(error), code=code)) from error
        (entry,) = spec.inputs.tensors
        return Network.chain("tiny", entry, [
            ("dense_1", Dense(arrays["w1"], W, arrays["b1"], W)),
            ("dense_1_relu", Relu(FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>"))),
            ("dense_2", Dense(arrays["w2"], W, arrays["b2"], W)),
        ])


class Lab(ToolchainFinder):
    name = "Vitis of the lab"

    def find(self, environment):
        return Toolchain(self.name, Path(environment["LAB"]) / "bin" / "v++", (2021, 2))


class Desk(Launcher):
    name, description = "desk", "one step after the other, each written down"

    def run(self, task):
        with Path(os.environ["LAB"], "steps").open("a") as steps:
            print(task.step.name, file=steps)
        task.clear()
        environment = {**os.environ, **task.step.environment}
        with task.log.open("wb") as log:
            return subprocess.call(
                task.step.command, cwd=task.folder, env=environment, stdout=log, stderr=log
            )


class Timing(ReportParser):
    name, pattern = "timing", "_x/hw/reports/*.rpt"

    def read(self, path):
        return [Figure("worst slack", float(path.read_text().split()[1]), "ns")]


class Own(Templates):
    folder = Path(__file__).with_name("templates")
    targets = ("my-card",)


@hookimpl
def fpgac_targets():
    return [MyCard]


@hookimpl
def fpgac_data_providers():
    return [Points]


@hookimpl
def fpgac_network_sources():
    return [Npz]


@hookimpl
def fpgac_templates():
    return [Own]


@hookimpl
def fpgac_toolchains():
    return [Lab]


@hookimpl
def fpgac_launchers():
    return [Desk]


@hookimpl
def fpgac_report_parsers():
    return [Timing]
"""

SPEC = """
name = "tiny"
network = "weights.npz"
[topology]
inputs = 3
layers = [{ kind = "dense", units = 4, activation = "relu" }, { kind = "dense", units = 2 }]
[quantisation]
weights = "quantized_bits(6, 0)"
biases = "quantized_bits(6, 0)"
activations = "quantized_relu(6, 2)"
[data]
source = "points"
[interface]
input = "ap_fixed<12,4,RND,SAT>"
[proof]
data = 16
random = 16
[targets.my-card]
"""

# Overrides one block of the README that the target itself has at this path.
README = """\
{% extends "target/aws_f1/README.md.j2" %}
{% block card %}
## Ask Ada before you use this card
{% endblock %}
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plugin, its template, a spec and a network in a format of the plugin."""
    folder = tmp_path_factory.mktemp("workshop")
    (folder / "mine.py").write_text(PLUGIN)
    (folder / "tiny.toml").write_text(SPEC)
    template = folder / "templates" / "aws_f1" / "README.md.j2"
    template.parent.mkdir(parents=True)
    template.write_text(README)
    first, _, second = (node.operation for node in tiny_network().nodes)
    assert isinstance(first, Dense)
    assert isinstance(second, Dense)
    arrays = {"w1": first.weights, "b1": first.bias, "w2": second.weights, "b2": second.bias}
    np.savez(folder / "weights.npz", **arrays)
    return folder


@pytest.fixture(scope="module")
def build(workshop: Path, fpgac: Fpgac) -> Path:
    """What ``fpgac compile --plugin`` makes of it."""
    done = compiled(workshop, fpgac)
    assert done.returncode == 0, done.stderr
    return workshop / "build"


def compiled(
    workshop: Path, fpgac: Fpgac, *options: str, **more: Any
) -> subprocess.CompletedProcess[str]:
    spec, plugin, mode = workshop / "tiny.toml", workshop / "mine.py", more.pop("mode", "emulation")
    out = workshop / "build"
    command = ("compile", spec, "--plugin", plugin, "--out", out, "--mode", mode)
    return fpgac(*command, *options, **more)


@pytest.fixture(scope="module")
def hardware(
    build: Path, workshop: Path, fpgac: Fpgac
) -> tuple[FakeVitis, subprocess.CompletedProcess[str]]:
    """The same build on to hardware, by a Vitis that only pretends and is nowhere on PATH."""
    report = "mkdir -p _x/hw/reports && echo 'WNS 0.25' > _x/hw/reports/timing.rpt"
    card = CardDescription.read(build / "emulation" / "card.json")
    (workshop / "tiny.xclbin").write_bytes(card_xclbin(card))
    given = str(workshop / "tiny.xclbin")
    vitis = FakeVitis(workshop / "lab", trouble=report, given=given).install()
    places = vitis.environment(LAB=str(vitis.folder), PATH=os.environ["PATH"])
    everything = {**os.environ, **places}
    done = compiled(workshop, fpgac, "--on", "desk", mode="hw", environment=everything)
    assert done.returncode == 0, done.stderr
    return vitis, done


def test_fpgac_targets_are_compiled_for(build: Path) -> None:
    lock = json.loads((build / "fpgac.lock").read_text())
    assert lock["target"] == "my-card"
    proof = json.loads((build / "reports" / "proof.json").read_text())
    engines = {agreement["engine"] for agreement in proof["agreements"]}
    assert {"kernel", "pynq host", "opencl host", "xrt host"} <= engines


def test_fpgac_data_providers_give_the_vectors(build: Path) -> None:
    points = np.random.default_rng(1).normal(0, 1, (100, 3))
    vectors = np.load(build / "vectors" / "inputs.npy")[:16]
    assert all((points == vector).all(axis=1).any() for vector in vectors)


def test_fpgac_network_sources_give_the_network(build: Path) -> None:
    inputs, expected = (
        np.load(build / "vectors" / f"{name}_raw.npy") for name in ("inputs", "expected")
    )
    np.testing.assert_array_equal(interpret(meaning(tiny_network()), inputs), expected)


def test_fpgac_templates_override_one_block(build: Path) -> None:
    readme = (build / "README.md").read_text()
    assert "## Ask Ada before you use this card" in readme
    assert "Amazon FPGA Image" not in readme, "the block is another"
    assert "source aws-fpga/vitis_setup.sh" in readme, "the target's other blocks stay"


def test_fpgac_toolchains_build_the_hardware(
    hardware: tuple[FakeVitis, subprocess.CompletedProcess[str]], build: Path
) -> None:
    vitis, _ = hardware
    assert [call.split()[1] for call in vitis.calls] == ["-c", "-l"]
    assert (build / "out" / "hw" / "tiny.xclbin").is_file()


def test_fpgac_launchers_run_the_steps_of_a_toolchain(
    hardware: tuple[FakeVitis, subprocess.CompletedProcess[str]],
) -> None:
    vitis, _ = hardware
    assert (vitis.folder / "steps").read_text().splitlines() == ["hw: compile", "hw: link"]


def test_fpgac_report_parsers_give_figures(
    hardware: tuple[FakeVitis, subprocess.CompletedProcess[str]],
) -> None:
    _, done = hardware
    assert re.search(r"worst slack \[ns\] +0\.25", done.stdout)


def test_a_toolchain_that_no_plugin_finds_is_reported(tmp_path: Path) -> None:
    plugin = tmp_path / "unfound.py"
    plugin.write_text(
        PLUGIN.replace("return [Lab]", "return []").replace("return [Own]", "return []")
    )
    plugins = load_plugins(files=[plugin])
    text = "no plugin finds a toolchain 'Vitis of the lab'"
    tools = Toolchains(os.environ, plugins.toolchains)
    with pytest.raises(ToolchainError, match=text) as caught:
        plugins.target("my-card").toolchain(tools)
    assert "known: Vitis" in str(caught.value)


def test_another_template_makes_the_design_again_and_no_more(
    build: Path, workshop: Path, fpgac: Fpgac
) -> None:
    template = workshop / "templates" / "aws_f1" / "README.md.j2"
    template.write_text(README.replace("Ada", "Grace"))
    done = compiled(workshop, fpgac)
    assert done.returncode == 0, done.stderr
    assert "Ask Grace" in (build / "README.md").read_text()
    outcomes = [line.split()[:3] for line in done.stderr.splitlines()]
    assert ["✓", "design", "done"] in outcomes
    assert ["=", "core", "cached"] in outcomes


def test_a_template_that_fails_as_it_is_rendered_names_file_and_line(
    build: Path, workshop: Path, fpgac: Fpgac
) -> None:
    before = (build / "README.md").read_text()
    template = workshop / "templates" / "aws_f1" / "README.md.j2"
    template.write_text(README.replace("Ada", "{{ nobody }}"))
    done = compiled(workshop, fpgac)
    assert done.returncode == 12
    assert f"{template}:3: " in done.stderr
    assert "'nobody' is undefined" in done.stderr
    assert (build / "README.md").read_text() == before, "nothing half-written"


def test_a_file_that_no_source_reads_is_refused_at_once(workshop: Path, fpgac: Fpgac) -> None:
    done = fpgac("validate", workshop / "tiny.toml")
    assert done.returncode == 5
    assert "no plugin reads a network from a file like 'weights.npz'" in done.stderr
    assert "tiny.toml:3 [network]" in done.stderr


def test_a_network_that_is_only_read_is_never_trained(workshop: Path, fpgac: Fpgac) -> None:
    spec = workshop / "untrained.toml"
    spec.write_text(SPEC.replace("weights.npz", "gone.npz"))
    done = fpgac("train", spec, "--plugin", workshop / "mine.py")
    assert done.returncode == 5
    assert "fpgac trains no network into a file of npz" in done.stderr
    assert not (workshop / "gone.npz").exists()


BROKEN: dict[str, tuple[str, str, str]] = {
    "a target": (
        "class Points(",
        "    def design(self, *arguments, **more):\n        return {}['gone']\n\nclass Points(",
        "has a defect in MyCard.design: KeyError: 'gone'",
    ),
    "what a target gives": (
        "class Points(",
        "    def design(self, *arguments, **more):\n        return 7\n\nclass Points(",
        "has a defect in MyCard.design: design must be Design, not 7",
    ),
    "a network source": (
        "arrays = np.load(path)",
        "1 / 0",
        "has a defect in Npz.read: ZeroDivisionError: division by zero",
    ),
    "what a network source gives": (
        "        try:\n",
        "        return 7\n        try:\n",
        "has a defect in Npz.read: read must be Network, not 7",
    ),
    "what a data set provider gives": (
        'return Dataset("points"',
        'return tuple(("points",)) or Dataset("points"',
        'has a defect in Points.load: load must be Dataset, not ["points"]',
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_defect_of_a_plugin_is_reported_as_its_own(
    what: str, workshop: Path, build: Path, fpgac: Fpgac, tmp_path: Path
) -> None:
    good, bad, cause = BROKEN[what]
    plugin = tmp_path / "defect.py"
    assert good in PLUGIN
    plugin.write_text(PLUGIN.replace(good, bad).replace("return [Own]", "return []"))
    out, spec = tmp_path / "build", workshop / "tiny.toml"
    done = fpgac("compile", spec, "--plugin", plugin, "--out", out)
    assert done.returncode == 12
    assert cause in done.stderr
    assert f"error: {plugin}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_list_shows_file_and_offers(workshop: Path, fpgac: Fpgac) -> None:
    broken = workshop / "broken.py"
    broken.write_text("import no_such_module_at_all")
    done = fpgac("plugin", "list", "--plugin", workshop / "mine.py", "--plugin", broken)
    assert done.returncode == 12
    assert "target: my-card" in done.stdout
    assert "network source: .npz" in done.stdout
    assert "target: aws-f1" in done.stdout
    assert "'broken' of" in done.stderr
    assert "No module named 'no_such_module_at_all'" in done.stderr


def test_the_environment_can_name_plugins(
    workshop: Path, fpgac: Fpgac, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = workshop / "other.py"
    other.write_text("import no_such_module_at_all")
    monkeypatch.setenv("FPGAC_PLUGINS", f"{other}:{workshop / 'mine.py'}")
    done = fpgac("validate", workshop / "tiny.toml")
    assert done.returncode == 0, done.stderr
