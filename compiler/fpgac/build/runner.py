"""Runs a plan's steps: what changed and no more, side by side where they do not wait."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from fpgac.build.cancelling import NEVER, PROMPT_SECONDS, Cancellation
from fpgac.build.events import Outcome
from fpgac.build.folder import File, disk_errors, write_tree
from fpgac.build.launcher import LOCAL, Ending, Launch, Launcher, Task, executable
from fpgac.build.lock import StepRecord
from fpgac.build.plan import Plan, Step
from fpgac.build.processes import ending, last_lines
from fpgac.build.progress import Sight, duration_text, seen_in
from fpgac.build.store import Entry, Store
from fpgac.digest import digest_bytes, digest_file, digest_json
from fpgac.errors import BuildError, Problem, Where

__all__ = ["StepEvent", "run_plan", "step_key"]

LOG_TAIL: Final = 12
SECONDS_BETWEEN_NEWS: Final = 1.0


@dataclass(frozen=True)
class StepEvent:
    """News of a step: it has ``started``, is ``running``, as ``text`` says, or how it ended."""

    step: str
    state: Literal["started", "running"] | Outcome
    record: StepRecord | None = None
    text: str = ""
    phase: str = ""


Report = Callable[[StepEvent], None]
Finished = tuple[StepRecord, Outcome]

# The kind of a store's entries that are outputs of steps.
_KIND: Final = "steps"
_SYSTEM_HEADERS: Final = Path("/usr/include")


def run_plan(
    plan: Plan,
    folder: Path,
    records: Mapping[str, StepRecord],
    report: Report = lambda _: None,
    workers: int | None = None,
    *,
    store: Store | None = None,
    cancellation: Cancellation = NEVER,
    launch: Launch = LOCAL,
) -> dict[str, StepRecord]:
    """Run ``plan`` in ``folder``; ``records`` are those of earlier runs.

    ``report`` hears of each step as it goes, from this thread, so that a lock written there loses
    nothing when a later step fails. What another folder's step made from the same things comes out
    of ``store``, and what is made here goes into it. ``launch`` says where the steps run.

    Raises:
        ToolchainError: a step's tool is not there.
        BuildError: a step failed by its exit code, its log, or an output that it did not make.
    """
    done: dict[str, StepRecord] = {}
    waiting = list(plan.steps)
    makers = {output: step.name for step in plan.steps for output in step.outputs}
    with ThreadPoolExecutor(workers or max(2, os.cpu_count() or 1)) as pool:
        running: dict[Future[Finished], _Running] = {}
        try:
            while waiting or running:
                for step in [s for s in waiting if _ready(s, makers, done)]:
                    waiting.remove(step)
                    if (
                        cached := _cached(step, folder, records.get(step.name), launch)
                    ) is not None:
                        done[step.name] = cached
                        report(StepEvent(step.name, "cached", cached))
                        continue
                    report(StepEvent(step.name, "started"))
                    under_way = _Running(step, folder)
                    running[pool.submit(_run, under_way, launch, store)] = under_way
                if running:
                    _collect(running, done, report, cancellation)
                elif waiting and not any(_ready(s, makers, done) for s in waiting):
                    raise RuntimeError(f"the plan's steps wait for each other: {waiting}")
        except BaseException:
            for under_way in running.values():
                under_way.ending.end()
            raise
    return done


class _Running:
    """A step under way, and what is known of it."""

    def __init__(self, step: Step, folder: Path) -> None:
        self.step, self.folder = step, folder
        self.ending = Ending()
        self._started = self._looked = time.monotonic()
        self._said, self._sight = "", Sight()

    def tell(self, said: str) -> None:
        """Hear what the launcher says of the step."""
        self._said = said

    def news(self) -> StepEvent | None:
        """How far the step is, from time to time."""
        now = time.monotonic()
        if now - self._looked < SECONDS_BETWEEN_NEWS:
            return None
        self._looked = now
        self._sight = seen_in(self.folder / self.step.log, self.step.phases, self._sight)
        elapsed = duration_text(now - self._started)
        parts = (self._said, self._sight.phase, elapsed, self._sight.last_line)
        text = ", ".join(filter(None, parts))
        return StepEvent(self.step.name, "running", text=text, phase=self._sight.phase)


def _ready(step: Step, makers: Mapping[str, str], done: Mapping[str, StepRecord]) -> bool:
    return all(makers[name] in done for name in step.inputs if name in makers)


def _collect(
    running: dict[Future[Finished], _Running],
    done: dict[str, StepRecord],
    report: Report,
    cancellation: Cancellation,
) -> None:
    finished: set[Future[Finished]] = set()
    while not finished:
        cancellation.check()
        finished, _ = wait(running, timeout=PROMPT_SECONDS, return_when=FIRST_COMPLETED)
        for event in filter(None, (under_way.news() for under_way in running.values())):
            report(event)
    for future in finished:
        step = running.pop(future).step
        try:
            done[step.name], outcome = future.result()
        except BaseException:
            report(StepEvent(step.name, "failed"))
            raise
        report(StepEvent(step.name, outcome, done[step.name]))


def _cached(
    step: Step, folder: Path, record: StepRecord | None, launch: Launch
) -> StepRecord | None:
    if record is None or set(record.outputs) != set(step.outputs):
        return None
    if any(not (folder / name).is_file() for name in step.outputs):
        return None
    if record.key != step_key(step, folder, launch):
        return None
    if any(digest_file(folder / name) != digest for name, digest in record.outputs.items()):
        return None
    return record


def step_key(step: Step, folder: Path, launch: Launch = LOCAL) -> str:
    """The digest of all that decides what a step makes; in every folder the same."""
    return digest_json(
        {
            "command": step.command,
            "environment": dict(step.environment),
            "tool": launch.launcher.identity(launch.place, folder, step),
            "inputs": {name: digest_file(folder / name) for name in step.inputs},
        }
    )


@lru_cache
def _system_identity(tool: str, path: str | None) -> list[tuple[str, int, int]]:
    """What else of this machine decides a tool's output: the tool's file, and the system's headers.

    A folder's time changes when a package in it is replaced.
    """
    places = [Path(executable(tool, path)), *sorted(_SYSTEM_HEADERS.glob("*/")), _SYSTEM_HEADERS]
    with contextlib.suppress(OSError):
        return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in places]
    return []


def _run(under_way: _Running, launch: Launch, store: Store | None) -> Finished:
    """The record of a step whose outputs are in its folder now: made, or what ``store`` has."""
    step, folder = under_way.step, under_way.folder
    key = step_key(step, folder, launch)
    if store and (record := _stored(step, folder, key, store)):
        return record, "reused"
    started = time.monotonic()
    task = Task(
        *(step, folder, key, launch.place, launch.kept, launch.limit),
        ending=under_way.ending,
        tell=under_way.tell,
    )
    _execute(task, launch.launcher)
    seconds = round(time.monotonic() - started, 3)
    if store:
        files = {name: _file(folder / name) for name in (*step.outputs, step.log)}
        store.put(_KIND, _shared_key(step, key), Entry(files))
    digests = {name: digest_file(folder / name) for name in step.outputs}
    return StepRecord(key, digests, step.log, seconds), "done"


def _stored(step: Step, folder: Path, key: str, store: Store) -> StepRecord | None:
    """The record of a step whose outputs ``store`` has: they are in ``folder`` now."""
    entry = store.get(_KIND, _shared_key(step, key))
    if entry is None or entry.files.keys() != {*step.outputs, step.log}:
        return None
    with disk_errors(folder):
        write_tree(folder, entry.files, {})
    digests = {name: digest_bytes(entry.files[name].content) for name in step.outputs}
    return StepRecord(key, digests, step.log)


def _shared_key(step: Step, key: str) -> str:
    """The key of what every folder may take of the step, which stays while the machine changes."""
    return digest_json([key, _system_identity(step.command[0], step.environment.get("PATH"))])


def _file(path: Path) -> File:
    return File(path.read_bytes(), os.access(path, os.X_OK))


def _execute(task: Task, launcher: Launcher) -> None:
    """Run the step's command; where it fails, none of its outputs is left."""
    started = time.monotonic()
    try:
        code = launcher.run(task)
        if task.limit and code in _TIMED_OUT and time.monotonic() - started >= task.limit:
            raise BuildError(_late(task))
        _judge(task.step, task.folder, code, task.log)
    except BaseException:
        for name in task.step.outputs:
            (task.folder / name).unlink(missing_ok=True)
        raise


# How coreutils' timeout ends: on time, or after a tool that would not.
_TIMED_OUT: Final = (124, 128 + signal.SIGKILL)


def _late(task: Task) -> Problem:
    return Problem(
        f"the step {task.step.name!r} was ended at its limit of time",
        Where(task.log),
        expected=f"at most {duration_text(task.limit)}",
        hint="give it more with --time-limit; what was built before is kept",
        code="build.time-limit",
    )


def _judge(step: Step, folder: Path, code: int, log: Path) -> None:
    text = log.read_text(errors="replace")
    cause = _cause(step, folder, code, text)
    if cause is None:
        return
    remedy = next((hint for sign, hint in step.remedies.items() if re.search(sign, text)), "")
    tail = "\n".join(f"    {line}" for line in _informative(text))
    raise BuildError(
        Problem(
            f"the step {step.name!r} failed: {cause}" + (f"\n{tail}" if tail else ""),
            Where(log),
            hint=remedy or "the log says more; what was built before is kept",
            code="build.step-failed",
        )
    )


def _cause(step: Step, folder: Path, code: int, text: str) -> str | None:
    if code < 0:
        return f"{step.command[0]} was ended by {ending(code)}"
    if code > 0:
        return f"{step.command[0]} ended with {ending(code)}"
    for pattern in step.failure_patterns:
        if match := re.search(pattern, text, re.MULTILINE):
            return match[0].strip()
    for name in step.outputs:
        if not (folder / name).is_file():
            return f"{step.command[0]} ended well, but did not make {name}"
    return None


def _informative(log: str) -> list[str]:
    """The lines that a reader looks for: the first errors, or else the last lines."""
    lines = (line.rstrip() for line in log.splitlines())
    errors = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)]
    return errors[:LOG_TAIL] or last_lines(log, LOG_TAIL).splitlines()
