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
from pydantic import BaseModel

from fpgac.spec.models import DataSection, QuantisationSection

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

    models: dict[str, type[BaseModel]] = {"quantisation": QuantisationSection, "data": DataSection}
    assert [section for table in tables for section in table] == ["quantisation"] * 2 + ["data"]
    for table in tables:
        for section, keys in table.items():
            assert models[section].model_validate(keys).model_fields_set == keys_of(keys)


def keys_of(keys: dict[str, object]) -> set[str]:
    """A section's keys, as its model calls them."""
    return {"source" if key == "from" else key for key in keys}


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
