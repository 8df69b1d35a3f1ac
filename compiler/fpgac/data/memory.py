"""What data take in memory, and what there is of it."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["BYTES_OF_A_NUMBER", "memory_bytes"]

# A float64, the copies that providers, splits and conversions to raw words make of it beside.
BYTES_OF_A_NUMBER: Final = 4 * 8


def memory_bytes() -> int:
    """The memory of this machine in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
