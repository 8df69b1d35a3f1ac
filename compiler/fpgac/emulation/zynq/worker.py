"""The child process of :mod:`fpgac.emulation.zynq.kernel`: calls a kernel with streams.

It is started as a file, without fpgac and numpy: ``python worker.py LIBRARY FUNCTION``. It reads
calls from its standard input and answers on its standard output until the input ends.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import threading
from typing import IO, Final

__all__ = ["CALL", "CANNOT_CALL", "RESULT", "read_whole"]

# n_samples, bytes in, most bytes out; the bytes in follow.
CALL: Final = struct.Struct("<IQQ")
# Bytes that the kernel sent, and how many up to the first TLAST (0: none); the bytes follow.
RESULT: Final = struct.Struct("<QQ")
CANNOT_CALL: Final = 77

# HLS code keeps large arrays as local variables.
_STACK: Final = 512 << 20


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


def serve(library: str, function: str) -> int:
    """Calls until the input ends: 0, or :data:`CANNOT_CALL`."""
    calls = sys.stdin.buffer
    # What the kernel prints must not stand among the answers.
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        call = ctypes.CDLL(library)[function]
    except (OSError, AttributeError) as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_CALL
    call.restype = ctypes.c_size_t
    while True:
        try:
            n_samples, bytes_in, most = CALL.unpack(read_whole(calls, CALL.size))
            data = read_whole(calls, bytes_in)
        except EOFError:
            return 0
        out, last = ctypes.create_string_buffer(max(1, most)), ctypes.c_size_t(0)
        sent = call(
            data,
            ctypes.c_size_t(bytes_in),
            out,
            ctypes.c_size_t(most),
            ctypes.c_uint(n_samples),
            ctypes.byref(last),
        )
        results.write(RESULT.pack(sent, last.value))
        results.write(memoryview(out)[: min(sent, most)])
        results.flush()


def _main() -> None:
    code = [1]
    threading.stack_size(_STACK)
    thread = threading.Thread(target=lambda: code.insert(0, serve(*sys.argv[1:])))
    thread.start()
    thread.join()
    sys.stderr.flush()
    os._exit(code[0])


if __name__ == "__main__":
    _main()
