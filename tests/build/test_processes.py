"""Child processes say what they did, and none is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fpgac.build.processes import (
    CommandError,
    ending,
    inherited_environment,
    last_lines,
    output_of,
    session,
)


def test_the_output_of_a_command_is_both_of_its_streams() -> None:
    said = output_of(["sh", "-c", "echo one; echo two >&2; cat"], timeout=60)
    assert said.split() == ["one", "two"]


def test_a_command_has_the_environment_and_folder_that_it_is_given(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo $COLOUR; pwd"]
    said = output_of(command, timeout=60, cwd=tmp_path, environment={"COLOUR": "red"})
    assert said.splitlines() == ["red", str(tmp_path)]


@pytest.mark.parametrize(
    ("command", "what", "said"),
    [
        (
            ["sh", "-c", "echo no such thing; exit 3"],
            "sh ended with exit code 3",
            "no such thing\n",
        ),
        (["sh", "-c", "kill -SEGV $$"], "sh ended with SIGSEGV", ""),
        (["/nowhere/tool"], "tool cannot be started", "No such file or directory"),
        (["sleep", "60"], "sleep did not end within 0.2 seconds", ""),
    ],
)
def test_a_command_that_fails_says_how(command: list[str], what: str, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        output_of(command, timeout=0.2)
    assert (caught.value.what, caught.value.said) == (what, said)


def test_a_failure_that_nobody_minds_is_just_output() -> None:
    assert output_of(["sh", "-c", "echo fine; exit 1"], timeout=60, check=False) == "fine\n"


def is_alive(pid: int) -> bool:
    return (
        Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()
    )


def test_a_session_ends_with_its_block_and_all_that_it_started(tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > child; wait"
    with session(["sh", "-c", script], cwd=tmp_path) as process:
        while not (tmp_path / "child").is_file() or not (tmp_path / "child").read_text():
            time.sleep(0.01)
        child = int((tmp_path / "child").read_text())
        assert os.getsid(process.pid) != os.getsid(0)
        assert is_alive(child)
    assert process.returncode is not None
    for _ in range(100):
        if not is_alive(child):
            break
        time.sleep(0.05)
    assert not is_alive(child)


PARENT = """
import os, signal, sys, time
from fpgac.build.processes import session

with session(["true"]):
    pass
with session(["sh", "-c", "sleep 600 & echo $! $$ > children; wait"]):
    while not os.path.exists("children") or not open("children").read():
        time.sleep(0.01)
    os.killpg(0, signal.SIGKILL) if sys.argv[1] == "group" else os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("killed", ["group", "parent"])
def test_a_session_ends_when_who_began_it_is_killed(killed: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, killed]
    subprocess.run(command, cwd=tmp_path, start_new_session=True, check=False)
    children = [int(child) for child in (tmp_path / "children").read_text().split()]
    for _ in range(200):
        if not any(map(is_alive, children)):
            break
        time.sleep(0.05)
    assert [is_alive(child) for child in children] == [False, False]


def test_what_is_no_program_cannot_be_a_session(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("#!/bin/sh\n")
    (tmp_path / "here").chmod(0o755)
    with session(["./here"], cwd=tmp_path) as process:
        assert process.wait() == 0
    for name in ("nowhere", "./nowhere", str(tmp_path)):
        with pytest.raises(FileNotFoundError, match="No such file"), session([name]):
            pass


def test_children_know_nothing_of_python_s_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert "PYTHONOPTIMIZE" not in inherited_environment()
    assert inherited_environment()["PYTHONPATH"] == "/somewhere"
    assert inherited_environment({"PYTHONOPTIMIZE": "2", "A": "b"}) == {"A": "b"}


def test_a_session_that_has_ended_is_left_alone() -> None:
    with session(["true"], stdout=subprocess.DEVNULL) as process:
        process.wait()
    assert process.returncode == 0


def test_endings_have_names() -> None:
    assert [ending(code) for code in (0, 3, -11, -40)] == [
        "exit code 0",
        "exit code 3",
        "SIGSEGV",
        "signal 40",
    ]


def test_the_last_lines_are_those_that_say_something() -> None:
    assert last_lines("one\n\ntwo  \n\nthree\n\n", 2) == "two\nthree"
    assert last_lines("") == ""
