"""Stages and steps are made once, for every folder; a folder is whole by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.build.events import Ended, Event, Note
from fpgac.build.folder import File, Files
from fpgac.build.lock import read_lock
from fpgac.build.plan import Plan, Step
from fpgac.build.stage import Stage, Values
from fpgac.build.store import Store
from fpgac.build.workspace import Workspace

COPY = Step("copy", ("cp", "in.txt", "middle.txt"), ("in.txt",), ("middle.txt",))
COUNT = Step("count", ("cp", "middle.txt", "out.txt"), ("middle.txt",), ("out.txt",))
PLAN = Plan((COPY, COUNT))


class Bench:
    """Workspaces over one store, and how each stage and step in them ended."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, Store(root / "store")
        self.events: list[Event] = []

    def workspace(self, name: str, *, store: bool = True) -> Workspace:
        """The folder of that name, as a process that has just started sees it."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        self.events.clear()
        return Workspace(folder, self.events.append, Values(self.store if store else None))

    @property
    def outcomes(self) -> dict[str, str]:
        return {event.name: event.outcome for event in self.events if isinstance(event, Ended)}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class Numbers:
    """Stages whose values are texts; counts how often each is made and loaded."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.loaded: list[str] = []

    def stage(
        self, name: str, key: str = "1", make: Callable[[], str] = lambda: "7", **more: bool
    ) -> Stage[str]:
        def counted() -> str:
            self.made.append(name)
            return make()

        def load(files: Files) -> str:
            self.loaded.append(name)
            return files[f"{name}.txt"].content.decode()

        def dump(value: str) -> Files:
            return {f"{name}.txt": File(value.encode()), "tools/run": File(b"#!", executable=True)}

        return Stage(name, f"{name}{key}", counted, dump, load, lambda v: f"it is {v}", **more)


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


def test_a_stage_is_made_and_its_files_are_there(bench: Bench, numbers: Numbers) -> None:
    workspace, stage = bench.workspace("a"), numbers.stage("n")
    record = workspace.update(stage)
    assert bench.outcomes == {"n": "done"}
    assert (workspace.folder / "n.txt").read_text() == "7"
    assert (workspace.folder / "tools/run").stat().st_mode & 0o100
    assert (record.detail, record.executable) == ("it is 7", ("tools/run",))
    assert workspace.value(stage) == "7"
    assert (numbers.made, numbers.loaded) == (["n"], [])


def test_a_second_time_nothing_is_made_or_even_read(bench: Bench, numbers: Numbers) -> None:
    stage = numbers.stage("n")
    bench.workspace("a").update(stage)
    bench.workspace("a").update(stage)
    assert bench.outcomes == {"n": "cached"}
    assert (numbers.made, numbers.loaded) == (["n"], [])


def test_a_folder_is_whole_without_the_store(bench: Bench, numbers: Numbers) -> None:
    stage = numbers.stage("n")
    bench.workspace("a").update(stage)
    shutil.rmtree(bench.root / "store")
    workspace = bench.workspace("a", store=False)
    workspace.update(stage)
    assert workspace.value(stage) == "7"
    assert (bench.outcomes, numbers.made, numbers.loaded) == ({"n": "cached"}, ["n"], ["n"])


def test_another_folder_takes_it_from_the_store(bench: Bench, numbers: Numbers) -> None:
    stage = numbers.stage("n")
    bench.workspace("a").update(stage)
    other = bench.workspace("b")
    assert other.update(stage).detail == "it is 7"
    assert (bench.outcomes, numbers.made) == ({"n": "reused"}, ["n"])
    assert (other.folder / "n.txt").read_text() == "7"
    assert (other.folder / "tools/run").stat().st_mode & 0o100
    assert other.value(stage) == "7"


def test_another_key_is_made_again(bench: Bench, numbers: Numbers) -> None:
    bench.workspace("a").update(numbers.stage("n"))
    bench.workspace("a").update(numbers.stage("n", "2", lambda: "8"))
    assert bench.outcomes == {"n": "done"}
    assert (bench.root / "a/n.txt").read_text() == "8"


def test_a_value_is_made_for_a_stage_that_asks_for_it(bench: Bench, numbers: Numbers) -> None:
    workspace, first = bench.workspace("a"), numbers.stage("first")
    second = numbers.stage("second", make=lambda: workspace.value(first) + "8")
    workspace.update(second)
    workspace.update(first)
    assert (workspace.value(second), numbers.made) == ("78", ["second", "first"])


def test_a_value_that_is_no_part_of_the_folder_comes_from_the_store(
    bench: Bench, numbers: Numbers
) -> None:
    stage = numbers.stage("n", in_folder=False)
    bench.workspace("a").update(stage)
    assert not (bench.root / "a/n.txt").exists()
    workspace = bench.workspace("a")
    workspace.update(stage)
    assert bench.outcomes == {"n": "cached"}
    assert (workspace.value(stage), numbers.made, numbers.loaded) == ("7", ["n"], ["n"])


def test_what_is_not_to_be_shared_is_not(bench: Bench, numbers: Numbers) -> None:
    stage = numbers.stage("n", in_store=False)
    bench.workspace("a").update(stage)
    bench.workspace("b").update(stage)
    assert (bench.outcomes, numbers.made) == ({"n": "done"}, ["n", "n"])


def test_a_lost_file_comes_back_and_an_edited_one_is_kept_aside(
    bench: Bench, numbers: Numbers
) -> None:
    stage = numbers.stage("n")
    bench.workspace("a").update(stage)
    (bench.root / "a/n.txt").write_text("by hand")
    (bench.root / "a/tools/run").unlink()
    bench.workspace("a").update(stage)
    assert bench.outcomes == {"n": "reused"}
    assert (bench.root / "a/n.txt").read_text() == "7"
    assert (bench.root / "a/n.txt.edited").read_text() == "by hand"
    assert (bench.root / "a/tools/run").is_file()
    assert [event for event in bench.events if isinstance(event, Note)]


def test_a_stage_that_fails_is_due_the_next_time(bench: Bench, numbers: Numbers) -> None:
    def fail() -> str:
        raise KeyboardInterrupt

    workspace = bench.workspace("a")
    with pytest.raises(KeyboardInterrupt):
        workspace.update(numbers.stage("n", make=fail))
    assert bench.outcomes == {"n": "failed"}
    bench.workspace("a").update(numbers.stage("n"))
    assert bench.outcomes == {"n": "done"}


def run(bench: Bench, name: str, text: str = "the same", plan: Plan = PLAN) -> dict[str, str]:
    """How each step ended in a run of the plan in a folder of its own."""
    workspace = bench.workspace(name)
    (workspace.folder / "in.txt").write_text(text)
    workspace.run(plan, shared=True)
    return bench.outcomes


def test_the_same_inputs_are_taken_step_by_step(bench: Bench) -> None:
    assert run(bench, "a") == {"copy": "done", "count": "done"}
    assert run(bench, "b") == {"copy": "reused", "count": "reused"}
    assert (bench.root / "b/out.txt").read_text() == "the same"
    assert (bench.root / "b/logs/copy.log").is_file()
    assert run(bench, "b") == {"copy": "cached", "count": "cached"}, "it is this folder's own now"
    assert [read_lock(bench.root / name).steps["copy"].key for name in "ab"]


def test_other_inputs_are_not_taken_for_the_same(bench: Bench) -> None:
    run(bench, "a")
    assert run(bench, "b", "something else") == {"copy": "done", "count": "done"}
    assert (bench.root / "b/out.txt").read_text() == "something else"


def test_another_command_is_not_taken_for_the_same(bench: Bench) -> None:
    run(bench, "a")
    step = Step("copy", ("cp", "-p", "in.txt", "middle.txt"), ("in.txt",), ("middle.txt",))
    assert run(bench, "b", plan=Plan((step,))) == {"copy": "done"}


def test_a_step_that_is_not_to_be_shared_runs_everywhere(bench: Bench) -> None:
    run(bench, "a")
    workspace = bench.workspace("b")
    (workspace.folder / "in.txt").write_text("the same")
    workspace.run(PLAN)
    assert bench.outcomes == {"copy": "done", "count": "done"}


def test_files_that_steps_have_left_are_known_until_they_change(bench: Bench) -> None:
    workspace = bench.workspace("a")
    (workspace.folder / "chip.bit").write_text("bits")
    workspace.register("hardware", "design1", ["chip.bit"])
    assert workspace.registered("hardware", "design1") == {"chip.bit": File(b"bits")}
    assert bench.workspace("a").registered("hardware", "design2") == {}
    (workspace.folder / "chip.bit").write_text("others")
    assert bench.workspace("a").registered("hardware", "design1") == {}
