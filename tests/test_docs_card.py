"""``docs/card.md`` does what it says: its files are written, and its commands run, in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

from fpgac.emulation import MEMORY_KINDS

PAGE: Final = (Path(__file__).resolve().parents[1] / "docs" / "card.md").read_text()
FILES: Final = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
COMMANDS: Final = re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)


def test_the_page_works_from_top_to_bottom(tmp_path: Path) -> None:
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = [
        subprocess.run(
            shlex.split(command), cwd=tmp_path, env={**os.environ, "PATH": path},
            check=True, capture_output=True, text=True, timeout=600,
        ).stdout
        for command in COMMANDS
    ]  # fmt: skip
    assert len(said) == 3
    printed = re.findall(r"`(vadd:\{\w+\} \d+)`", PAGE)
    assert said[-1].splitlines() == printed


def test_each_kind_of_memory_is_named() -> None:
    (row,) = re.findall(r"`kind` \(([^)]*)\)", PAGE)
    assert row.split(", ") == list(MEMORY_KINDS)
