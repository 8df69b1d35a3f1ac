"""The child process of :mod:`fpgac.engines.calling`: calls one function over some samples.

It is started as a file, without fpgac and numpy: ``python calling_child.py '{"library": ...}'``. It
writes one byte to its standard output for each chunk done; whatever the library prints goes to its
standard error.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

__all__ = ["CANNOT_CALL", "Task", "main"]

# No library, no function or no memory; anything else that is not 0 is the function's own doing.
CANNOT_CALL: Final = 77

# HLS code keeps large arrays as local variables.
_STACK: Final = 512 << 20
_GUARD: Final = 1 << 20
# Widest word of a memory port, in bytes: rows begin on such a boundary, as on a card.
_ALIGNMENT: Final = 128
_PROT_NONE: Final = 0
_PR_SET_PDEATHSIG: Final = 1
_MAP_FAILED: Final = ctypes.c_void_p(-1).value


class Task(NamedTuple):
    """Which function to call, over the samples from ``first`` to before ``last``.

    The files of ``inputs`` and ``outputs`` hold rows of all samples; ``row_bytes`` are those of the
    inputs, then of the outputs.
    """

    library: str
    function: str
    inputs: list[str]
    outputs: list[str]
    row_bytes: list[int]
    first: int
    last: int
    chunk: int


class GuardedBytes:
    """Zeroed memory whose end lies against a page that cannot be touched, and so does its begin."""

    def __init__(self, size: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        usable = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        region = libc.mmap(None, usable + 2 * _GUARD, _PROT_NONE, flags, -1, 0)
        if region in (None, _MAP_FAILED):
            raise MemoryError(f"{size} bytes cannot be had")
        pages = region + _GUARD
        if libc.mprotect(pages, usable, mmap.PROT_READ | mmap.PROT_WRITE) != 0:
            raise MemoryError(f"{size} bytes cannot be had")
        # As near to the guard as words may lie, so that one word too many is noticed.
        self.address = pages + (usable - size) // _ALIGNMENT * _ALIGNMENT
        self._bytes = (ctypes.c_char * size).from_address(self.address)

    def read(self, path: str, start: int) -> None:
        """Fill it with the bytes of a file from ``start`` on."""
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (pathlib is slow)
            file.seek(start)
            left = memoryview(self._bytes).cast("B")
            while left and (count := file.readinto(left)):
                left = left[count:]

    def write(self, path: str, start: int) -> None:
        """Put it into a file from ``start`` on."""
        with open(path, "r+b", buffering=0) as file:  # noqa: PTH123
            file.seek(start)
            left = memoryview(self._bytes).cast("B")
            while left:
                left = left[file.write(left) :]


def main(task: Task) -> int:
    """Reads the rows, calls the function, writes its results: 0, or :data:`CANNOT_CALL`."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signs = os.dup(1)
    os.dup2(2, 1)
    samples = task.last - task.first
    try:
        function = ctypes.CDLL(task.library)[task.function]
        buffers = [GuardedBytes(samples * size) for size in task.row_bytes]
        for buffer, path, size in zip(buffers, task.inputs, task.row_bytes, strict=False):
            buffer.read(path, task.first * size)
    except (OSError, AttributeError, MemoryError) as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_CALL
    function.restype = None
    function.argtypes = [*[ctypes.c_void_p] * len(buffers), ctypes.c_size_t]
    addresses = [buffer.address for buffer in buffers]
    _with_large_stack(lambda: _call(function, addresses, task, signs))
    ctypes.CDLL(None).fflush(None)
    made = len(task.inputs)
    try:
        for buffer, path, size in zip(
            buffers[made:], task.outputs, task.row_bytes[made:], strict=True
        ):
            buffer.write(path, task.first * size)
    except OSError as error:
        sys.stderr.write(f"its results cannot be written: {error}\n")
        return CANNOT_CALL
    return 0


def _call(function: Callable[..., None], addresses: Sequence[int], task: Task, signs: int) -> None:
    samples = task.last - task.first
    for first in range(0, samples, task.chunk):
        rows = [a + first * size for a, size in zip(addresses, task.row_bytes, strict=True)]
        function(*rows, min(task.chunk, samples - first))
        os.write(signs, b".")


def _with_large_stack(call: Callable[[], None]) -> None:
    threading.stack_size(_STACK)
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


if __name__ == "__main__":
    code = main(Task(**json.loads(sys.argv[1])))
    sys.stderr.flush()
    # The library may hold threads or destructors; they are of no interest any more.
    os._exit(code)
