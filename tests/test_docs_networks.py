"""``docs/networks.md`` does what it says: its files are written, and its commands run, in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from fpgac.spec.models import QuantisationSection

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = (ROOT / "docs" / "networks.md").read_text()
# Language, title and text of each fenced block.
SNIPPETS: Final = [
    (match[1], match[2] or "", match[3])
    for match in re.finditer(
        r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL
    )
]


def test_tables_of_the_page_are_those_of_a_spec() -> None:
    tables = [tomllib.loads(text) for kind, title, text in SNIPPETS if kind == "toml" and not title]

    assert len(tables) == 2
    for table in tables:
        assert QuantisationSection.model_validate(table["quantisation"]).model_fields_set


@pytest.mark.heavy
def test_the_page_works_from_top_to_bottom(tmp_path: Path) -> None:
    for kind, title, text in SNIPPETS:
        if title:
            (tmp_path / title).write_text(text)
        elif kind == "console":
            for line in text.splitlines():
                run(line.removeprefix("$ "), tmp_path)

    imported, expected = (tmp_path / name for name in ("flowers.toml", "expected.toml"))
    assert tomllib.loads(imported.read_text()) == tomllib.loads(expected.read_text())
    assert (tmp_path / "flowers.formats").is_file()


def run(command: str, folder: Path) -> None:
    program, *rest = shlex.split(command)
    words = {"python": rest, "fpgac": ["-m", "fpgac", *rest]}[program]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
