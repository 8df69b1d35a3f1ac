"""Packages with plugins, installed with pip into an environment as their users have it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "checked_types", "install", "run"]

ROOT: Final = Path(__file__).resolve().parents[2]


def run(command: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=900
    )


def install(folder: Path, *packages: Path) -> Path:
    """The Python of a new environment in ``folder``, with the packages; the rest is ours."""
    venv.create(folder, with_pip=False, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path and Path(path).is_dir()]
    (site / "ours.pth").write_text("".join(f"{path}\n" for path in ours))
    program = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(program)]
    how = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = run([*pip, *how, *(word for path in packages for word in ("-e", str(path)))], folder)
    assert done.returncode == 0, done.stderr
    return program


def checked_types(package: Path, name: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """What mypy --strict says of the package called ``name``, and of its tests.

    What it knows of fpgac itself stays in ``cache`` for the next package.
    """
    paths = [str(ROOT / folder) for folder in ("compiler", "plugins", "templates")]
    environment = {**os.environ, "MYPYPATH": os.pathsep.join([*paths, str(package)])}
    options = ["--strict", "--explicit-package-bases", "--cache-dir", str(cache)]
    return subprocess.run(
        [sys.executable, "-m", "mypy", *options, "-p", name, "-p", "tests"],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
