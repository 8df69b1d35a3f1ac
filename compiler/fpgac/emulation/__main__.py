"""``python -m fpgac.emulation xclbin|bitstream ...``: writes what an emulated card loads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fpgac.emulation import xclbin
from fpgac.emulation.zynq import bitstream

_WRITERS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "xclbin": xclbin.main,
    "bitstream": bitstream.main,
}


def main(arguments: Sequence[str]) -> int:
    """The exit code of the writer that the first argument names."""
    if not arguments or arguments[0] not in _WRITERS:
        sys.stderr.write(f"usage: python -m fpgac.emulation {'|'.join(_WRITERS)} ...\n")
        return 2
    return _WRITERS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
