"""Other programs, asked what they think of a file."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["failure", "run"]

PATIENCE_SECONDS: Final = 300


def run(
    command: list[str],
    folder: Path | None = None,
    *,
    text: str = "",
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``command``, which reads ``text``."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stdout, done.stderr


def failure(command: list[str], folder: Path) -> str:
    """What ``command`` complains of, or nothing."""
    code, out, errors = run(command, folder)
    return (errors or out or f"exit code {code}").strip() if code else ""
