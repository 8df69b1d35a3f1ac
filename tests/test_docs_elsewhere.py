"""``docs/elsewhere.md`` knows every launcher and every option, and its commands can be given."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from fpgac.build.launcher import Launcher
from fpgac.build.launchers import BUILT_IN
from fpgac.pipeline.launching import launch_of
from fpgac.plugins import load_plugins
from tests.build.fakes import FakeSite

PAGE: Final = (Path(__file__).resolve().parents[1] / "docs" / "elsewhere.md").read_text()
COMMANDS: Final = re.findall(r"^\$ (fpgac .*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("launcher", BUILT_IN, ids=lambda launcher: launcher.name)
def test_every_launcher_and_its_options_are_on_the_page(launcher: type[Launcher]) -> None:
    address = "://HOST" if launcher.takes_address else ""
    assert f"| `{launcher.name}{address}` |" in PAGE
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\w ,`]+) \|", PAGE, re.MULTILINE))
    for option in launcher.options:
        assert launcher.name in rows[option] or rows[option] == "all but `local`", option


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_can_be_given(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = FakeSite(tmp_path / "site")
    monkeypatch.setenv("PATH", str(site.bin), prepend=":")
    words = shlex.split(command)
    given = dict(itertools.pairwise(words))
    options = [after for word, after in itertools.pairwise(words) if word == "--on-option"]
    launch = launch_of(load_plugins(), given["--on"], options)
    launch.launcher.check(launch.place)


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 4
