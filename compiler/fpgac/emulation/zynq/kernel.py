"""The kernel as an IP of the programmable logic: HLS's control registers, streams in and out."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fpgac.emulation.failures import signal_name
from fpgac.emulation.zynq import worker
from fpgac.emulation.zynq.stream import Stream

__all__ = ["KernelCrashError", "KernelIp", "KernelProcess", "Program"]

# HLS's s_axilite interface: control, then the arguments.
_CONTROL: Final = 0x00
_SAMPLES: Final = 0x10
_START, _DONE, _IDLE, _READY, _AUTO_RESTART = 0x1, 0x2, 0x4, 0x8, 0x80


class KernelCrashError(Exception):
    """The kernel's process ended before it answered."""


@dataclass(frozen=True)
class Program:
    """What the programmable logic computes: the kernel's C function around its streams.

    ``function`` is a C function ``size_t (const void* in, size_t in_bytes, void* out, size_t
    out_bytes, unsigned n_samples, size_t* last)`` of the shared ``library``; ``input_row`` and
    ``output_row`` are the bytes of a sample and of a result in the streams.
    """

    kernel: str
    function: str
    library: Path
    input_row: int
    output_row: int


class KernelProcess:
    """The kernel's C++ in a process of its own: whatever it does, the host does not do it."""

    def __init__(self, program: Program) -> None:
        self._program = program
        # Without site packages the child starts in a fiftieth of a second; it needs none.
        command = [sys.executable, "-I", "-S", worker.__file__]
        self._child = subprocess.Popen(
            [*command, str(program.library), program.function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def call(self, n_samples: int, data: bytes) -> tuple[bytes, int]:
        """What the kernel sends for ``data``, and the bytes of it up to the first TLAST, or 0.

        Raises:
            KernelCrashError: it crashed, or cannot be called.
        """
        # Room for one result too many, so that a kernel that sends too much is seen.
        most = (n_samples + 1) * self._program.output_row
        calls, results = self._child.stdin, self._child.stdout
        assert calls is not None
        assert results is not None
        try:
            calls.write(worker.CALL.pack(n_samples, len(data), most))
            calls.write(data)
            calls.flush()
            sent, last = worker.RESULT.unpack(worker.read_whole(results, worker.RESULT.size))
            return worker.read_whole(results, min(sent, most)), last
        except (OSError, EOFError):
            raise KernelCrashError(self._cause()) from None

    def close(self) -> None:
        """End the process."""
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._child.kill()
        self._child.wait()

    def _cause(self) -> str:
        code = self._child.wait()
        if code == worker.CANNOT_CALL:
            return f"{self._program.library.name} has no function {self._program.function}"
        return signal_name(-code) if code < 0 else f"exit code {code}"


class KernelIp:
    """The kernel behind its registers.

    It computes when it was started and its stream holds all samples of the call. ``lock`` guards
    all of the programmable logic; it is free while the kernel computes. ``progress`` is called,
    with the lock held, when results have come; ``crashed`` takes the cause if they never will.
    """

    def __init__(
        self,
        name: str,
        program: Program,
        samples: Stream,
        results: Stream,
        lock: threading.RLock,
        progress: Callable[[], None],
        crashed: Callable[[str, int], None],
    ) -> None:
        self.name, self.program = name, program
        self._samples, self._results = samples, results
        self._progress, self._crashed = progress, crashed
        self._lock = lock
        self._work = threading.Condition(lock)
        self._registers: dict[int, int] = {}
        self._status = _IDLE
        self._started = self._closed = False
        self.computing = False
        self._process = KernelProcess(program)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def read(self, offset: int) -> int:
        """A register of 32 bits; reading the control register clears done."""
        if offset != _CONTROL:
            return self._registers.get(offset, 0)
        status = self._status | (_START if self._started else 0)
        self._status &= ~(_DONE | _READY)
        return status

    def write(self, offset: int, value: int) -> None:
        """A register of 32 bits."""
        if offset != _CONTROL:
            self._registers[offset] = value
        elif value & _START:
            self._started = True
            self._status &= ~_IDLE

    def advance(self) -> None:
        """Begin to compute if all is there."""
        if self._started and not self.computing and self._samples.waiting >= self._needs:
            self.computing = True
            self._work.notify()

    @property
    def waits(self) -> list[str]:
        """What the kernel waits for."""
        if self.computing or not (self._started or self._samples.waiting):
            return []
        if not self._started:
            return [f"{self.name} was not started, and {self._samples.waiting} bytes wait for it"]
        return [
            f"{self.name} has {self._samples.waiting} of the {self._needs} bytes that "
            f"n_samples = {self._count} needs"
        ]

    def close(self) -> None:
        """End the thread and the process."""
        with self._lock:
            self._closed = True
            self._work.notify()
        self._process.close()
        self._thread.join()

    @property
    def _count(self) -> int:
        return self._registers.get(_SAMPLES, 0)

    @property
    def _needs(self) -> int:
        return self._count * self.program.input_row

    def _run(self) -> None:
        while True:
            with self._lock:
                self._work.wait_for(lambda: self.computing or self._closed)
                if self._closed:
                    return
                count, data = self._count, self._samples.take_across(self._needs)
            try:
                results, last = self._process.call(count, data)
            except KernelCrashError as error:
                with self._lock:
                    if not self._closed:
                        self._crashed(str(error), count)
                return
            with self._lock:
                self._results.give(results[:last], last=True)
                self._results.give(results[last:], last=False)
                self._started = self.computing = False
                self._status |= _DONE | _IDLE | _READY
                self._progress()
