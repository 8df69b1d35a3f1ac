"""What must start quickly, or run where little is installed, imports nothing that is heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

# What takes long to import, or is not there where only compiled networks are run.
HEAVY: Final = frozenset(
    {
        "IPython",
        "h5py",
        "hls4ml",
        "jinja2",
        "keras",
        "matplotlib",
        "networkx",
        "onnx",
        "pandas",
        "pynq",
        "qkeras",
        "scipy",
        "sklearn",
        "tensorflow",
        "tensorflow_model_optimization",
        "tf_keras",
        "torch",
    }
)

# What makes a network of a spec, and a program of a network.
NETWORKS: Final = frozenset({"fpgac.network.ops", "fpgac.program.builder"})

COMMAND = """
import runpy
sys.argv = ["fpgac", *arguments]
try:
    runpy.run_module("fpgac", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
"""


def imported(program: str, *arguments: str | Path) -> frozenset[str]:
    """The modules that a program has imported in the end."""
    text = f"""
import json, sys
arguments = sys.argv[1:]
{program}
print("\\n" + json.dumps(sorted(sys.modules)))
"""
    run = subprocess.run(
        [sys.executable, "-c", text, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return frozenset(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "--version",
        "compile --help",
        "validate specs/muon.toml",
        "--json validate specs/muon.toml",
        "schema",
        "targets",
    ],
)
def test_the_front_door_imports_nothing_heavy(command: str) -> None:
    assert HEAVY & imported(COMMAND, *command.split()) == frozenset()


def test_a_warm_compile_imports_nothing_heavy(iris_build: Path) -> None:
    command = ("compile", "specs/iris.toml", "--target", "aws-f1", "--out", iris_build)
    assert (HEAVY | NETWORKS) & imported(COMMAND, *command) == frozenset()


def test_a_spec_that_was_found_sound_is_read_without_its_network() -> None:
    command = ("validate", "specs/iris.toml")
    imported(COMMAND, *command)
    assert NETWORKS & imported(COMMAND, *command) == frozenset()


def test_a_build_answers_without_anything_heavy(iris_build: Path) -> None:
    assert HEAVY & imported(COMMAND, "emulate", iris_build) == frozenset()


@pytest.mark.parametrize(
    "program",
    [
        "import fpgac.network.training, fpgac.network.file",
        "from fpgac.data.providers import BUILT_IN; [each().digest for each in BUILT_IN.values()]",
        "from fpgac.plugins import load_plugins; load_plugins()",
    ],
)
def test_what_others_build_on_imports_nothing_heavy(program: str) -> None:
    assert HEAVY & imported(program) == frozenset()


@pytest.mark.parametrize("command", ["--help", "compile --help"])
def test_help_needs_no_numpy(command: str) -> None:
    assert "numpy" not in imported(COMMAND, *command.split())
