"""What each command says to people, word by word: ``golden/COMMAND.txt`` is a session with it.

After a change of words, ``pytest tests/cli/test_golden.py --rewrite`` writes the sessions anew; git
then shows what has changed.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.hardware.test_logs import LOWERED, TIMING

Fpgac = Callable[..., subprocess.CompletedProcess[str]]

GOLDEN: Final = Path(__file__).with_name("golden")
FLOWERS: Final = tuple(f"flowers.{kind}" for kind in ("toml", "keras", "formats", "csv"))

# What is entered in each session, in a folder with a spec, its mistaken copy and its build.
SESSIONS: Final = {
    "fpgac": ["", "frob", "--version", "compile --frob"],
    "validate": [
        "validate specs/iris.toml",
        "validate specs/iris.toml specs/mistakes.toml specs/nowhere.toml",
        "--json validate specs/iris.toml specs/mistakes.toml",
    ],
    "init": [
        "init flower.toml",
        "init flower.toml",
        "init weed.toml --target aws-f11",
        "init 1.toml",
    ],
    "card": [
        "card build nowhere.cpp -o k.xclbin",
        "card build specs/iris.toml -o k.xclbin",
        "--json card build nowhere.cpp --config nowhere.cfg -o k.xclbin",
        "card exec",
        "card exec -- ./host",
        "card exec -- ./host k.xclbin",
    ],
    "estimate": [
        "estimate specs/iris.toml --target pynq-z2 --target aws-f1",
        "--json estimate specs/iris.toml --target zcu102 --batch 100",
        "estimate specs/iris.toml --target pynq-z3",
        "estimate specs/small.toml",
        "validate specs/tight.toml specs/large.toml",
        "compile specs/tight.toml",
    ],
    "import": [
        "import specs/flowers.keras --out garden.toml",
        "import specs/flowers.keras --out garden.toml --data iris --target aws-f1",
        "--json import specs/flowers.keras --out meadow.toml --data iris --target pynq-z2",
        "import specs/flowers.keras --name 1 --out other.toml",
        "import specs/iris.toml",
        "validate specs/flowers.keras",
    ],
    "inspect": [
        "inspect specs/flowers.keras",
        "inspect specs/flowers.toml",
        "inspect build",
        "inspect text.npy",
        "--json inspect specs/iris.network.json",
    ],
    "train": ["train specs/mistakes.toml", "train specs/foreign.toml"],
    "compile": [
        "compile specs/iris.toml --target aws-f1 --out build",
        "compile specs/iris.toml",
        "compile specs/iris.toml --target aws-f2",
        "compile specs/iris.toml --target aws-f1 --out specs",
        "compile specs/iris.toml --target aws-f1 --mode hw --on slrum",
        "compile specs/iris.toml --target aws-f1 --mode hw --time-limit soon",
        "--json compile specs/iris.toml --target aws-f1 --out build --mode hw",
    ],
    "run": [
        "run build",
        "run build --input x.npy --output y.npy --host simulation",
        "run specs",
        "run build --host pynq --device 3 --compute-units 9 --batch 9999999999",
        "run build --input text.npy --host simulation",
    ],
    "emulate": [
        "emulate specs/iris.toml",
        "emulate build",
        "emulate build --data x.npy --out y.npy",
        "emulate build --data x.npy",
        "emulate build --raw",
        "emulate build --data wide.npy --out y.npy",
        "emulate specs",
    ],
    "data": [
        "data specs/iris.toml",
        "data specs/iris.toml --plot ranges.png --export samples.npz",
        "data specs/mistakes.toml",
    ],
    "trace": ["trace specs/iris.toml", "trace specs/iris.toml --data none.npy"],
    "targets": ["targets", "targets show alveo-u281", "targets show pynq-z2"],
    "afi": ["afi status build", "afi create build", "afi wait nowhere"],
    "exec": [
        "exec build -- sh -c 'echo to all; echo to some >&2; exit 3'",
        "exec build",
        "exec specs -- true",
        "exec build -- ./nowhere",
    ],
    "explain": [
        "explain link.log",
        "--json explain link.log",
        "explain good.log",
        "explain gone.log",
    ],
    "doctor": ["doctor --target pynq-z3", "--json doctor --target pynq-z3"],
    "plugin": ["plugin list", "plugin list --plugin broken.py", "plugin new aws-f1"],
}


@pytest.fixture
def desk(iris_build: Path, specs: Path, tmp_path: Path) -> Path:
    """A folder as a user might have it."""
    folder = tmp_path / "desk"
    folder.mkdir()
    shutil.copytree(iris_build, folder / "build")
    (folder / "specs").mkdir()
    names = ("iris.toml", "iris.network.json", "iris.training.json")
    for name in (*names, *FLOWERS):
        shutil.copy(specs / name, folder / "specs")
    text = (specs / "iris.toml").read_text()
    mistaken = text.replace("epochs", "epoch").replace("clock_mhz = 250.0", "clock_mhz = 0")
    (folder / "specs/mistakes.toml").write_text(mistaken)
    foreign = text.replace('name = "iris"', 'name = "iris"\nnetwork = "iris.onnx"')
    (folder / "specs/foreign.toml").write_text(foreign)
    slow = text.replace("clock_mhz = 250.0", "clock_mhz = 125.0")
    tight = slow.replace("[hls]", "[budget]\nmax_dsp = 10\nmin_rate = 1e9\n\n[hls]")
    (folder / "specs/tight.toml").write_text(_only("pynq-z2", tight))
    layer = '{ kind = "dense", units = 16, activation = "relu" },'
    wide = slow.replace('name = "iris"', 'name = "large"').replace("units = 16", "units = 2048")
    deep = wide.replace(layer.replace("16", "2048"), 2 * layer.replace("16", "2048"))
    (folder / "specs/large.toml").write_text(_only("pynq-z2", deep))
    shared = wide.replace("2048", "512").replace("[hls]", "[hls]\nreuse_factor = 2")
    (folder / "specs/small.toml").write_text(_only("pynq-z2", shared))
    (folder / "broken.py").write_text("import nothing_of_the_kind\n")
    (folder / "text.npy").write_text("1 2 3")
    (folder / "link.log").write_text(f"{LOWERED}\n{TIMING}ERROR: [New 1-1] of a later version\n")
    (folder / "good.log").write_text("synth_design completed successfully\n")
    for name, shape in (("x", (100, 4)), ("wide", (3, 9)), ("none", (0, 4))):
        np.save(folder / f"{name}.npy", np.ones(shape, np.float32))
    return folder


@pytest.mark.parametrize("command", SESSIONS)
def test_a_command_says_what_it_always_said(
    fpgac: Fpgac, desk: Path, command: str, request: pytest.FixtureRequest
) -> None:
    said = "\n".join(_entry(fpgac, desk, line) for line in SESSIONS[command])
    golden = GOLDEN / f"{command}.txt"
    if request.config.getoption("--rewrite"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(said)
    assert said == golden.read_text()


def test_every_session_is_of_a_command() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == SESSIONS.keys()


def _only(target: str, spec: str) -> str:
    """The spec for one of its targets alone."""
    return f"{spec.partition('[targets.')[0]}[targets.{target}]\n"


def _entry(fpgac: Fpgac, desk: Path, line: str) -> str:
    """A command, what it wrote to each stream, and its exit code, if that is not 0."""
    done = fpgac(*shlex.split(line), cwd=desk)
    lines = [f"$ fpgac {line}".rstrip()]
    lines += [text.rstrip() for text in done.stdout.splitlines()]
    lines += [f"2> {text}".rstrip() for text in done.stderr.splitlines()]
    lines += [f"exit code {done.returncode}"] if done.returncode else []
    return _settled("\n".join(lines).replace(str(desk), "DESK")) + "\n"


def _settled(text: str) -> str:
    """The text without times, counts of files, and the spaces that line them up."""
    text = re.sub(r"\b\d+ files\b", "# files", text)
    text = re.sub(r"\b[\d.,]+(e-?\d+)? (s|ms|million a second)\b", r"# \2", text)
    text = re.sub(r'"seconds": [\d.e-]+', '"seconds": #', text)
    text = re.sub(r"(# ms +)[\d,]+( +(not|equal))", r"\1#\2", text)
    return re.sub(r"(?<=\S) {2,}", "  ", text)
