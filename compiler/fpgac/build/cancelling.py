"""Ctrl-C reaches the main thread alone; work in other threads asks whether it is to end."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

__all__ = ["NEVER", "PROMPT_SECONDS", "Cancellation"]

# How long work may wait for something else before it asks again.
PROMPT_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Cancellation:
    """Whether some work is to end: set by one thread, asked by those that work."""

    _event: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Let all work that asks this end soon."""
        self._event.set()

    def check(self) -> None:
        """Nothing, unless the work is to end.

        Raises:
            KeyboardInterrupt: it is; whatever handles Ctrl-C cleans up as ever.
        """
        if self._event.is_set():
            raise KeyboardInterrupt


# For work in the main thread, which Ctrl-C itself reaches.
NEVER: Final = Cancellation()
