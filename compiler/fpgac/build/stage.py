"""Stages of a pipeline: each makes one value, known by the digest of all that it depends on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fpgac.build.folder import Files
from fpgac.build.store import Entry, Store

__all__ = ["Stage", "Values"]

T = TypeVar("T")

# The kind of a store's entries that are values of stages, and their line for people.
_KIND, _DETAIL = "stages", "detail"


@dataclass(frozen=True)
class Stage(Generic[T]):
    """How a value is called, found again and made.

    ``key`` is the digest of all that the value depends on. ``dump`` gives the files that ``load``
    reads it from, and ``describe`` a line for people. The files of most stages are part of the
    build folder (``in_folder``), and are shared by all builds (``in_store``).
    """

    name: str
    key: str
    make: Callable[[], T]
    dump: Callable[[T], Files]
    load: Callable[[Files], T]
    describe: Callable[[T], str] = lambda _: ""
    in_folder: bool = True
    in_store: bool = True


class Values:
    """The values of stages in this process: each is found or made once, whoever asks for it."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store
        self._known: dict[str, Any] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._lock = threading.Lock()

    def get(self, stage: Stage[T], find: Callable[[], T | None] = lambda: None) -> T:
        """The value of ``stage``: by ``find``, or from the store, or made now and stored.

        Raises:
            FpgacError: it cannot be made.
        """
        with self._lock:
            lock = self._locks.setdefault(stage.key, threading.RLock())
        with lock:
            if stage.key not in self._known:
                self._known[stage.key] = self._found(stage, find)
            value: T = self._known[stage.key]
            return value

    def _found(self, stage: Stage[T], find: Callable[[], T | None]) -> T:
        if (found := find()) is not None:
            return found
        if (entry := self.stored(stage)) is not None:
            return stage.load(entry.files)
        value = stage.make()
        if self.store and stage.in_store:
            self.store.put(_KIND, stage.key, entry_of(stage, value))
        return value

    def stored(self, stage: Stage[Any]) -> Entry | None:
        """What the store has of the stage."""
        return self.store.get(_KIND, stage.key) if self.store and stage.in_store else None


def entry_of(stage: Stage[T], value: T) -> Entry:
    """The value's files, and its line for people."""
    return Entry(stage.dump(value), {_DETAIL: stage.describe(value)})


def detail_of(entry: Entry) -> str:
    """The line for people about what an entry holds."""
    return entry.about.get(_DETAIL, "")
