"""``docs/python.md`` does what it says: its Python runs, and JSON is as described."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import typer

from fpgac import api
from fpgac.cli.app import app
from fpgac.emulation import CardDescription
from tests.fpgac_targets.test_reports import POWER
from tests.hardware.amazon import Amazon
from tests.hardware.test_logs import TIMING
from tests.hardware.vendors import f1_xclbin

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = (ROOT / "docs" / "python.md").read_text()
Fpgac = Callable[..., subprocess.CompletedProcess[str]]

# How each command of the page is called; of train see tests/pipeline/test_training.py.
CALLS: Final = {
    "validate": "validate specs/iris.toml",
    "schema": "schema",
    "init": "init flower.toml",
    "data": "data specs/iris.toml",
    "estimate": "estimate specs/iris.toml",
    "import": "import specs/flowers.keras --out meadow.toml --data iris --target pynq-z2",
    "inspect": "inspect specs/iris.toml",
    "compile": "compile specs/iris.toml --target aws-f1",
    "run": "run build/iris-aws-f1 --host simulation",
    "emulate": "emulate build/iris-aws-f1",
    "trace": "trace specs/iris.toml",
    "report": "report build/iris-aws-f1",
    "exec": "exec build/iris-aws-f1 -- true",
    "card build": "card build vadd.cpp --out vadd.xclbin",
    "card exec": "card exec --xclbin vadd.xclbin -- true",
    "doctor": "doctor",
    "explain": "explain link.log",
    "afi create": "afi create build/iris-aws-f1 --bucket mine --hdk-version 1.4.24",
    "afi status": "afi status build/iris-aws-f1",
    "afi wait": "afi wait build/iris-aws-f1",
    "targets": "targets",
    "targets show": "targets show pynq-z2",
    "plugin list": "plugin list",
    "plugin new": "plugin new kv260",
}


@pytest.fixture
def desk(iris_build: Path, specs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the specs, and the build that the page makes; a stand-in for AWS is on PATH."""
    build = Path(shutil.copytree(iris_build, tmp_path / "build" / "iris-aws-f1"))
    (build / "out/hw").mkdir(parents=True)
    card = CardDescription.read(build / "emulation/card.json")
    (build / "out/hw/iris.xclbin").write_bytes(f1_xclbin(card))
    monkeypatch.setenv("PATH", Amazon(tmp_path / "amazon").install(state="available").path)
    (tmp_path / "link.log").write_text(TIMING)
    (tmp_path / "vadd.cpp").write_text(
        'extern "C" void vadd(const int *a, int *b, int size) {\n'
        "    for (int i = 0; i < size; i++) b[i] += a[i];\n}\n"
    )
    power = tmp_path / "build/iris-aws-f1/reports/hw/power.rpt"
    power.parent.mkdir(parents=True)
    power.write_text(POWER)
    assert (specs / "iris.toml").parent == tmp_path / "specs"
    return tmp_path


def test_its_python_runs(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(block, names)
    assert names["y"].shape == (2, 3)
    assert np.array_equal(names["same"], names["y"])
    assert names["words"].dtype == np.int32
    assert [layer.name for layer in names["layers"]][-1] == "dense_2"


def test_every_function_is_described() -> None:
    assert set(re.findall(r"^\| `fpgac\.(\w+)\(", PAGE, re.MULTILINE)) == set(api.__all__)


def described() -> dict[str, set[str]]:
    """The keys that the page gives to each command's result; those of another's come before."""
    rows = re.findall(r"^\| `([a-z ]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    keys = {command: set(re.findall(r"`(\w+)`", text)) for command, text in rows}
    return keys | {"targets show": keys["targets show"] | keys["targets"]}


def commands(group: typer.Typer, before: str = "") -> Iterator[str]:
    """The names of all commands, as they are entered."""
    for command in group.registered_commands:
        assert command.callback is not None
        yield before + (command.name or command.callback.__name__)
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        if inner.typer_instance.registered_callback:
            yield f"{before}{inner.name}"
        yield from commands(inner.typer_instance, f"{before}{inner.name} ")


def test_every_command_is_described_and_called() -> None:
    assert set(commands(app)) == set(described()) == {*CALLS, "train"}


def test_each_command_gives_the_result_that_is_described(fpgac: Fpgac, desk: Path) -> None:
    for command, keys in described().items():
        if command == "train":
            continue
        done = fpgac("--json", *CALLS[command].split(), cwd=desk)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert document.keys() == {"fpgac", "exit_code", "result", "problems"}
        result = document["result"]
        given = set((result[0] if isinstance(result, list) else result).keys())
        assert "properties" in given if command == "schema" else given == keys, command
