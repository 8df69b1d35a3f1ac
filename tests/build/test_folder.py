"""The output folder is fpgac's own, one run's at a time, and holds only whole files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fpgac.build.folder import LOCK_NAME, claimed, disk_errors, write_tree, write_whole
from fpgac.build.lock import Lock, StopRecord, read_lock, write_lock
from fpgac.errors import BuildError


def test_a_new_folder_is_made_and_an_own_one_taken_again(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with claimed(folder):
        write_lock(folder, Lock(target="t"))
    with claimed(folder):
        assert read_lock(folder).target == "t"


def test_a_folder_with_other_things_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(BuildError, match=r"not fpgac's own") as caught, claimed(tmp_path):
        pass
    assert "thesis.tex" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(BuildError, match="--out"), claimed(tmp_path / "out"):
        pass


def test_two_runs_cannot_write_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from fpgac.build.folder import claimed\n"
        "with claimed(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(BuildError, match="another fpgac"), claimed(tmp_path):
            pass
        other.communicate()
    with claimed(tmp_path):
        pass


def test_a_killed_run_leaves_the_folder_free(tmp_path: Path) -> None:
    code = (
        "import sys, os; from pathlib import Path; from fpgac.build.folder import claimed\n"
        "with claimed(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    with claimed(tmp_path):
        pass


def test_what_a_killed_run_left_running_still_holds_the_folder(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from fpgac.build.folder import claimed\n"
        "from fpgac.build.plan import *; from fpgac.build.runner import run_plan\n"
        "step = Step('s', ('bash', '-c', 'echo $$ > pid; sleep 600'), (), ('o',))\n"
        "with claimed(Path(sys.argv[1])): run_plan(Plan((step,)), Path(sys.argv[1]), {})"
    )
    folder = tmp_path / "out"
    fpgac = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    pid = folder / "pid"
    while not (pid.is_file() and pid.read_text()):
        time.sleep(0.01)
    fpgac.kill()
    fpgac.wait()
    try:
        with pytest.raises(BuildError, match="another fpgac"), claimed(folder):
            pass
    finally:
        os.killpg(int(pid.read_text()), signal.SIGKILL)


def test_a_run_that_ends_gives_the_folder_back_though_a_child_lingers(tmp_path: Path) -> None:
    with claimed(tmp_path):
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        with claimed(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_full_disk_is_told_and_leaves_nothing_half_written() -> None:
    # /dev/full refuses every byte, as a full disk does.
    with (
        pytest.raises(BuildError, match="No space left") as caught,
        disk_errors(Path("out")),
        Path("/dev/full").open("wb", buffering=0) as stream,
    ):
        stream.write(b"x")
    assert "free some space" in str(caught.value)


def test_a_write_that_fails_keeps_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    write_whole(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_tree_replaces_the_one_before_and_no_more(tmp_path: Path) -> None:
    first, _ = write_tree(tmp_path, {"a/x": (b"1", False), "b": (b"2", True)}, {})
    (tmp_path / "mine").write_text("user's")
    second, edited = write_tree(tmp_path, {"b": (b"3", False)}, first)
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")} == {"b", "mine"}
    assert (tmp_path / "b").read_bytes() == b"3"
    assert set(second) == {"b"}
    assert not edited


def test_files_that_did_not_change_are_not_touched(tmp_path: Path) -> None:
    first, _ = write_tree(tmp_path, {"a": (b"1", False)}, {})
    before = (tmp_path / "a").stat().st_mtime_ns
    write_tree(tmp_path, {"a": (b"1", False)}, first)
    assert (tmp_path / "a").stat().st_mtime_ns == before


def test_what_a_user_edited_is_set_aside_never_lost(tmp_path: Path) -> None:
    first, _ = write_tree(tmp_path, {"a": (b"1", False)}, {})
    (tmp_path / "a").write_text("tweaked by hand")
    _, edited = write_tree(tmp_path, {"a": (b"2", False)}, first)
    assert edited == ["a"]
    assert (tmp_path / "a").read_text() == "2"
    assert (tmp_path / "a.edited").read_text() == "tweaked by hand"


@pytest.mark.parametrize("text", ["", "{", '{"version": 99}', '{"version": 1, "steps": 7}', "[]"])
def test_a_damaged_lock_is_told_with_the_mend(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK_NAME).write_text(text)
    with pytest.raises(BuildError, match="remove the folder"):
        read_lock(tmp_path)


def test_a_lock_reads_back_as_it_was_written(tmp_path: Path) -> None:
    lock = Lock(spec="s").with_stop("core", StopRecord(key="k", files={"a": "b"}, seconds=1.5))
    write_lock(tmp_path, lock)
    assert read_lock(tmp_path) == lock
