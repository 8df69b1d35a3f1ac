"""What tests share: the command line, the specs, and one whole build of the quick one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run_fpgac(
    *arguments: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, in a process of its own."""
    command: Sequence[str] = (sys.executable, "-m", "fpgac", *map(str, arguments))
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="session")
def fpgac() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line, as a function."""
    return run_fpgac


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """A copy of the specs and their trained networks, to change at will."""
    return Path(shutil.copytree(ROOT / "specs", tmp_path / "specs"))


@pytest.fixture(scope="session")
def iris_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The iris network compiled for aws-f1 with everything real; tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("builds") / "iris-aws-f1"
    done = run_fpgac("compile", ROOT / "specs" / "iris.toml", "--target", "aws-f1", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder
