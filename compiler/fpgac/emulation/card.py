"""The emulated card: what it needs of the machine, and hosts run on it so that whatever they do
stays with them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.emulation.description import CardDescription
from fpgac.emulation.failures import read_events, require_good_end
from fpgac.emulation.installation import HostKind
from fpgac.emulation.overlay import BoardDescription
from fpgac.emulation.process import HostProcess
from fpgac.emulation.surroundings import Overlays, Surroundings, Xclbins
from fpgac.errors import EmulationError, Problem

__all__ = ["HostRun", "read_card", "run_host"]

# The shim's sockets are in /tmp/$USER, whatever TMPDIR says; a run's folder is that folder.
_SOCKETS: Final = Path("/tmp")
_PREFIX: Final = "fpgac-run-"
# Where device processes report their failures, and how they learn of the place.
_EVENTS: Final = "events.jsonl"
_EVENTS_VARIABLE: Final = "FPGAC_CARD_EVENTS"
_LOCK: Final = "lock"
# A run's folder without an owner is swept away when it is older than this.
_STALE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class HostRun:
    """How a host ended: exit code, seconds on the clock, and all it wrote."""

    exit_code: int
    seconds: float
    stdout: str
    stderr: str


def run_host(
    command: Sequence[str],
    *,
    kind: HostKind,
    card: CardDescription | BoardDescription,
    devices: int = 1,
    cwd: Path,
    timeout: float,
    on_output: Callable[[str], None] | None = None,
    on_error: Callable[[str], None] | None = None,
    modules: Path | None = None,
    cancellation: Cancellation = NEVER,
) -> HostRun:
    """Runs ``command`` against ``devices`` emulated cards and waits for its end.

    The host runs in a session and a process group of its own, with private folders; when this
    function returns or raises (KeyboardInterrupt included), no process, socket or file of the run
    is left. Runs at the same time do not meet. ``timeout`` is in seconds; ``on_output`` gets each
    line that the host writes, without its newline; with ``on_error``, those on standard error go
    there. Python finds what is in the folder ``modules``, after all that it finds without.
    ``cancellation`` ends it early.

    A host that ends by itself is a :class:`HostRun`, whatever its exit code.

    Raises:
        EmulationError: the kernel or the host crashed, the host hung, or its program was refused.
        ToolchainError: no g++, or no XRT where the card needs it.
    """
    if devices < 1:
        raise ValueError(f"there must be a device or more, not {devices}")
    around = _surroundings(card)
    _check_programs(command, cwd, around)
    supervisor = around.supervisor()
    _sweep()
    with _run_folder() as rundir:
        try:
            surroundings = around.environment(kind, rundir, devices)
        except OSError as error:
            raise _no_room(error) from error
        reported = rundir / _EVENTS
        environment = surroundings | {_EVENTS_VARIABLE: str(reported)}
        if modules:
            paths = filter(None, (surroundings.get("PYTHONPATH"), str(modules.absolute())))
            environment["PYTHONPATH"] = os.pathsep.join(paths)
        started = time.monotonic()
        with HostProcess.start(
            supervisor, command, environment=environment, events=reported, cwd=cwd
        ) as process:
            outcome = process.follow(timeout, on_output, on_error or on_output, cancellation)
        events = read_events(reported)
    seconds = time.monotonic() - started
    output = "\n".join(filter(None, (outcome.stdout, outcome.stderr)))
    require_good_end(command, outcome, events, timeout, output)
    return HostRun(outcome.number, seconds, outcome.stdout, outcome.stderr)


def read_card(path: Path) -> CardDescription | BoardDescription:
    """What a design says of its card: a board is one that has its name there.

    Raises:
        EmulationError: the file is missing, no JSON, or describes no card.
    """
    try:
        is_board = "board" in json.loads(path.read_bytes())
    except (OSError, ValueError, TypeError):
        is_board = False  # the card's own reader says what is wrong
    return BoardDescription.read(path) if is_board else CardDescription.read(path)


def _surroundings(card: CardDescription | BoardDescription) -> Surroundings:
    return Xclbins(card) if isinstance(card, CardDescription) else Overlays(card)


def _check_programs(command: Sequence[str], cwd: Path, around: Surroundings) -> None:
    """Refuses damaged and foreign programs among the arguments: they would only abort the host."""
    for argument in command[1:]:
        path = cwd / argument.partition("=")[2] if "=" in argument else cwd / argument
        if path.suffix == around.suffix and path.is_file():
            around.check(path)


@contextlib.contextmanager
def _run_folder() -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_SOCKETS))
    except OSError as error:
        raise _no_room(error) from error
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _no_room(error: OSError) -> EmulationError:
    what = f"the emulated card needs a folder in {_SOCKETS}"
    hint = f"make room in {_SOCKETS}, or let it be written"
    return EmulationError(
        Problem(what, got=str(error.strerror), hint=hint, code="emulation.no-room")
    )


def _sweep() -> None:
    """Removes folders of runs whose caller was killed before it could clean up."""
    for folder in _SOCKETS.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if status.st_uid != os.getuid() or time.time() - status.st_mtime < _STALE_SECONDS:
                continue
            lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
