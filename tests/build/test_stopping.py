"""Work in a thread ends as soon as it is told to, wherever it waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.build.plan import Plan, Step
from fpgac.build.runner import run_plan
from fpgac.build.stopping import stop_if_told, stopping_with


def stopped_after(seconds: float, work: Callable[[], object]) -> float:
    """How long ``work`` goes on, in seconds, when it is told to stop after some."""
    stopped = threading.Event()
    timer = threading.Timer(seconds, stopped.set)
    timer.start()
    started = time.monotonic()
    with stopping_with(stopped), pytest.raises(KeyboardInterrupt):
        work()
    timer.join()
    return time.monotonic() - started


def test_work_that_asks_goes_on_until_it_is_told_to_stop() -> None:
    def work() -> None:
        while True:
            stop_if_told()
            time.sleep(0.01)

    assert 0.2 <= stopped_after(0.2, work) < 5
    stop_if_told()


def test_a_compiler_under_way_is_killed(tmp_path: Path) -> None:
    script = "echo $$ > pid; sleep 60; touch made"
    plan = Plan((Step("long", ("bash", "-c", script), (), ("made",)),))
    assert stopped_after(0.5, lambda: run_plan(plan, tmp_path, {})) < 10
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / "made").exists()
