"""``docs/plugins.md`` does what it says: its files are written, and its commands run, in order."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from fpgac.plugins import hookspecs

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = (ROOT / "docs" / "plugins.md").read_text()
# The package of `fpgac plugin new` is installed and tested by tests/plugins/test_scaffold.py.
ELSEWHERE: Final = ("pip install -e fpgac-kv260", "pytest fpgac-kv260")


@dataclass(frozen=True)
class Snippet:
    """A fenced block: a file with its ``title``, or the commands of a console."""

    language: str
    title: str
    appended: bool
    text: str

    @property
    def commands(self) -> list[str]:
        return [line.removeprefix("$ ") for line in self.text.splitlines()]


SNIPPETS: Final = [
    Snippet(match[1], match[2] or "", bool(match[3]), match[4])
    for match in re.finditer(
        r'^```(\w+)(?: title="([^"]+)")?( append)?\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL
    )
]


def test_every_fence_is_a_snippet() -> None:
    assert PAGE.count("```") == 2 * len(SNIPPETS)
    assert all(snippet.title or snippet.language == "console" for snippet in SNIPPETS)


def test_every_hook_is_told() -> None:
    for hook in (name for name in hookspecs.__all__ if name.startswith("fpgac_")):
        assert f"| `{hook}` |" in PAGE
        assert f"def {hook}():" in PAGE


@pytest.mark.heavy
def test_the_page_works_from_top_to_bottom(tmp_path: Path) -> None:
    for file in (ROOT / "specs").glob("iris.*"):
        shutil.copy(file, tmp_path)
    for snippet in SNIPPETS:
        if snippet.title:
            write(tmp_path / snippet.title, snippet)
            continue
        for command in snippet.commands:
            if command not in ELSEWHERE:
                run(command, tmp_path)
    assert "The card is in the second rack." in (tmp_path / "build" / "README.md").read_text()


def write(path: Path, snippet: Snippet) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() + "\n" if snippet.appended else ""
    path.write_text(before + snippet.text)


def run(command: str, folder: Path) -> None:
    words = shlex.split(command)
    assert words[0] in ("fpgac", "pytest"), command
    places = [str(folder), *sys.path]
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert "is left out" not in done.stderr
