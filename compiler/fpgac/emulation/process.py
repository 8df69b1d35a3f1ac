"""One host under its supervisor, from its start to the end of all it started."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fpgac.build.cancelling import Cancellation
from fpgac.errors import EmulationError, Problem

__all__ = ["HostProcess", "Outcome"]

# How long a host may take to end after its card has failed, and after it was told to end.
_AFTER_FAILURE: Final = 1.0
_AFTER_SIGTERM: Final = 4.0
_TICK: Final = 0.1
# What is kept of each stream, in bytes.
_MOST_OUTPUT: Final = 16 << 20


@dataclass(frozen=True)
class Outcome:
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


class HostProcess:
    """A host under its supervisor."""

    def __init__(self, popen: subprocess.Popen[bytes], status: int, events: Path) -> None:
        self._popen = popen
        self._status = status
        self._events = events

    @classmethod
    @contextlib.contextmanager
    def start(
        cls,
        supervisor: Path,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        events: Path,
        cwd: Path,
    ) -> Iterator[HostProcess]:
        """The host, running until the block is left. Its card writes failures to ``events``.

        Raises:
            EmulationError: it cannot be started.
        """
        reading, writing = os.pipe()
        try:
            popen = subprocess.Popen(
                [str(supervisor), str(os.getpid()), str(writing), *map(str, command)],
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(writing,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            raise EmulationError(
                Problem(f"{command[0]} cannot be started", got=str(error), code="host.cannot-start")
            ) from error
        finally:
            os.close(writing)
        process = cls(popen, reading, events)
        try:
            yield process
        finally:
            process.end()
            os.close(reading)

    def end(self) -> None:
        """Ends the host and everything it started; the supervisor reaps them."""
        self._signal(signal.SIGTERM)
        self._wait(_AFTER_SIGTERM)
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream:
                stream.close()

    def _signal(self, number: int) -> None:
        if self._popen.poll() is None:
            self._popen.send_signal(number)

    def _wait(self, seconds: float) -> None:
        """For the supervisor to end; it is killed, and its host with it, if it takes too long."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._popen.wait()

    def follow(
        self,
        timeout: float,
        on_output: Callable[[str], None] | None,
        on_error: Callable[[str], None] | None,
        cancellation: Cancellation,
    ) -> Outcome:
        """Reads what the host writes until it has ended, its card has failed, or time is up."""
        streams = {self._popen.stdout: _Stream(on_output), self._popen.stderr: _Stream(on_error)}
        deadline = time.monotonic() + timeout
        in_time = True
        with selectors.DefaultSelector() as selector:
            for pipe, stream in streams.items():
                if pipe:
                    selector.register(pipe, selectors.EVENT_READ, stream)
            failed = False
            while self._popen.poll() is None:
                cancellation.check()
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
        return Outcome(manner, number, stdout, stderr)

    def _finish(self, selector: selectors.BaseSelector) -> None:
        self._signal(signal.SIGTERM)
        until = time.monotonic() + _AFTER_SIGTERM
        while selector.get_map() and time.monotonic() < until:
            self._read(selector, _TICK)
            if self._popen.poll() is not None and not self._read(selector, 0):
                break
        self._wait(_AFTER_SIGTERM)

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
