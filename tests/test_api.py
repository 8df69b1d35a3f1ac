"""``fpgac`` from Python: the commands' own work, with values that notebooks show as tables."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
import pytest

import fpgac
from fpgac import api
from fpgac.build.events import Ended, Event
from fpgac.errors import NetworkError, SpecError, TargetError
from fpgac.network.file import read_network
from fpgac.network.training import Trained
from fpgac.pipeline import training as pipeline
from tests.network.imports import onnx_files
from tests.problems import coded

ROOT = Path(__file__).parents[1]
IRIS = ROOT / "specs" / "iris.toml"
X = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
Fpgac = Callable[..., subprocess.CompletedProcess[str]]


def test_the_front_door_shows_its_functions_to_people_and_type_checkers() -> None:
    assert set(api.__all__) <= set(dir(fpgac))
    stub = ast.parse((ROOT / "compiler/fpgac/__init__.pyi").read_text())
    typed = [
        name.asname for node in stub.body if isinstance(node, ast.ImportFrom) for name in node.names
    ]
    assert typed == api.__all__
    for name in api.__all__:
        assert "Raises:" in getattr(fpgac, name).__doc__
    with pytest.raises(AttributeError):
        _ = fpgac.nothing_of_the_kind  # type: ignore[attr-defined]


def test_compile_is_the_command(fpgac_command: Fpgac, iris_build: Path) -> None:
    events: list[Event] = []
    report = fpgac.compile(IRIS, "aws-f1", out=iris_build, listener=events.append)
    command = ("--json", "compile", IRIS, "--target", "aws-f1", "--out", iris_build)
    said = json.loads(fpgac_command(*command).stdout)["result"]
    assert said["folder"] == str(report.folder)
    assert report.accuracy is not None
    assert said["accuracy"] == report.accuracy.figures
    engines = [agreement.engine for agreement in report.proof.agreements]
    assert [agreement["engine"] for agreement in said["proof"]["agreements"]] == engines
    assert {event.outcome for event in events if isinstance(event, Ended)} == {"cached"}
    html = report._repr_html_()
    assert "<tr><td>pynq host</td><td>12,220 of the vectors</td></tr>" in html
    assert "<th>accuracy</th><td>accuracy 95.6% of 45 samples (85.2% to 98.8% at 95 %)</td>" in html


def test_a_spec_with_several_targets_wants_one_of_them() -> None:
    with pytest.raises(TargetError, check=coded("target.not-chosen")):
        fpgac.compile(IRIS)


def test_a_build_and_its_spec_give_the_same_answers(iris_build: Path) -> None:
    chip = fpgac.load(iris_build)
    assert np.array_equal(chip.predict(X), fpgac.emulate(IRIS, X))
    html = chip._repr_html_()
    assert "<td>ap_fixed&lt;16,6,RND,SAT&gt;</td>" in html


def test_trace_is_the_command(fpgac_command: Fpgac, tmp_path: Path) -> None:
    trace = fpgac.trace(IRIS)
    command = ("--json", "trace", IRIS, "--plot", tmp_path / "trace.png")
    said = json.loads(fpgac_command(*command).stdout)["result"]
    assert [layer["name"] for layer in said] == [layer.name for layer in trace.layers]
    assert said[2]["error"] == trace.layers[2].error
    assert "<td>dense_1_relu</td><td>ufixed&lt;8,3&gt;</td>" in trace._repr_html_()


@pytest.mark.parametrize("file", ["iris.toml", "flowers.keras"])
def test_inspect_is_the_command(fpgac_command: Fpgac, file: str) -> None:
    found = fpgac.inspect(ROOT / "specs" / file)
    said = json.loads(fpgac_command("--json", "inspect", ROOT / "specs" / file).stdout)["result"]

    assert [layer["name"] for layer in said["layers"]] == [layer.name for layer in found.layers]
    assert (said["parameters"], said["sparsity"]) == (found.parameters, found.sparsity)
    assert said["kind"] == found.kind
    html = found._repr_html_()
    assert f"<td>{found.layers[0].name}</td>" in html
    assert all(escape(note) in html for note in found.notes)


def test_inspect_shows_what_stands_in_the_way(tmp_path: Path) -> None:
    writing = onnx_files.Writing([1, 4])
    file = writing.write(tmp_path / "erf.onnx", writing.add("Erf", "input"))
    found = fpgac.inspect(file)

    assert [problem.code for problem in found.problems] == ["network.unknown-layer"]
    assert "<th>in the way</th>" in found._repr_html_()


def test_train_is_the_command(specs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = read_network(specs / "iris.network.json")
    monkeypatch.setattr(pipeline, "_train", lambda *_: Trained(network, ()))
    trained = fpgac.train(specs / "iris.toml")
    assert not trained.is_new
    assert trained.report_file == specs / "iris.training.json"
    html = trained._repr_html_()
    assert "<td>exact program of the chip</td><td>accuracy 95.6% of 45 samples</td>" in html
    assert "<td>dense_2</td><td>dense</td><td>dense_1_relu</td><td>3</td>" in html
    assert fpgac.check(specs / "iris.toml").digest == network.digest


def test_what_a_command_refuses_is_raised(specs: Path) -> None:
    (specs / "iris.network.json").unlink()
    with pytest.raises(NetworkError, check=coded("network.not-trained")):
        fpgac.trace(specs / "iris.toml")
    with pytest.raises(SpecError, check=coded("spec.not-found")):
        fpgac.emulate(specs / "isis.toml", X)


def test_plugins_are_files_as_with_the_command(specs: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "flowers.py"
    plugin.write_text(
        "from fpgac.data.iris import IrisProvider\n"
        "from fpgac.plugins import hookimpl\n"
        "class Flowers(IrisProvider):\n"
        "    name = 'flowers'\n"
        "@hookimpl\n"
        "def fpgac_data_providers(): return [Flowers]\n"
    )
    spec = specs / "iris.toml"
    spec.write_text(spec.read_text().replace('source = "iris"', 'source = "flowers"'))
    with pytest.raises(SpecError, check=coded("spec.unknown-data-set")):
        fpgac.emulate(spec, X)
    assert np.array_equal(fpgac.emulate(spec, X, plugins=[plugin]), fpgac.emulate(IRIS, X))


@pytest.fixture(scope="session", name="fpgac_command")
def _command(request: pytest.FixtureRequest) -> Fpgac:
    """The command line; its fixture's own name is the package's here."""
    command: Fpgac = request.getfixturevalue("fpgac")
    return command
