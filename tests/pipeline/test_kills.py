"""Whenever a compile is killed, the next one makes what it would have made: the same bytes, and
nothing beside them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from tests.drawing import examples

ROOT = Path(__file__).parents[2]
KILLING = ROOT / "tests" / "killing.py"

# All that a compile does with a folder and the store, without what takes it long.
SMALL = """
import sys
from pathlib import Path
from fpgac.build.folder import File, locked
from fpgac.build.lock import set_strange_aside
from fpgac.build.plan import Plan, Step
from fpgac.build.stage import Stage, Values
from fpgac.build.store import Store
from fpgac.build.workspace import Workspace

folder = Path(sys.argv[1])
text = "int main() { return %d; }"

def stage(name, files):
    return Stage(name, name, lambda: files, lambda made: made, lambda kept: dict(kept))

with locked(folder):
    assert set_strange_aside(folder) == "", "a killed run leaves a lock that can be believed"
    workspace = Workspace(folder, lambda _: None, Values(Store(folder.parent / "store")))
    workspace.describe(target="none")
    sources = {f"src/part{n}/main.cpp": File((text % n).encode()) for n in range(3)}
    workspace.update(stage("sources", sources))
    workspace.update(stage("scripts", {"run.sh": File(b"true", executable=True)}))
    workspace.run(Plan(tuple(
        Step(f"g++ {n}", ("g++", "-o", f"out/{n}", path), (path,), (f"out/{n}",))
        for n, path in enumerate(sources)
    )), shared=True)
    workspace.update(stage("report", {"report.txt": File(b"done")}))
"""


def killed(
    at: int, whom: str, program: str, *arguments: Path | str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(KILLING), str(at), whom, program, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, start_new_session=True
    )


def calls_of(done: subprocess.CompletedProcess[str]) -> int:
    found = re.search(r"calls: (\d+)", done.stderr)
    assert done.returncode == 0, done.stderr
    assert found
    return int(found[1])


def tree(folder: Path) -> Mapping[str, bytes]:
    """All files by their paths; the lock without its times."""
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    lock = json.loads(found["fpgac.lock"])
    for record in [*lock["stages"].values(), *lock["steps"].values()]:
        record.pop("seconds")
    return {**found, "fpgac.lock": json.dumps(lock).encode()}


def strays(folder: Path) -> list[str]:
    """Commands of processes that still work for a build."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def nobody_works_on(folder: Path) -> bool:
    until = time.monotonic() + 20
    while strays(folder) and time.monotonic() < until:
        time.sleep(0.02)
    return not strays(folder)


def points(calls: int, count: int, config: pytest.Config) -> list[int]:
    """So many of the calls, or all there are; others in every night, by the seed of hypothesis."""
    seed = str(config.getoption("--hypothesis-seed"))
    return sorted(Random(seed).sample(range(1, calls + 1), min(count, calls)))


@pytest.mark.hypothesis
@pytest.mark.parametrize("whom", ["group", "parent"])
def test_a_killed_run_is_gone_on_with(
    whom: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    program = tmp_path / "small.py"
    program.write_text(SMALL)
    calls = calls_of(killed(0, whom, str(program), tmp_path / "whole" / "out"))
    expected = tree(tmp_path / "whole" / "out")
    for at in points(calls, examples(5), pytestconfig):
        folder = tmp_path / f"at{at}" / "out"
        killed(at, whom, str(program), folder)
        assert nobody_works_on(folder), f"killed at {at} of {calls}"
        again = killed(0, whom, str(program), folder)
        assert again.returncode == 0, f"killed at {at} of {calls}: {again.stderr}"
        assert tree(folder) == expected, f"killed at {at} of {calls}"


@pytest.mark.heavy
@pytest.mark.hypothesis
@pytest.mark.parametrize("whom", ["group", "parent"])
def test_a_killed_compile_is_gone_on_with(
    whom: str, iris_build: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    def compile_to(at: int, name: str) -> subprocess.CompletedProcess[str]:
        options = ("--target", "aws-f1", "--out", tmp_path / name)
        return killed(at, whom, "fpgac", "compile", ROOT / "specs" / "iris.toml", *options)

    expected = tree(iris_build)
    for at in points(calls_of(compile_to(0, "whole")), examples(1), pytestconfig):
        compile_to(at, f"at{at}")
        assert nobody_works_on(tmp_path / f"at{at}")
        again = compile_to(0, f"at{at}")
        assert again.returncode == 0, f"killed at {at}: {again.stderr}"
        assert tree(tmp_path / f"at{at}") == expected, f"killed at {at}"
