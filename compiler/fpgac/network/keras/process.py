"""A process of its own for Keras: its switches are process-wide, and its crashes are its own.

The worker gets a private folder for plain files in and out, and a pipe on which it sends one JSON
object a line: what it has come to, or the problem that ended it. All else that it prints goes to a
log in the folder, whose end is shown if it crashes. Its standard input is its lifeline: it closes
when the parent leaves in whatever way, even killed, and the worker ends with it.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpgac import errors
from fpgac.build.processes import inherited_environment
from fpgac.errors import FpgacError, NetworkError, Problem, ToolchainError, Where

__all__ = [
    "Worker",
    "end_with_parent",
    "exchange",
    "require_packages",
    "run_worker",
    "send",
    "send_problems",
]

# What a training needs, by the names that are imported.
_PACKAGES = ("tensorflow", "tf_keras", "qkeras", "tensorflow_model_optimization")

_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # The CPU, in the order of plain loops: the same seed gives the same network.
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
}
# numpy reports a file that it could write only half without a number.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, None)
_LOG = "log.txt"
_LOG_LINES = 6


@dataclass(frozen=True)
class Worker:
    """A framework's process: what it is called, the module that it runs, and its switches."""

    title: str
    module: str
    switches: Mapping[str, str]


KERAS = Worker("Keras", "fpgac.network.keras.worker", {"TF_USE_LEGACY_KERAS": "1"})


def require_packages() -> None:
    """Nothing, if all that a training needs is installed; none of it is imported.

    Raises:
        ToolchainError: some is not; it names all that is missing.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ToolchainError(
            Problem(
                "training needs packages that are not installed",
                got=f"no {', '.join(missing)}",
                hint="make setup, or pip install -c constraints.txt 'fpgac[train]'",
                code="toolchain.no-keras",
            )
        )


@contextlib.contextmanager
def exchange() -> Iterator[Path]:
    """A private folder for the files that go to a worker and come back; gone afterwards.

    Raises:
        NetworkError: it cannot be made, or the disk is full.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="fpgac-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno not in _NO_SPACE and error.filename is None:
            raise
        raise NetworkError(
            Problem(
                "files cannot be exchanged with the Keras process",
                Where(Path(tempfile.gettempdir())),
                got=error.strerror or str(error),
                hint="free some space, or let TMPDIR name a folder that has it",
                code="network.no-exchange",
            )
        ) from error


def run_worker(
    task: str,
    folder: Path,
    on_event: Callable[[Mapping[str, Any]], None],
    worker: Worker = KERAS,
) -> None:
    """Run ``task`` on the files in ``folder`` until it ends; each event goes to ``on_event``.

    If anything is raised here, Ctrl-C included, the worker is dead before it goes on.

    Raises:
        FpgacError: what the worker said was wrong.
        NetworkError: it crashed.
    """
    with (folder / _LOG).open("wb") as log:
        receive, transmit = os.pipe()
        with os.fdopen(receive, encoding="utf-8") as events:
            try:
                started = _start(worker, task, folder, transmit, log.fileno())
            finally:
                os.close(transmit)
            with started as process:
                try:
                    failure = _listen(events, on_event)
                    code = process.wait()
                finally:
                    _end(process)
    if failure is not None:
        raise failure
    if code:
        raise _crash(worker, code, folder / _LOG)


def _start(
    worker: Worker, task: str, folder: Path, transmit: int, log: int
) -> subprocess.Popen[bytes]:
    # In a session of its own, the worker is not sent the terminal's Ctrl-C: it is ended from here.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", worker.module, task, str(folder), str(transmit)],
        env={**inherited_environment(), **_ENVIRONMENT, **worker.switches},
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        pass_fds=[transmit],
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listen(
    events: Iterator[str], on_event: Callable[[Mapping[str, Any]], None]
) -> FpgacError | None:
    for line in events:
        if not line.endswith("\n"):
            break  # The worker died amid a line.
        event = json.loads(line)
        if "problems" in event:
            return _failure(event)
        on_event(event)
    return None


def _failure(event: Mapping[str, Any]) -> FpgacError:
    kind: type[FpgacError] = getattr(errors, event["error"])
    return kind(
        *(
            Problem(
                **{**problem, "where": Where(key=problem["where"]) if problem["where"] else None}
            )
            for problem in event["problems"]
        )
    )


def _crash(worker: Worker, code: int, log: Path) -> NetworkError:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    memory = code == -signal.SIGKILL
    return NetworkError(
        Problem(
            f"the {worker.title} process died ({how})",
            got="\n            ".join(lines[-_LOG_LINES:]) or "it said nothing",
            hint="the machine may be out of memory: fewer samples, or a smaller training.batch_size"
            if memory
            else "nothing was written; see what it said last",
            code="network.worker-died",
        )
    )


def end_with_parent() -> None:
    """The worker's side: from now on, end at once when the parent leaves."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def send(transmit: int, event: Mapping[str, Any]) -> None:
    """The worker's side: tell the parent, which must still be there.

    Raises:
        BrokenPipeError: it is not.
    """
    os.write(transmit, json.dumps(event).encode() + b"\n")


def send_problems(transmit: int, error: FpgacError) -> None:
    """The worker's side: end with ``error`` in the parent."""
    problems = [
        {
            "what": problem.what,
            "where": str(problem.where.key) if problem.where else "",
            "expected": problem.expected,
            "got": problem.got,
            "hint": problem.hint,
            "code": problem.code,
        }
        for problem in error.problems
    ]
    send(transmit, {"error": type(error).__name__, "problems": problems})
