"""What a sibling build has made is copied when, and only when, it is what would be made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.build.lock import Lock, write_lock
from fpgac.build.plan import Plan, Step
from fpgac.build.road import Event, Road, Stopped

COPY = Step("copy", ("cp", "in.txt", "middle.txt"), ("in.txt",), ("middle.txt",))
COUNT = Step("count", ("cp", "middle.txt", "out.txt"), ("middle.txt",), ("out.txt",))
PLAN = Plan((COPY, COUNT))


def folder(path: Path, text: str = "the same") -> Path:
    path.mkdir()
    (path / "in.txt").write_text(text)
    write_lock(path, Lock())
    return path


def outcomes(path: Path, *lenders: Path, plan: Plan = PLAN) -> dict[str, str]:
    """How each step ended in a run of the plan."""
    events: list[Event] = []
    Road(path, events.append).run(plan, lenders)
    return {event.name: event.outcome for event in events if isinstance(event, Stopped)}


@pytest.fixture
def lender(tmp_path: Path) -> Path:
    path = folder(tmp_path / "lender")
    assert set(outcomes(path).values()) == {"done"}
    return path


def test_the_same_inputs_are_copied_step_by_step(tmp_path: Path, lender: Path) -> None:
    path = folder(tmp_path / "other")
    assert outcomes(path, lender) == {"copy": "cached", "count": "cached"}
    assert (path / "out.txt").read_text() == "the same"
    assert (path / "logs" / "copy.log").is_file()
    assert outcomes(path) == {"copy": "cached", "count": "cached"}, "it is this folder's own now"


def test_without_a_lender_each_step_is_done(tmp_path: Path, lender: Path) -> None:
    assert set(outcomes(folder(tmp_path / "other")).values()) == {"done"}


def test_other_inputs_are_not_taken_for_the_same(tmp_path: Path, lender: Path) -> None:
    path = folder(tmp_path / "other", "something else")
    assert outcomes(path, lender) == {"copy": "done", "count": "done"}
    assert (path / "out.txt").read_text() == "something else"


def test_another_command_is_not_taken_for_the_same(tmp_path: Path, lender: Path) -> None:
    step = Step("copy", ("cp", "-p", "in.txt", "middle.txt"), ("in.txt",), ("middle.txt",))
    assert outcomes(folder(tmp_path / "other"), lender, plan=Plan((step,))) == {"copy": "done"}


def test_what_was_changed_behind_the_lock_is_not_lent(tmp_path: Path, lender: Path) -> None:
    (lender / "middle.txt").write_text("forged")
    path = folder(tmp_path / "other")
    assert outcomes(path, lender) == {"copy": "done", "count": "done"}
    assert (path / "middle.txt").read_text() == "the same"


def test_what_the_folder_has_done_itself_stays(tmp_path: Path, lender: Path) -> None:
    path = folder(tmp_path / "other")
    outcomes(path)
    before = (path / "out.txt").stat().st_mtime_ns
    assert outcomes(path, lender) == {"copy": "cached", "count": "cached"}
    assert (path / "out.txt").stat().st_mtime_ns == before


def test_a_lender_that_is_gone_lends_nothing(tmp_path: Path) -> None:
    path = folder(tmp_path / "other")
    assert set(outcomes(path, tmp_path / "nowhere").values()) == {"done"}
