"""What a command prints, wherever that goes: narrow and old terminals, pipes, full disks."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IRIS = ROOT / "specs" / "iris.toml"
Fpgac = Callable[..., subprocess.CompletedProcess[str]]


def _environment(**variables: str) -> dict[str, str]:
    return {**os.environ, **variables}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_without_arrows_gets_simpler_characters(fpgac: Fpgac, encoding: str) -> None:
    done = fpgac("validate", IRIS, environment=_environment(PYTHONIOENCODING=encoding))
    assert done.returncode == 0, done.stderr
    assert "iris, 4 -> 16 -> 3, for aws-f1" in done.stdout


def test_json_keeps_every_character_in_any_encoding(fpgac: Fpgac) -> None:
    done = fpgac("--json", "validate", IRIS, environment=_environment(PYTHONIOENCODING="ascii"))
    assert json.loads(done.stdout)["result"][0]["topology"] == "4 → 16 → 3"


def in_terminal(*arguments: str, columns: int, **variables: str) -> list[str]:
    """The lines that the command line writes to a terminal of so many columns, without colours."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    environment = _environment(COLUMNS=str(columns), TERM="xterm", **variables)
    command = [sys.executable, "-m", "fpgac", *arguments]
    with subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    ):
        os.close(theirs)
        text = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "").splitlines()


def _read(terminal: int) -> bytes:
    """What is there; nothing once the other side has gone, which Linux calls an I/O error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("arguments", [("targets",), ("plugin", "list"), ("--help",)])
def test_60_columns_are_enough(arguments: tuple[str, ...]) -> None:
    lines = in_terminal(*arguments, columns=60, PYTHONIOENCODING="ascii")
    assert len(lines) > 5
    assert max(map(len, lines)) <= 60


def test_a_table_that_is_too_wide_becomes_paragraphs() -> None:
    narrow = in_terminal("targets", columns=60)
    place = narrow.index("alveo-u50")
    assert narrow[place + 1] == "  part: xcu50-fsvh2104-2-e"
    assert narrow[place + 2] == "  platform: xilinx_u50_gen3x16_xdma_5_202210_1"
    assert narrow[place + 5] == "  state: active"


def test_a_pipe_keeps_the_lines_of_tables_whole(fpgac: Fpgac) -> None:
    rows = fpgac("targets", environment=_environment(COLUMNS="60")).stdout.splitlines()
    assert any("xilinx_u50_gen3x16_xdma_5_202210_1" in row and "active" in row for row in rows)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_disk_is_no_defect(options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "fpgac", *options, "schema"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 9
    assert "standard output cannot be written" in done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_whoever_reads_only_the_first_line_hears_of_no_error() -> None:
    command = f"{sys.executable} -m fpgac schema | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == "{\n"
    assert done.stderr == ""
