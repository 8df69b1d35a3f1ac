"""``docs/plugins.md`` does what it says: its files are written, and its commands run, in order."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, get_args

import numpy as np
import pytest

from fpgac.build.runner import run_plan
from fpgac.errors import ToolchainError
from fpgac.pipeline.launching import launch_of
from fpgac.plugins import Plan, Step, hookspecs, load_plugins
from fpgac.plugins.scaffold import Kind, package_files
from fpgac.spec.loader import load_spec
from tests.build.fakes import FakeSite
from tests.fpgac_targets.conftest import FakeVitis, core
from tests.fpgac_targets.tools import planned

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = (ROOT / "docs" / "plugins.md").read_text()
# The package of `fpgac plugin new` is installed and tested by tests/plugins/test_scaffold.py.
ELSEWHERE: Final = ("pip install -e fpgac-kv260", "pytest fpgac-kv260")


@dataclass(frozen=True)
class Snippet:
    """A fenced block: a file with its ``title``, or the commands of a console."""

    language: str
    title: str
    appended: bool
    text: str

    @property
    def commands(self) -> list[str]:
        return [line.removeprefix("$ ") for line in self.text.splitlines()]


SNIPPETS: Final = [
    Snippet(match[1], match[2] or "", bool(match[3]), match[4])
    for match in re.finditer(
        r'^```(\w+)(?: title="([^"]+)")?( append)?\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL
    )
]


def test_every_fence_is_a_snippet() -> None:
    assert PAGE.count("```") == 2 * len(SNIPPETS)
    assert all(snippet.title or snippet.language == "console" for snippet in SNIPPETS)


def test_every_hook_is_documented() -> None:
    for hook in (name for name in hookspecs.__all__ if name.startswith("fpgac_")):
        assert f"| `{hook}` |" in PAGE
        assert f"def {hook}():" in PAGE


def test_the_bases_of_targets_are_there_one_for_each_kind() -> None:
    rows = re.findall(r"^\| `(fpgac_targets\.\w+)\.(\w+)` \|.*?\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert {kind for _, _, kind in rows} == set(get_args(Kind))
    for module, name, kind in rows:
        assert name in import_module(module).__all__
        assert (
            f"from {module} import {name}".encode()
            in package_files("x", kind=kind)["fpgac_x/target.py"]
        )


TIMING: Final = """
    WNS(ns)      TNS(ns)  TNS Failing Endpoints
    -------      -------  ---------------------
     -0.091        0.000                      0
"""


def test_every_plugin_of_the_page_does_what_it_says(tmp_path: Path) -> None:
    for snippet in SNIPPETS:
        if snippet.title and not snippet.appended:
            write(tmp_path / snippet.title, snippet)
    files = [s.title for s in SNIPPETS if s.language == "python" and "@hookimpl" in s.text]
    plugins = load_plugins(files=[tmp_path / file for file in files])
    assert plugins.failures == ()

    assert len(plugins.provider("line").load(10, 1)) == 10
    (tmp_path / "table.csv").write_text("1,2\n3,4\n")
    assert plugins.provider("table").load(None, 1).targets.tolist() == [[2], [4]]

    spec = load_spec(ROOT / "specs" / "iris.toml").spec
    np.savez(tmp_path / "n.npz", weight=np.ones((4, 3), np.int64), bias=np.zeros(3, np.int64))
    assert plugins.source("n.npz").read(tmp_path / "n.npz", spec).output_size == 3

    (tmp_path / "timing.rpt").write_text(TIMING)
    (figure,) = plugins.parsers["timing"].read(tmp_path / "timing.rpt")
    assert str(figure) == "worst negative slack: -0.091 ns"

    with pytest.raises(ToolchainError, match="module load batch"):
        plugins.toolchains["Vitis by the batch system"].find({"PATH": str(tmp_path)})
    (tmp_path / "batch-v++").write_text("#!/bin/sh\necho it ran\n")
    (tmp_path / "batch-v++").chmod(0o755)
    toolchain = plugins.toolchains["Vitis by the batch system"].find({"PATH": str(tmp_path)})
    step = Step("link", (toolchain.tool("v++"), "-l"), (), ())
    run_plan(Plan((step,)), tmp_path, {})
    assert (tmp_path / "logs/link.log").read_text() == "it ran\n"
    assert set(plugins.overrides("my-card")) == {"build/README.md.j2"}
    assert plugins.overrides("aws-f1") == {}


# What the page's own batch system is called by.
GRID_ENGINE: Final = {
    "qsub": 'for script; do :; done; setsid bash "$script" > /dev/null 2>&1 & echo $!',
    "qstat": 'kill -s 0 -- "-$2" 2> /dev/null',
    "qdel": 'kill -s KILL -- "-$1"',
}


def test_a_site_s_launcher_runs_the_steps_of_a_built_in_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (farm,) = (snippet for snippet in SNIPPETS if snippet.title == "farm.py")
    write(tmp_path / farm.title, farm)
    vitis = FakeVitis(tmp_path / "vitis").install()
    for name, body in GRID_ENGINE.items():
        FakeSite.install(vitis.folder / "bin" / name, f"#!/bin/bash\n{body}\n")
    environment = vitis.environment()
    for name in ("PATH", "AWS_PLATFORM"):
        monkeypatch.setenv(name, environment[name])
    plugins = load_plugins(files=[tmp_path / farm.title])
    target = plugins.target("aws-f1")
    design = target.design("muon", core(), target.options({}))
    build = tmp_path / "build"
    for path, file in design.files.items():
        (build / path).parent.mkdir(parents=True, exist_ok=True)
        (build / path).write_bytes(file.content)

    launch = launch_of(plugins, "farm", ["poll=0.05", "queue=it's $(touch broken)"])
    records = run_plan(planned(target, design, "hw", environment), build, {}, launch=launch)
    assert list(records) == ["hw: compile", "hw: link"]
    assert (build / "out/hw/muon.xclbin").is_file()
    assert len(vitis.calls) == 2
    assert list(tmp_path.rglob("broken")) == []


@pytest.mark.heavy
def test_the_page_works_from_top_to_bottom(tmp_path: Path) -> None:
    for file in (ROOT / "specs").glob("iris.*"):
        shutil.copy(file, tmp_path)
    for snippet in SNIPPETS:
        if snippet.title:
            write(tmp_path / snippet.title, snippet)
            continue
        for command in snippet.commands:
            if command not in ELSEWHERE:
                run(command, tmp_path)
    assert "The card is in the second rack." in (tmp_path / "build" / "README.md").read_text()


def write(path: Path, snippet: Snippet) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() + "\n" if snippet.appended else ""
    path.write_text(before + snippet.text)


def run(command: str, folder: Path) -> None:
    words = shlex.split(command)
    assert words[0] in ("fpgac", "pytest"), command
    places = [str(folder), *sys.path]
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert "is not used" not in done.stderr
