"""streams_pynq.py XCLBIN: reader and writer by pynq, and what it finds of the streams."""

# ruff: noqa: T201

from __future__ import annotations

import sys

import numpy as np
import pynq


def main(xclbin: str) -> None:
    overlay = pynq.Overlay(xclbin)
    streams = [name for name, each in overlay.mem_dict.items() if each["streaming"]]
    print(sorted(overlay.ip_dict), streams, overlay.writer_1.signature)
    numbers = pynq.allocate(1000, "i4", target=overlay.DDR1)
    sums = pynq.allocate(1000, "i4", target=overlay.PLRAM0)
    numbers[:] = np.arange(1000)
    numbers.sync_to_device()
    writing = overlay.writer_1.start(sums, 1, -3, 1)
    overlay.reader_1.call(numbers, 1000)
    writing.wait()
    sums.sync_from_device()
    print("right", int((sums == 2 * (np.arange(1000) + 7)).sum()))


if __name__ == "__main__":
    main(sys.argv[1])
