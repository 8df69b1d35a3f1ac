"""Ctrl-C reaches the main thread alone; work in other threads asks whether it is to stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["PROMPT_SECONDS", "stop_if_told", "stopping_with"]

# How long work may wait for something else before it asks again.
PROMPT_SECONDS: Final = 0.1

_STOPPED: Final[ContextVar[threading.Event | None]] = ContextVar("stopped", default=None)


@contextmanager
def stopping_with(stopped: threading.Event) -> Iterator[None]:
    """Let what this thread does here end once ``stopped`` is set."""
    token = _STOPPED.set(stopped)
    try:
        yield
    finally:
        _STOPPED.reset(token)


def stop_if_told() -> None:
    """Nothing, unless the work of this thread is to stop.

    Raises:
        KeyboardInterrupt: it is; whatever handles Ctrl-C cleans up as ever.
    """
    stopped = _STOPPED.get()
    if stopped is not None and stopped.is_set():
        raise KeyboardInterrupt
