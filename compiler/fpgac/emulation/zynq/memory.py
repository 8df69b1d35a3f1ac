"""The board's memory, as the programmable logic sees it: apart from what the host's caches hold."""

from __future__ import annotations

import bisect
import ctypes
import mmap
from typing import Final

__all__ = ["BadAddressError", "Memory"]

_PAGE: Final = 4096


class BadAddressError(Exception):
    """An access that no board answers, or that would touch what belongs to nobody."""


class Memory:
    """``size`` bytes from address ``base``, of which the host allocates whole pages.

    What was not allocated cannot be read or written: on the board such a transfer would destroy
    what is there.
    """

    def __init__(self, base: int, size: int) -> None:
        self.base, self.size = base, size
        self._bytes = mmap.mmap(-1, size)
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._bytes))
        self._allocated: dict[int, int] = {}

    def allocate(self, size: int) -> int:
        """The address of ``size`` bytes, the first that are free.

        Raises:
            MemoryError: there is no room.
        """
        wanted = max(1, -(-size // _PAGE)) * _PAGE
        address = self.base
        for start in sorted(self._allocated):
            if start - address >= wanted:
                break
            address = start + self._allocated[start]
        if address + wanted > self.base + self.size:
            raise MemoryError(f"the board has no room for {size} bytes")
        self._allocated[address] = wanted
        return address

    def free(self, address: int) -> None:
        """Give back what :meth:`allocate` gave."""
        self._allocated.pop(address, None)

    def read(self, address: int, size: int) -> bytes:
        """Raises BadAddressError if any of it is in no buffer."""
        self._check(address, size)
        return ctypes.string_at(self._start + address - self.base, size)

    def write(self, address: int, data: bytes) -> None:
        """Raises BadAddressError if any of it is in no buffer."""
        self._check(address, len(data))
        ctypes.memmove(self._start + address - self.base, data, len(data))

    def copy_in(self, address: int, pointer: int, size: int) -> None:
        """From the host's memory at ``pointer``: what flushing a cache does."""
        self._check(address, size)
        ctypes.memmove(self._start + address - self.base, pointer, size)

    def copy_out(self, address: int, pointer: int, size: int) -> None:
        """To the host's memory at ``pointer``: what invalidating a cache does."""
        self._check(address, size)
        ctypes.memmove(pointer, self._start + address - self.base, size)

    def _check(self, address: int, size: int) -> None:
        starts = sorted(self._allocated)
        place = bisect.bisect_right(starts, address) - 1
        start = starts[place] if place >= 0 else None
        if start is None or address + size > start + self._allocated[start]:
            raise BadAddressError(f"{size} bytes at {address:#x} are not within one buffer")
