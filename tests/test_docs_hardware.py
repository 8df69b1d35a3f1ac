"""``docs/hardware.md``: its commands are fpgac's, and its places those that are looked at."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from fpgac.cli.app import app
from fpgac.plugins import load_plugins
from fpgac_targets.platforms import platform_folders

PAGE: Final = (Path(__file__).resolve().parents[1] / "docs" / "hardware.md").read_text()
COMMANDS: Final = [line[2:] for line in re.findall(r"^\$ fpgac .*$", PAGE, re.MULTILINE)]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_is_understood(line: str) -> None:
    """Each is read as the command line reads it, and not run."""
    command: Any = typer.main.get_command(app)
    _, *words = shlex.split(line)
    context = command.make_context("fpgac", words[:])
    while hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(name, words[:], parent=context)
    assert context.command_path.split()[1] in {"doctor", "explain", "exec", "afi", "compile"}


def test_every_command_about_the_vendors_tools_is_on_the_page() -> None:
    named = {line.split()[1] for line in COMMANDS}
    assert {"doctor", "explain", "exec", "afi"} <= named


def test_the_places_of_the_page_are_those_that_are_looked_at() -> None:
    folders = platform_folders({"PLATFORM_REPO_PATHS": "/mine", "PATH": "/nowhere"})
    assert [str(folder) for folder in folders] == ["/mine", "/opt/xilinx/platforms"]
    finders = load_plugins().toolchains.values()
    licences = {name for finder in finders for name in finder.licence_variables}
    boards = [target.board for target in load_plugins().targets.values()]
    platforms = {board.platform_variable for board in boards if board.platform_variable}
    for variable in ("PLATFORM_REPO_PATHS", "/opt/xilinx/platforms", *licences, *platforms):
        assert f"`{variable}`" in PAGE
