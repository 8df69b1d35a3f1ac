"""The child process of :mod:`fpgac.engines.kernel_call`: calls one kernel once.

It is started as a file, without fpgac and numpy: ``python kernel_child.py '{"library": ...}'``.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = ["CANNOT_CALL", "Task", "main"]

# No library or no function; anything else that is not 0 is the kernel's own doing.
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
    """Which function to call, over which files: raw rows in, and as many bytes out."""

    library: str
    kernel: str
    samples: int
    inputs: str
    input_bytes: int
    outputs: str
    output_bytes: int


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
        self.view = (ctypes.c_char * size).from_address(self.address)


def main(task: Task) -> int:
    """Reads the rows, calls the kernel, writes its results: 0, or :data:`CANNOT_CALL`."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        function = ctypes.CDLL(task.library)[task.kernel]
        inputs, outputs = GuardedBytes(task.input_bytes), GuardedBytes(task.output_bytes)
        with open(task.inputs, "rb", buffering=0) as stream:  # noqa: PTH123 (pathlib is slow)
            read = 0
            while count := stream.readinto(memoryview(inputs.view).cast("B")[read:]):
                read += count
    except (OSError, AttributeError, MemoryError) as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_CALL
    function.restype = None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]
    _with_large_stack(lambda: function(inputs.address, outputs.address, task.samples))
    try:
        with open(task.outputs, "wb") as stream:  # noqa: PTH123
            stream.write(outputs.view)
    except OSError as error:
        sys.stderr.write(f"its results cannot be written: {error}\n")
        return CANNOT_CALL
    return 0


def _with_large_stack(call: Callable[[], None]) -> None:
    threading.stack_size(_STACK)
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


if __name__ == "__main__":
    code = main(Task(**json.loads(sys.argv[1])))
    sys.stderr.flush()
    # The kernel's library may hold threads or destructors; they are of no interest any more.
    os._exit(code)
