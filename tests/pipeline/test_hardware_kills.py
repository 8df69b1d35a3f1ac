"""A hardware build that is killed at any moment goes on where it was, to the same artifacts.

``FPGAC_KILLS`` sets how many moments the long form tries.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from fpgac.emulation import CardDescription
from tests.build.fakes import FakeSite
from tests.drawing import examples
from tests.hardware.vendors import card_xclbin
from tests.pipeline.test_kills import nobody_works_on, tree

ROOT = Path(__file__).parents[2]

# Each step takes a while, and leaves half of what it makes for the time that it takes.
VPP = """\
#!/bin/sh
if [ "$1" = --version ]; then echo '****** v++ v2021.2 (64-bit)'; exit 0; fi
echo "[12:00:00] Run vpl: Step synth: Started"
words="$*"
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then made=$2; fi
    shift
done
printf half > "$made"
sleep {seconds}
case $words in
    *" -l "*|"-l "*) cp '{given}' "$made" ;;
    *) printf 'object of %s' "$words" > "$made" ;;
esac
"""

# What `fpgac compile --mode hw` does with a folder after its proof, at once.
HARDWARE = """
import os, sys
from pathlib import Path
from fpgac.build.folder import File, locked
from fpgac.build.launcher import Launch, Place
from fpgac.build.launchers import Slurm
from fpgac.build.lock import set_strange_aside
from fpgac.build.plan import Plan, Step
from fpgac.build.stage import Stage, Values
from fpgac.build.store import Store
from fpgac.build.workspace import Workspace

folder, on = Path(sys.argv[1]), sys.argv[2]
sources = {"kernel/k.cpp": File(b"int k;"), "scripts/link.cfg": File(b"[connectivity]")}
v, out = ("v++",), "out/hw"
steps = (
    Step("hw: compile", (*v, "-c", "-o", f"{out}/k.xo", "kernel/k.cpp"), ("kernel/k.cpp",),
         (f"{out}/k.xo",)),
    Step("hw: link", (*v, "-l", "-o", f"{out}/k.xclbin", f"{out}/k.xo"),
         (f"{out}/k.xo", "scripts/link.cfg"), (f"{out}/k.xclbin",)),
    Step("hw: package", (*v, "-p", "-o", f"{out}/k.bin", f"{out}/k.xclbin"),
         (f"{out}/k.xclbin",), (f"{out}/k.bin",)),
)
launch = Launch(Slurm(), Place("", {"poll": "0.05"})) if on == "slurm" else Launch()
with locked(folder):
    assert set_strange_aside(folder) == "", "a killed run leaves a lock that can be believed"
    workspace = Workspace(folder, lambda _: None, Values(Store(folder.parent / "store")))
    workspace.describe(target="none", mode="hw")
    workspace.update(Stage("sources", "sources", lambda: sources, lambda made: made, dict))
    workspace.run(Plan(steps), launch=launch)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSite:
    """A batch system, and what v++ is to give."""
    made = FakeSite(tmp_path / "site")
    (tmp_path / "given").write_text("xclbin2, whole")
    install(made, tmp_path / "given", seconds=0.05)
    monkeypatch.setenv("PATH", str(made.bin), prepend=":")
    return made


def install(site: FakeSite, given: Path, seconds: float) -> None:
    site.install(site.bin / "v++", VPP.format(seconds=seconds, given=given))


def killed_after(seconds: float, command: list[str]) -> bool:
    """Whether the run was still alive then, when it was killed with all of its group."""
    run = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        run.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True
    return False


def artifacts(folder: Path) -> dict[str, bytes]:
    """All that a build leaves, but for what belongs to the jobs that made it."""
    return {path: text for path, text in tree(folder).items() if not path.startswith("jobs/")}


def finished(command: list[str]) -> float:
    """How long a run takes that nobody kills."""
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return time.monotonic() - started


@pytest.mark.hypothesis
@pytest.mark.parametrize(("on", "kills"), [("local", 3), ("slurm", 2)])
def test_a_killed_hardware_build_is_gone_on_with(
    on: str, kills: int, site: FakeSite, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    program = tmp_path / "hardware.py"
    program.write_text(HARDWARE)

    def run(name: str) -> list[str]:
        return [sys.executable, str(program), str(tmp_path / name / "out"), on]

    takes = finished(run("whole"))
    expected = artifacts(tmp_path / "whole" / "out")
    random = Random(str(pytestconfig.getoption("--hypothesis-seed")))
    for number in range(examples(kills)):
        folder, moment = tmp_path / f"killed{number}" / "out", random.uniform(0.1, takes)
        killed_after(moment, run(f"killed{number}"))
        assert on == "slurm" or nobody_works_on(folder), f"killed after {moment:.3f} s"
        finished(run(f"killed{number}"))
        assert artifacts(folder) == expected, f"killed after {moment:.3f} s"


@pytest.mark.heavy
@pytest.mark.hypothesis
def test_a_killed_compile_for_hardware_is_gone_on_with(
    iris_build: Path,
    site: FakeSite,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole command, from a folder whose proof is done, killed at 30 moments."""
    card = CardDescription.read(iris_build / "emulation/card.json")
    (tmp_path / "given").write_bytes(card_xclbin(card))
    install(site, tmp_path / "given", seconds=1)
    (tmp_path / "f1.xpfm").touch()
    monkeypatch.setenv("AWS_PLATFORM", str(tmp_path / "f1.xpfm"))

    def run(name: str) -> list[str]:
        folder = str(tmp_path / name)
        spec = str(ROOT / "specs" / "iris.toml")
        options = ["--target", "aws-f1", "--mode", "hw", "--out", folder]
        return [sys.executable, "-m", "fpgac", "compile", spec, *options]

    shutil.copytree(iris_build, tmp_path / "whole")
    takes = finished(run("whole"))
    expected = artifacts(tmp_path / "whole")
    random = Random(str(pytestconfig.getoption("--hypothesis-seed")))
    shutil.copytree(iris_build, tmp_path / "killed")
    alive = 0
    for _ in range(int(os.environ.get("FPGAC_KILLS", "30"))):
        if killed_after(random.uniform(0.1, takes), run("killed")):
            alive += 1
            continue
        assert artifacts(tmp_path / "killed") == expected
        shutil.rmtree(tmp_path / "killed")
        shutil.copytree(iris_build, tmp_path / "killed")
    assert alive, "some moments were before the end"
    finished(run("killed"))
    assert artifacts(tmp_path / "killed") == expected
