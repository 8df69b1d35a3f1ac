"""The child process of :func:`fpgac.engines.csim.simulate`; started as a script, alone.

Arguments: library, function, file of words in, file of words out (both rows of int64), inputs,
outputs, first sample, sample after the last, samples in a chunk. It writes one byte to standard
output for each chunk done; whatever the library prints goes to standard error.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import sys


def main(library: str, function: str, read: str, written: str, *numbers: str) -> None:
    inputs, outputs, start, stop, chunk = map(int, numbers)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe = os.dup(1)
    os.dup2(2, 1)
    run = getattr(ctypes.CDLL(library), function)
    run.restype = None
    words_in, words_out = _mapped(read, write=False), _mapped(written, write=True)
    for sample in range(start, stop, chunk):
        run(
            ctypes.byref(words_in, sample * inputs * 8),
            ctypes.byref(words_out, sample * outputs * 8),
            ctypes.c_size_t(min(chunk, stop - sample)),
        )
        os.write(pipe, b".")


def _mapped(path: str, *, write: bool) -> ctypes.Array[ctypes.c_char]:
    """A file as memory."""
    with open(path, "r+b" if write else "rb") as file:  # noqa: PTH123
        access = mmap.ACCESS_WRITE if write else mmap.ACCESS_COPY
        pages = mmap.mmap(file.fileno(), 0, access=access)
    return (ctypes.c_char * len(pages)).from_buffer(pages)


if __name__ == "__main__":
    main(*sys.argv[1:])
