"""The kernel as an IP of the programmable logic: HLS's control registers, streams in and out."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fpgac.build.processes import ending
from fpgac.emulation.zynq import worker
from fpgac.emulation.zynq.stream import Stream

__all__ = ["KernelCrashError", "KernelIp", "KernelProcess", "Port", "Program", "Sent"]

# HLS's s_axilite interface: control, then the arguments.
_CONTROL: Final = 0x00
_SAMPLES: Final = 0x10
_START, _DONE, _IDLE, _READY, _AUTO_RESTART = 0x1, 0x2, 0x4, 0x8, 0x80


class KernelCrashError(Exception):
    """The kernel's process ended before it answered."""


@dataclass(frozen=True)
class Port:
    """One of the kernel's streams: its name, and the bytes that a sample has in it."""

    name: str
    row: int


@dataclass(frozen=True)
class Program:
    """What the programmable logic computes: the kernel's C function around its streams.

    ``function`` is the one of the shared ``library`` that
    :func:`fpgac.design.kernel.bridge_files` describes.
    """

    kernel: str
    function: str
    library: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True)
class Sent:
    """What the kernel sent to one output: ``last`` bytes are those up to the first TLAST, or 0."""

    data: bytes
    last: int


class KernelProcess:
    """The kernel's C++ in a process of its own: whatever it does, the host does not do it."""

    def __init__(self, program: Program) -> None:
        self._program = program
        ports = (str(len(program.inputs)), str(len(program.outputs)))
        # Without site packages the child starts in a fiftieth of a second; it needs none.
        command = [sys.executable, "-I", "-S", worker.__file__]
        self._child = subprocess.Popen(
            [*command, str(program.library), program.function, *ports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def call(self, n_samples: int, data: Sequence[bytes]) -> list[Sent]:
        """What the kernel sends to each output for the ``data`` of each input.

        Raises:
            KernelCrashError: it crashed, or cannot be called.
        """
        # Room for one result too many, so that a kernel that sends too much is seen.
        rooms = [(n_samples + 1) * port.row for port in self._program.outputs]
        outputs = len(rooms)
        calls, results = self._child.stdin, self._child.stdout
        assert calls is not None
        assert results is not None
        head = worker.result_head(outputs)
        try:
            sizes = map(len, data)
            calls.write(worker.call_head(len(data), outputs).pack(n_samples, *sizes, *rooms))
            for each in data:
                calls.write(each)
            calls.flush()
            counts = head.unpack(worker.read_whole(results, head.size))
            return [
                Sent(worker.read_whole(results, min(sent, room)), last)
                for sent, last, room in zip(counts[:outputs], counts[outputs:], rooms, strict=True)
            ]
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
        return ending(code)


class KernelIp:
    """The kernel behind its registers.

    It computes when it was started and its streams hold all samples of the call; ``samples`` and
    ``results`` are those of the program's inputs and outputs. ``lock`` guards all of the
    programmable logic; it is free while the kernel computes. ``progress`` is called, with the lock
    held, when results have come; ``crashed`` takes the cause if they never will.
    """

    def __init__(
        self,
        name: str,
        program: Program,
        samples: Sequence[Stream],
        results: Sequence[Stream],
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
        if self._started and not self.computing and not self._lacks:
            self.computing = True
            self._work.notify()

    @property
    def waits(self) -> list[str]:
        """What the kernel waits for."""
        if self.computing:
            return []
        if not self._started:
            waiting = sum(stream.waiting for stream in self._samples)
            text = f"{self.name} was not started, and {waiting} bytes wait for it"
            return [text] if waiting else []
        return [
            f"{self.name} has {stream.waiting} of the {needs} bytes of {port.name} that "
            f"n_samples = {self._count} needs"
            for port, stream, needs in self._lacks
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
    def _lacks(self) -> list[tuple[Port, Stream, int]]:
        """The inputs that do not hold all samples of the call, and the bytes that it needs."""
        return [
            (port, stream, self._count * port.row)
            for port, stream in zip(self.program.inputs, self._samples, strict=True)
            if stream.waiting < self._count * port.row
        ]

    def _run(self) -> None:
        while True:
            with self._lock:
                self._work.wait_for(lambda: self.computing or self._closed)
                if self._closed:
                    return
                count, ports = self._count, self.program.inputs
                data = [
                    stream.take_across(count * port.row)
                    for port, stream in zip(ports, self._samples, strict=True)
                ]
            try:
                made = self._process.call(count, data)
            except KernelCrashError as error:
                with self._lock:
                    if not self._closed:
                        self._crashed(str(error), count)
                return
            with self._lock:
                for stream, sent in zip(self._results, made, strict=True):
                    stream.give(sent.data[: sent.last], last=True)
                    stream.give(sent.data[sent.last :], last=False)
                self._started = self.computing = False
                self._status |= _DONE | _IDLE | _READY
                self._progress()
