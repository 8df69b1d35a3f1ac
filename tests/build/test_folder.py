"""The output folder is fpgac's own, one run's at a time, and holds only whole files."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fpgac.build.folder import (
    LOCK_NAME,
    File,
    Files,
    disk_errors,
    locked,
    write_tree,
    write_whole,
)
from fpgac.build.lock import Lock, StageRecord, StepRecord, read_lock, set_strange_aside, write_lock
from fpgac.digest import digest_bytes
from fpgac.errors import BuildError, Where


def test_a_new_folder_is_made_and_an_own_one_taken_again(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with locked(folder):
        write_lock(folder, Lock(target="t"))
    with locked(folder):
        assert read_lock(folder).target == "t"


def test_a_folder_with_other_things_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(BuildError, match=r"not fpgac's own") as caught, locked(tmp_path):
        pass
    assert "thesis.tex" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_a_killed_run_was_writing_is_swept(tmp_path: Path) -> None:
    left = [f".{LOCK_NAME}.3fe10a2b", "kernel/firmware/.nnet_embed.h.d24a0000"]
    kept = [LOCK_NAME, ".gitignore", "kernel/.a.d24a", "kernel/firmware/a.h", "out/.a.0123abcd"]
    for name in (*left, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with locked(tmp_path):
        pass
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(kept)


def test_a_folder_with_the_draft_of_a_lock_alone_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / f".{LOCK_NAME}.3fe10a2b").touch()
    with locked(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(BuildError, match="--out"), locked(tmp_path / "out"):
        pass


def test_two_runs_cannot_write_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from fpgac.build.folder import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(BuildError, match="another fpgac"), locked(tmp_path):
            pass
        other.communicate()
    with locked(tmp_path):
        pass


def test_a_killed_run_leaves_the_folder_free(tmp_path: Path) -> None:
    code = (
        "import sys, os; from pathlib import Path; from fpgac.build.folder import locked\n"
        "with locked(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    with locked(tmp_path):
        pass


def test_what_a_killed_run_had_begun_ends_and_gives_the_folder_back(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from fpgac.build.folder import locked\n"
        "from fpgac.build.plan import *; from fpgac.build.runner import run_plan\n"
        "step = Step('s', ('bash', '-c', 'echo $$ > pid; sleep 600'), (), ('o',))\n"
        "with locked(Path(sys.argv[1])): run_plan(Plan((step,)), Path(sys.argv[1]), {})"
    )
    folder = tmp_path / "out"
    fpgac = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    pid = folder / "pid"
    while not (pid.is_file() and pid.read_text()):
        time.sleep(0.01)
    fpgac.kill()
    fpgac.wait()
    (folder / LOCK_NAME).touch()
    with locked(folder):
        assert not Path("/proc", pid.read_text().strip(), "exe").exists()


def test_a_run_that_ends_gives_the_folder_back_though_a_child_lingers(tmp_path: Path) -> None:
    with locked(tmp_path):
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        with locked(tmp_path):
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


def digests(files: Files) -> dict[str, str]:
    return {path: digest_bytes(file.content) for path, file in files.items()}


FIRST: Files = {"a/x": File(b"1"), "b": File(b"2", executable=True)}


def test_a_tree_replaces_the_one_before_and_no_more(tmp_path: Path) -> None:
    write_tree(tmp_path, FIRST, {})
    (tmp_path / "mine").write_text("user's")
    edited = write_tree(tmp_path, {"b": File(b"3")}, digests(FIRST))
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")} == {"b", "mine"}
    assert (tmp_path / "b").read_bytes() == b"3"
    assert not (tmp_path / "b").stat().st_mode & 0o100
    assert not edited


def test_files_that_did_not_change_are_not_touched(tmp_path: Path) -> None:
    write_tree(tmp_path, FIRST, {})
    before = (tmp_path / "b").stat().st_mtime_ns
    write_tree(tmp_path, FIRST, digests(FIRST))
    assert (tmp_path / "b").stat().st_mtime_ns == before


def test_what_a_user_edited_is_set_aside_never_lost(tmp_path: Path) -> None:
    write_tree(tmp_path, FIRST, {})
    (tmp_path / "b").write_text("tweaked by hand")
    assert write_tree(tmp_path, FIRST, digests(FIRST)) == ["b"]
    assert (tmp_path / "b").read_bytes() == b"2"
    assert (tmp_path / "b.edited").read_text() == "tweaked by hand"


def test_an_edit_that_makes_the_file_as_it_will_be_is_none(tmp_path: Path) -> None:
    write_tree(tmp_path, FIRST, {})
    (tmp_path / "b").write_bytes(b"3")
    assert write_tree(tmp_path, {**FIRST, "b": File(b"3")}, digests(FIRST)) == []
    assert not (tmp_path / "b.edited").exists()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", ""),
        ("{", ""),
        ('{"version": 99}', ""),
        ('{"version": 2, "steps": 7}', "steps"),
        ('{"version": 2, "stages": {"core": {"key": 7}}}', "stages.core.key"),
        ("[]", ""),
        (5000 * "[", ""),
        ('{"version": 2}', "seal"),
        ('{"version": 2, "seal": 7}', "seal"),
        ('{"version": 2, "seal": "' + 64 * "0" + '"}', "seal"),
    ],
)
def test_a_damaged_lock_is_refused_with_the_place(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / LOCK_NAME).write_text(text)
    with pytest.raises(BuildError) as caught:
        read_lock(tmp_path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("build.bad-lock", Where(tmp_path / LOCK_NAME, key=key))


def test_a_lock_reads_back_as_it_was_written(tmp_path: Path) -> None:
    record = StageRecord(key="k", files={"a": "b"}, executable=("a",), seconds=1.5)
    lock = Lock(spec="s").with_stage("core", record).with_step("s", StepRecord("k", {"o": "d"}))
    write_lock(tmp_path, lock)
    assert read_lock(tmp_path) == lock


def test_a_lock_that_says_something_else_than_it_did_is_refused(tmp_path: Path) -> None:
    record = StageRecord(key="k", files={"a": "b"})
    write_lock(tmp_path, Lock().with_stage("core", record))
    path = tmp_path / LOCK_NAME
    path.write_text(path.read_text().replace('"a": "b"', '"a": "c"'))
    with pytest.raises(BuildError) as caught:
        read_lock(tmp_path)
    assert caught.value.problems[0].got.startswith("a lock that was not written here")


def test_a_lock_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "somebody"))
    write_lock(tmp_path, Lock(target="t"))
    assert read_lock(tmp_path).target == "t"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "me"))
    with pytest.raises(BuildError):
        read_lock(tmp_path)
    key = tmp_path / "me" / "fpgac" / "seal.key"
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("place", ["seal.key", "."])
def test_a_key_that_others_may_have_made_seals_nothing(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write_lock(tmp_path, Lock())
    (tmp_path / "state" / "fpgac" / place).chmod(0o777)
    with pytest.raises(BuildError):
        read_lock(tmp_path)


def test_where_no_key_can_be_kept_nothing_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    write_lock(tmp_path, Lock())
    assert read_lock(tmp_path) == Lock(), "the key is in the cache"
    monkeypatch.setenv("FPGAC_CACHE", str(tmp_path / "file"))
    write_lock(tmp_path, Lock())
    with pytest.raises(BuildError):
        read_lock(tmp_path)


def test_what_a_stranger_s_folder_holds_is_set_aside_and_kept(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text('{"version": 2}')
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "math.h").touch()
    for number in (1, 2):
        assert f"set-aside-{number}" in set_strange_aside(tmp_path)
        assert (read_lock(tmp_path), set_strange_aside(tmp_path)) == (Lock(), "")
        (tmp_path / LOCK_NAME).write_text("")
    assert sorted(p.name for p in tmp_path.iterdir()) == [LOCK_NAME, "set-aside-1", "set-aside-2"]
    assert (tmp_path / "set-aside-1" / "kernel" / "math.h").is_file()
