"""An AXI4-Stream between two blocks: bytes, and where TLAST ends a packet."""

from __future__ import annotations

from collections import deque

__all__ = ["Stream"]


class Stream:
    """Bytes that were given and not yet taken. It holds any number of them; who gives sees by
    ``waiting`` how many the other side has still to take."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends: deque[int] = deque()
        self._taken = 0

    @property
    def waiting(self) -> int:
        """Bytes that were not taken."""
        return len(self._bytes)

    def give(self, data: bytes, *, last: bool) -> None:
        """More bytes; ``last`` sets TLAST with the last of them."""
        self._bytes += data
        if last and data:
            self._ends.append(self._taken + len(self._bytes))

    def take(self, most: int) -> tuple[bytes, bool]:
        """At most that many bytes, none beyond a TLAST; and whether TLAST came with the last."""
        end = self._ends[0] - self._taken if self._ends else len(self._bytes)
        data = bytes(self._bytes[: min(most, end)])
        del self._bytes[: len(data)]
        self._taken += len(data)
        last = bool(data) and bool(self._ends) and self._ends[0] == self._taken
        if last:
            self._ends.popleft()
        return data, last

    def take_across(self, count: int) -> bytes:
        """Exactly that many bytes, whatever TLAST says: for blocks that do not look at it."""
        data = bytearray()
        while len(data) < count:
            data += self.take(count - len(data))[0]
        return bytes(data)

    def clear(self) -> None:
        """Forget all that was not taken, as a reset does."""
        self._taken += len(self._bytes)
        self._bytes.clear()
        self._ends.clear()
