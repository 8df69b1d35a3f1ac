"""The emulated card: what it needs of the machine, and hosts run on it so that whatever they do
stays with them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fpgac.emulation.description import CardDescription
from fpgac.emulation.installation import HOST_KINDS, HostKind, missing, require
from fpgac.emulation.machinery import Machinery, build_machinery, emconfig
from fpgac.emulation.xclbin import MODE_SW_EMU, read_xclbin
from fpgac.errors import EmulationError, Problem, Where

__all__ = ["HOST_KINDS", "CardDescription", "HostKind", "HostRun", "missing", "require", "run_host"]

# The shim's sockets are in /tmp/$USER, whatever TMPDIR says; a run's folder is that folder.
_SOCKETS: Final = Path("/tmp")
_PREFIX: Final = "fpgac-run-"
_EVENTS: Final = "events.jsonl"
_LOCK: Final = "lock"
# How long a host may take to end after its card has failed, and after it was told to end.
_AFTER_FAILURE: Final = 1.0
_AFTER_SIGTERM: Final = 4.0
_TICK: Final = 0.1
# What is kept of each stream, and how much of it an error shows.
_MOST_OUTPUT: Final = 16 << 20
_TAIL_LINES: Final = 15
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
    card: CardDescription,
    devices: int = 1,
    cwd: Path,
    timeout: float,
    on_output: Callable[[str], None] | None = None,
) -> HostRun:
    """Runs ``command`` against ``devices`` emulated cards and waits for its end.

    The host runs in a session and a process group of its own, with private folders; when this
    function returns or raises (KeyboardInterrupt included), no process, socket or file of the run
    is left. Runs at the same time do not meet. ``timeout`` is in seconds; ``on_output`` gets each
    line that the host writes, without its newline.

    A host that ends by itself is a :class:`HostRun`, whatever its exit code.

    Raises:
        EmulationError: the kernel or the host crashed, the host hung, or the xclbin was refused.
        ToolchainError: no g++ or no XRT.
    """
    if devices < 1:
        raise ValueError(f"there must be a device or more, not {devices}")
    _check_programs(command, cwd, card)
    machinery = build_machinery()
    _sweep()
    with _run_folder() as rundir:
        try:
            (rundir / "emconfig.json").write_bytes(emconfig(card, devices))
        except OSError as error:
            raise _no_room(error) from error
        started = time.monotonic()
        with _Process.start(machinery, command, kind, rundir, cwd) as process:
            outcome = process.follow(timeout, on_output)
        events = _read_events(rundir / _EVENTS)
    seconds = time.monotonic() - started
    output = "\n".join(filter(None, (outcome.stdout, outcome.stderr)))
    _judge(command, outcome, events, timeout, output)
    return HostRun(outcome.number, seconds, outcome.stdout, outcome.stderr)


def _check_programs(command: Sequence[str], cwd: Path, card: CardDescription) -> None:
    """Refuses damaged and foreign xclbins among the arguments: XRT would only abort the host."""
    for argument in command[1:]:
        path = cwd / argument.partition("=")[2] if "=" in argument else cwd / argument
        if path.suffix != ".xclbin" or not path.is_file():
            continue
        _check_program(path, card)


def _check_program(path: Path, card: CardDescription) -> None:
    where = Where(file=path)
    try:
        program = read_xclbin(path.read_bytes(), where)
    except OSError as error:
        raise EmulationError(
            Problem("the xclbin cannot be read", where, got=str(error.strerror))
        ) from error
    if program.mode != MODE_SW_EMU:
        raise EmulationError(
            Problem(
                "this xclbin is not for the emulated card",
                where,
                expected=f"mode {MODE_SW_EMU} (software emulation)",
                got=f"mode {program.mode}",
                hint="compile the design for emulation",
            )
        )
    if program.platform != card.platform:
        raise EmulationError(
            Problem(
                "this xclbin is for another card",
                where,
                expected=card.platform,
                got=program.platform,
                hint="compile the design again",
            )
        )


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
    return EmulationError(Problem(what, got=str(error.strerror), hint=hint))


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


@dataclass(frozen=True)
class _Outcome:
    """``manner``: exited, signalled (``number`` is the code or signal), failed or timeout."""

    manner: str
    number: int
    stdout: str
    stderr: str


class _Stream:
    """One stream of the host: kept up to a limit, handed on line by line."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._on_line = on_line
        self._kept = bytearray()
        self._line = bytearray()

    def feed(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > _MOST_OUTPUT:
            del self._kept[: _MOST_OUTPUT // 2]
        if self._on_line is None:
            return
        *lines, rest = (bytes(self._line) + data).split(b"\n")
        self._line = bytearray(rest)
        for line in lines:
            self._on_line(line.decode(errors="replace"))

    def finish(self) -> str:
        if self._on_line is not None and self._line:
            self._on_line(self._line.decode(errors="replace"))
        return self._kept.decode(errors="replace")


class _Process:
    """A host under its supervisor."""

    def __init__(self, popen: subprocess.Popen[bytes], status: int, events: Path) -> None:
        self._popen = popen
        self._status = status
        self._events = events

    @classmethod
    @contextlib.contextmanager
    def start(
        cls, machinery: Machinery, command: Sequence[str], kind: HostKind, rundir: Path, cwd: Path
    ) -> Iterator[_Process]:
        environment = machinery.environment(kind, rundir)
        environment["FPGAC_CARD_EVENTS"] = str(rundir / _EVENTS)
        reading, writing = os.pipe()
        try:
            popen = subprocess.Popen(
                [str(machinery.supervisor), str(os.getpid()), str(writing), *map(str, command)],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(writing,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            raise EmulationError(
                Problem(f"{command[0]} cannot be started", got=str(error))
            ) from error
        finally:
            os.close(writing)
        process = cls(popen, reading, rundir / _EVENTS)
        try:
            yield process
        finally:
            process.end()
            os.close(reading)

    def end(self) -> None:
        """Ends the host and everything it started; the supervisor reaps them."""
        self._signal(signal.SIGTERM)
        try:
            self._popen.wait(_AFTER_SIGTERM)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._popen.wait()
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream:
                stream.close()

    def _signal(self, number: int) -> None:
        if self._popen.poll() is None:
            self._popen.send_signal(number)

    def follow(self, timeout: float, on_output: Callable[[str], None] | None) -> _Outcome:
        """Reads what the host writes until it has ended, its card has failed, or time is up."""
        streams = {self._popen.stdout: _Stream(on_output), self._popen.stderr: _Stream(on_output)}
        deadline = time.monotonic() + timeout
        in_time = True
        with selectors.DefaultSelector() as selector:
            for pipe, stream in streams.items():
                if pipe:
                    selector.register(pipe, selectors.EVENT_READ, stream)
            failed = False
            while self._popen.poll() is None:
                self._read(selector, _TICK)
                if not failed and self._events.exists():
                    failed = True
                    deadline = min(deadline, time.monotonic() + _AFTER_FAILURE)
                if time.monotonic() > deadline:
                    in_time = failed
                    break
            self._finish(selector)
        stdout, stderr = (stream.finish() for stream in streams.values())
        manner, number = self._ended() if in_time else ("timeout", 0)
        return _Outcome(manner, number, stdout, stderr)

    def _finish(self, selector: selectors.BaseSelector) -> None:
        self._signal(signal.SIGTERM)
        until = time.monotonic() + _AFTER_SIGTERM
        while selector.get_map() and time.monotonic() < until:
            self._read(selector, _TICK)
            if self._popen.poll() is not None and not self._read(selector, 0):
                break
        self._signal(signal.SIGKILL)
        self._popen.wait()

    @staticmethod
    def _read(selector: selectors.BaseSelector, seconds: float) -> bool:
        """Takes what there is to read within ``seconds``; False if there was nothing."""
        if not selector.get_map():
            time.sleep(min(seconds, 0.01))
            return False
        ready = selector.select(seconds)
        for key, _ in ready:
            data = os.read(key.fd, 1 << 16)
            if data:
                key.data.feed(data)
            else:
                selector.unregister(key.fileobj)
        return bool(ready)

    def _ended(self) -> tuple[str, int]:
        os.set_blocking(self._status, False)
        try:
            words = os.read(self._status, 256).decode().split()
        except BlockingIOError:
            words = []
        return (words[0], int(words[1])) if len(words) >= 2 else ("signalled", signal.SIGKILL)


def _read_events(path: Path) -> tuple[dict[str, Any], ...]:
    with contextlib.suppress(OSError, ValueError):
        return tuple(json.loads(line) for line in path.read_text(errors="replace").splitlines())
    return ()


_HINTS: Final = {
    "kernel_crash": "the kernel's C++ reads or writes where it must not: look at its sizes",
    "host_crash": "read what it said last; a debugger or -fsanitize=address shows the place",
    "refused_program": "compile the design again: its xclbin does not fit its kernel",
    "wrong_bank": "allocate the buffer in the memory of the compute unit that will use it",
    "unallocated_argument": "the buffer must live until the kernel is done with it",
    "bad_transfer": "the buffer must live until its transfer is done",
}


def _judge(
    command: Sequence[str],
    outcome: _Outcome,
    events: Sequence[dict[str, Any]],
    timeout: float,
    output: str,
) -> None:
    name = Path(command[0]).name
    if events:
        event = events[0]
        raise _error(_event_words(event), output, _HINTS.get(event["event"], ""))
    if outcome.manner == "timeout":
        hint = "give it more time, or look where kernel or host wait for each other"
        raise _error(f"the host {name} did not end within {timeout:g} seconds", output, hint)
    if outcome.manner == "failed":
        words = os.strerror(outcome.number)
        raise EmulationError(Problem(f"the host {command[0]} cannot be started", got=words))
    if outcome.manner == "signalled":
        cause = signal.Signals(outcome.number).name
        raise _error(f"the host {name} crashed: {cause}", output, _HINTS["host_crash"])


def _event_words(event: dict[str, Any]) -> str:
    cause = str(event.get("cause", ""))
    if event["event"] == "host_crash":
        return f"the host crashed: {cause}"
    if event["event"] != "kernel_crash" or "arguments" not in event:
        return cause
    words = f"kernel {event['kernel']} crashed in compute unit {event['compute_unit']}: {cause}"
    if "outside" in event:
        words += f" outside the buffer of argument {event['outside']}, at byte {event['offset']}"
    arguments = ", ".join(
        f"{a['name']} = {a['value']:#x} ({a['bytes']} bytes)" if "bytes" in a
        else f"{a['name']} = {a['value']}"
        for a in event["arguments"]
    )  # fmt: skip
    return f"{words} ({arguments})"


def _error(what: str, output: str, hint: str) -> EmulationError:
    lines = [line for line in output.splitlines() if line and "fpgac_card" not in line]
    return EmulationError(Problem(what, got="\n".join(lines[-_TAIL_LINES:]), hint=hint))
