"""Work in a thread ends soon after it is cancelled, wherever it waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.build.plan import Plan, Step
from fpgac.build.runner import run_plan


def ended_after(seconds: float, work: Callable[[Cancellation], object]) -> float:
    """How long ``work`` goes on, in seconds, when it is cancelled after some."""
    cancellation = Cancellation()
    timer = threading.Timer(seconds, cancellation.cancel)
    started = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        work(cancellation)
    timer.join()
    return time.monotonic() - started


def test_work_that_asks_goes_on_until_it_is_cancelled() -> None:
    def work(cancellation: Cancellation) -> None:
        while True:
            cancellation.check()
            time.sleep(0.01)

    assert 0.2 <= ended_after(0.2, work) < 5


def test_work_of_the_main_thread_is_never_cancelled() -> None:
    NEVER.check()


def test_a_compiler_under_way_is_killed(tmp_path: Path) -> None:
    script = "echo $$ > pid; sleep 60; touch made"
    plan = Plan((Step("long", ("bash", "-c", script), (), ("made",)),))
    assert ended_after(0.5, lambda c: run_plan(plan, tmp_path, {}, cancellation=c)) < 10
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / "made").exists()
