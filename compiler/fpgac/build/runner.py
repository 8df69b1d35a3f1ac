"""Runs a plan's steps: what changed and no more, side by side where they do not wait."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final, Literal

from fpgac.build.cancelling import NEVER, PROMPT_SECONDS, Cancellation
from fpgac.build.events import Outcome
from fpgac.build.folder import File, disk_errors, write_tree
from fpgac.build.lock import StepRecord
from fpgac.build.plan import Plan, Step
from fpgac.build.processes import (
    CommandError,
    ending,
    inherited_environment,
    last_lines,
    output_of,
    session,
)
from fpgac.build.store import Entry, Store
from fpgac.digest import digest_bytes, digest_file, digest_json
from fpgac.errors import BuildError, Problem, ToolchainError, Where

__all__ = ["StepEvent", "run_plan", "step_key"]

LOG_TAIL: Final = 12


@dataclass(frozen=True)
class StepEvent:
    """News of a step: it has ``started``, or how it ended."""

    step: str
    state: Literal["started"] | Outcome
    record: StepRecord | None = None


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
) -> dict[str, StepRecord]:
    """Run ``plan`` in ``folder``; ``records`` are those of earlier runs.

    ``report`` hears of each step as it goes, from this thread, so that a lock written there loses
    nothing when a later step fails. What another folder's step made from the same things comes out
    of ``store``, and what is made here goes into it.

    Raises:
        ToolchainError: a step's tool is not there.
        BuildError: a step failed by its exit code, its log, or an output that it did not make.
    """
    processes = _Processes()
    run = partial(_run, folder=folder, processes=processes, store=store)
    done: dict[str, StepRecord] = {}
    waiting = list(plan.steps)
    makers = {output: step.name for step in plan.steps for output in step.outputs}
    with ThreadPoolExecutor(workers or max(2, os.cpu_count() or 1)) as pool:
        running: dict[Future[Finished], Step] = {}
        try:
            while waiting or running:
                for step in [s for s in waiting if _ready(s, makers, done)]:
                    waiting.remove(step)
                    if (cached := _cached(step, folder, records.get(step.name))) is not None:
                        done[step.name] = cached
                        report(StepEvent(step.name, "cached", cached))
                        continue
                    report(StepEvent(step.name, "started"))
                    running[pool.submit(run, step)] = step
                if running:
                    _collect(running, done, report, cancellation)
                elif waiting and not any(_ready(s, makers, done) for s in waiting):
                    raise RuntimeError(f"the plan's steps wait for each other: {waiting}")
        except BaseException:
            processes.kill()
            raise
    return done


def _ready(step: Step, makers: Mapping[str, str], done: Mapping[str, StepRecord]) -> bool:
    return all(makers[name] in done for name in step.inputs if name in makers)


def _collect(
    running: dict[Future[Finished], Step],
    done: dict[str, StepRecord],
    report: Report,
    cancellation: Cancellation,
) -> None:
    finished: set[Future[Finished]] = set()
    while not finished:
        cancellation.check()
        finished, _ = wait(running, timeout=PROMPT_SECONDS, return_when=FIRST_COMPLETED)
    for future in finished:
        step = running.pop(future)
        try:
            done[step.name], outcome = future.result()
        except BaseException:
            report(StepEvent(step.name, "failed"))
            raise
        report(StepEvent(step.name, outcome, done[step.name]))


def _cached(step: Step, folder: Path, record: StepRecord | None) -> StepRecord | None:
    if record is None or set(record.outputs) != set(step.outputs):
        return None
    if any(not (folder / name).is_file() for name in step.outputs):
        return None
    if record.key != step_key(step, folder):
        return None
    if any(digest_file(folder / name) != digest for name, digest in record.outputs.items()):
        return None
    return record


def step_key(step: Step, folder: Path) -> str:
    """The digest of all that decides what a step makes; in every folder the same."""
    return digest_json(
        {
            "command": step.command,
            "environment": dict(step.environment),
            "tool": _tool_identity(step.command[0], step.environment.get("PATH")),
            "inputs": {name: digest_file(folder / name) for name in step.inputs},
        }
    )


@lru_cache
def _tool_identity(tool: str, path: str | None) -> str:
    """What of a tool decides its output: its version's first line; fpgac's own is in its inputs."""
    if tool == "python":
        return sys.version
    try:
        said = output_of([_executable(tool, path), "--version"], timeout=60, check=False)
    except (CommandError, ToolchainError):
        return "unknown"
    return said.strip().partition("\n")[0]


@lru_cache
def _system_identity(tool: str, path: str | None) -> list[tuple[str, int, int]]:
    """What else of this machine decides a tool's output: the tool's file, and the system's headers.

    A folder's time changes when a package in it is replaced.
    """
    places = [Path(_executable(tool, path)), *sorted(_SYSTEM_HEADERS.glob("*/")), _SYSTEM_HEADERS]
    with contextlib.suppress(OSError):
        return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in places]
    return []


def _executable(tool: str, path: str | None = None) -> str:
    """The interpreter that runs fpgac for ``python``; else what PATH says."""
    if tool == "python":
        return sys.executable
    found = shutil.which(tool, path=path)
    if found is None:
        raise ToolchainError(
            Problem(
                f"{tool} was not found on PATH",
                hint=_INSTALL.get(tool, f"install {tool}"),
                code="toolchain.no-tool",
            )
        )
    return found


_INSTALL = {
    "g++": "apt install g++",
    "v++": "source Vitis's settings64.sh, or set XILINX_VITIS",
}


def _run(
    step: Step, folder: Path, processes: _Processes, store: Store | None
) -> tuple[StepRecord, Outcome]:
    """The record of a step whose outputs are in ``folder`` now: made, or what ``store`` has."""
    key, log = step_key(step, folder), step.log
    shared = _shared_key(step, key)
    if store and (entry := store.get(_KIND, shared)) and entry.files.keys() == {*step.outputs, log}:
        with disk_errors(folder):
            write_tree(folder, entry.files, {})
        digests = {name: digest_bytes(entry.files[name].content) for name in step.outputs}
        return StepRecord(key, digests, log), "reused"
    started = time.monotonic()
    _execute(step, folder, processes)
    seconds = round(time.monotonic() - started, 3)
    if store:
        store.put(
            _KIND, shared, Entry({name: _file(folder / name) for name in (*step.outputs, log)})
        )
    digests = {name: digest_file(folder / name) for name in step.outputs}
    return StepRecord(key, digests, log, seconds), "done"


def _shared_key(step: Step, key: str) -> str:
    """The key of what every folder may take of the step, which stays while the machine changes."""
    return digest_json([key, _system_identity(step.command[0], step.environment.get("PATH"))])


def _file(path: Path) -> File:
    return File(path.read_bytes(), os.access(path, os.X_OK))


def _execute(step: Step, folder: Path, processes: _Processes) -> None:
    """Run the step's command; where it fails, none of its outputs is left."""
    log = folder / step.log
    command = [_executable(step.command[0], step.environment.get("PATH")), *step.command[1:]]
    with disk_errors(folder):
        for path in (log, *(folder / name for name in step.outputs)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
    try:
        with disk_errors(log), log.open("wb") as stream:
            code = processes.run(
                command, folder, {**inherited_environment(), **step.environment}, stream
            )
        _judge(step, folder, code, log)
    except BaseException:
        for name in step.outputs:
            (folder / name).unlink(missing_ok=True)
        raise


class _Processes:
    """The processes under way, each in a session of its own, so that all can be ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run(
        self, command: list[str], folder: Path, environment: Mapping[str, str], log: object
    ) -> int:
        with contextlib.ExitStack() as started:
            with self._lock:
                if self._closed:
                    return -signal.SIGTERM
                # The folder's lock is inherited: it lasts while anything writes there.
                process = started.enter_context(
                    session(
                        command,
                        cwd=folder,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        close_fds=False,
                    )
                )
                self._alive.add(process)
            try:
                return process.wait()
            finally:
                with self._lock:
                    self._alive.discard(process)

    def kill(self) -> None:
        with self._lock:
            self._closed = True
            for process in self._alive:
                os.killpg(process.pid, signal.SIGKILL)


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
