"""Running plans with real processes: what is cached, what fails and how that is told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fpgac.build.lock import StepRecord
from fpgac.build.plan import Plan, Step
from fpgac.build.runner import StepEvent, run_plan
from fpgac.errors import BuildError, ToolchainError


def shell(name: str, script: str, inputs: str = "", outputs: str = "", **more: Any) -> Step:
    return Step(name, ("bash", "-c", script), tuple(inputs.split()), tuple(outputs.split()), **more)


def states(
    plan: Plan, folder: Path, records: Mapping[str, StepRecord] | None = None
) -> tuple[dict[str, str], dict[str, StepRecord]]:
    events: list[StepEvent] = []
    done = run_plan(plan, folder, records or {}, events.append)
    return {e.step: e.state for e in events if e.state != "started"}, done


CHAIN = Plan(
    (
        shell("double", "cat a a > b", "a", "b"),
        shell("count", "wc -c < b > c", "b", "c"),
    )
)


def test_steps_run_in_the_order_of_their_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("xy")
    done, records = states(CHAIN, tmp_path)
    assert done == {"double": "done", "count": "done"}
    assert (tmp_path / "c").read_text().strip() == "4"
    assert (tmp_path / records["count"].log).is_file()


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("xy")
    _, records = states(CHAIN, tmp_path)
    assert states(CHAIN, tmp_path, records)[0] == {"double": "cached", "count": "cached"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: (f / "a").write_text("z"), {"double": "done", "count": "done"}),
        (lambda f: (f / "c").unlink(), {"double": "cached", "count": "done"}),
        (lambda f: (f / "b").write_text("damaged"), {"double": "done", "count": "cached"}),
    ],
    ids=["input changed", "output lost", "output damaged"],
)
def test_only_what_changed_runs_again(
    tmp_path: Path, change: Callable[[Path], object], expected: dict[str, str]
) -> None:
    (tmp_path / "a").write_text("xy")
    _, records = states(CHAIN, tmp_path)
    change(tmp_path)
    assert states(CHAIN, tmp_path, records)[0] == expected


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (shell("s", "echo 'error: no such thing'; exit 3", "", "o"), "exit code 3"),
        (shell("s", "true", "", "o"), "did not make o"),
        (shell("s", "kill -SEGV $$", "", "o"), "ended by SIGSEGV"),
        (
            shell("s", "touch o; echo 'ERROR: [X 1] bad'", "", "o", failure_patterns=("^ERROR.*",)),
            r"ERROR: \[X 1\] bad",
        ),
    ],
    ids=["exit code", "missing output", "signal", "log"],
)
def test_a_failed_step_is_an_error_and_leaves_no_output(
    tmp_path: Path, step: Step, text: str
) -> None:
    with pytest.raises(BuildError, match=text) as caught:
        run_plan(Plan((step,)), tmp_path, {})
    assert not (tmp_path / "o").exists()
    assert str(tmp_path / "logs" / "s.log") in str(caught.value)


def test_the_remedy_for_a_known_failure_is_the_hint(tmp_path: Path) -> None:
    step = shell("s", "echo timing not met; exit 1", remedies={"timing": "lower hls.clock_mhz"})
    with pytest.raises(BuildError, match=r"hint: +lower hls.clock_mhz"):
        run_plan(Plan((step,)), tmp_path, {})


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    step = Step("s", ("no-such-tool",), (), ("o",))
    with pytest.raises(ToolchainError, match=r"no-such-tool was not found on PATH"):
        run_plan(Plan((step,)), tmp_path, {})


def test_independent_steps_run_side_by_side(tmp_path: Path) -> None:
    # Each waits for the other's file: alone, neither would end.
    meet = "touch {0}; for i in $(seq 500); do [ -e {1} ] && exit 0; sleep 0.01; done; exit 1"
    plan = Plan((shell("a", meet.format("a", "b"), "", "a"), shell("b", meet.format("b", "a"))))
    run_plan(plan, tmp_path, {}, workers=2)


def test_when_one_step_fails_the_others_are_ended(tmp_path: Path) -> None:
    plan = Plan((shell("slow", "sleep 600", "", "o"), shell("bad", "sleep 0.2; exit 1")))
    with pytest.raises(BuildError, match="'bad' failed"):
        run_plan(plan, tmp_path, {}, workers=2)


def test_a_killed_build_resumes_at_the_step_it_lost(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("xy")
    records: dict[str, StepRecord] = {}

    def keep_first(event: StepEvent) -> None:
        if event.record:
            records[event.step] = event.record
        if event.step == "count":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plan(CHAIN, tmp_path, {}, keep_first)
    assert states(CHAIN, tmp_path, records)[0] == {"double": "cached", "count": "done"}


def test_steps_have_no_standard_input_and_their_own_session(tmp_path: Path) -> None:
    step = shell("s", "cat; ps -o sid= $$ > sid", "", "sid")
    run_plan(Plan((step,)), tmp_path, {})
    assert int((tmp_path / "sid").read_text()) != os.getsid(0)


def test_interrupting_ends_the_processes(tmp_path: Path) -> None:
    step = shell("s", "echo $$ > pid; sleep 600", "", "o")
    other = shell("t", "while [ ! -s pid ]; do sleep 0.01; done; touch t", "", "t")

    def interrupt(event: StepEvent) -> None:
        if event.step == "t" and event.state == "done":
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_plan(Plan((step, other)), tmp_path, {}, interrupt, workers=2)
    assert time.monotonic() - started < 300
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert threading.active_count() < 20
