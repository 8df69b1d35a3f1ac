"""The child process of :mod:`fpgac.emulation.zynq.kernel`: calls a kernel with streams.

It is started as a file, without fpgac and numpy: ``python worker.py LIBRARY FUNCTION INPUTS
OUTPUTS``, with the numbers of the kernel's streams. It reads calls from its standard input and
answers on its standard output until the input ends.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, Final

__all__ = ["CANNOT_CALL", "call_head", "read_whole", "result_head"]

CANNOT_CALL: Final = 77

# HLS code keeps large arrays as local variables.
_STACK: Final = 512 << 20


def call_head(inputs: int, outputs: int) -> struct.Struct:
    """n_samples, the bytes of each input, the most bytes of each output; the inputs follow."""
    return struct.Struct(f"<{1 + inputs + outputs}Q")


def result_head(outputs: int) -> struct.Struct:
    """For each output the bytes that the kernel sent, and then how many up to the first TLAST (0:
    none); the outputs follow."""
    return struct.Struct(f"<{2 * outputs}Q")


def read_whole(stream: IO[bytes], size: int) -> bytes:
    """Exactly that many bytes.

    Raises:
        EOFError: the other side has gone.
    """
    data = bytearray(size)
    view, have = memoryview(data), 0
    while have < size:
        count = stream.readinto(view[have:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        have += count
    return bytes(data)


def serve(library: str, function: str, inputs: int, outputs: int) -> int:
    """Calls until the input ends: 0, or :data:`CANNOT_CALL`."""
    calls = sys.stdin.buffer
    # What the kernel prints must not stand among the answers.
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        kernel = ctypes.CDLL(library)[function]
    except (OSError, AttributeError) as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_CALL
    head = call_head(inputs, outputs)
    while True:
        try:
            n_samples, *sizes = head.unpack(read_whole(calls, head.size))
            data = [read_whole(calls, size) for size in sizes[:inputs]]
        except EOFError:
            return 0
        _answer(results, kernel, n_samples, data, sizes[inputs:])


def _answer(
    results: IO[bytes],
    kernel: Callable[..., int],
    n_samples: int,
    data: Sequence[bytes],
    rooms: Sequence[int],
) -> None:
    """Calls the kernel once and writes what it sent."""
    made = [ctypes.create_string_buffer(max(1, room)) for room in rooms]
    sent, last = _sizes([0] * len(rooms)), _sizes([0] * len(rooms))
    kernel(
        (ctypes.c_char_p * len(data))(*data),
        _sizes(list(map(len, data))),
        (ctypes.c_void_p * len(made))(*map(ctypes.addressof, made)),
        _sizes(rooms),
        sent,
        last,
        ctypes.c_uint(n_samples),
    )
    results.write(result_head(len(rooms)).pack(*sent, *last))
    for buffer, count, room in zip(made, sent, rooms, strict=True):
        results.write(memoryview(buffer)[: min(count, room)])
    results.flush()


def _sizes(numbers: Sequence[int]) -> ctypes.Array[ctypes.c_size_t]:
    return (ctypes.c_size_t * len(numbers))(*numbers)


def _main(library: str, function: str, inputs: str, outputs: str) -> None:
    code = [1]

    def run() -> None:
        code.insert(0, serve(library, function, int(inputs), int(outputs)))

    threading.stack_size(_STACK)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    sys.stderr.flush()
    os._exit(code[0])


if __name__ == "__main__":
    _main(*sys.argv[1:])
