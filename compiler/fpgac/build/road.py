"""Stops of the road: each made once, known by the digest of all it depends on, told as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fpgac.build.folder import write_tree
from fpgac.build.lock import Lock, StopRecord, read_lock, write_lock
from fpgac.build.plan import Plan
from fpgac.build.runner import StepEvent, run_plan
from fpgac.build.sharing import adopt
from fpgac.digest import digest_file

__all__ = ["Event", "Made", "Note", "Outcome", "Progress", "Road", "Started", "Stopped", "Tell"]

Outcome = Literal["done", "cached", "failed"]


@dataclass(frozen=True)
class Started:
    """A stop or a step is under way."""

    name: str


@dataclass(frozen=True)
class Stopped:
    """A stop or a step has ended."""

    name: str
    outcome: Outcome
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a stop has come, from 0 to 1."""

    name: str
    fraction: float
    text: str = ""


@dataclass(frozen=True)
class Note:
    """What a user should know, in one line."""

    text: str


Event = Started | Stopped | Progress | Note
Tell = Callable[[Event], None]


@dataclass(frozen=True)
class Made:
    """What a stop made: files by path (content, executable), facts to keep, a line to show."""

    files: Mapping[str, tuple[bytes, bool]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""


class Road:
    """One build folder, its lock, and whoever listens.

    The lock is written after every stop and step, so that a build that is killed goes on from
    where it was.
    """

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.folder = folder
        self.tell = tell
        self.lock = read_lock(folder)

    def describe(self, **fields: Any) -> None:
        """Set the lock's own fields (``spec``, ``target``, ...) and write it."""
        self._replace(self.lock.model_copy(update=fields))

    def is_made(self, name: str, key: str) -> bool:
        """Whether the stop was made from the same things and its files are as it left them."""
        record = self.lock.stops.get(name)
        return (
            record is not None
            and record.key == key
            and all(
                (self.folder / path).is_file() and digest_file(self.folder / path) == digest
                for path, digest in record.files.items()
            )
        )

    def stop(self, name: str, key: str, make: Callable[[], Made]) -> StopRecord:
        """The record of the stop ``name``: the one in the lock, or what ``make`` makes now."""
        if self.is_made(name, key):
            record = self.lock.stops[name]
            self.tell(Stopped(name, "cached", 0.0, record.facts.get("detail", "")))
            return record
        self.tell(Started(name))
        started = time.monotonic()
        try:
            made = make()
            record = self._written(name, key, made, started)
        except BaseException:
            self.tell(Stopped(name, "failed"))
            raise
        self.tell(Stopped(name, "done", time.monotonic() - started, made.detail))
        return record

    def _written(self, name: str, key: str, made: Made, started: float) -> StopRecord:
        before = self.lock.stops.get(name)
        files, edited = write_tree(self.folder, made.files, before.files if before else {})
        for path in edited:
            self.tell(Note(f"you edited {path}: your version is kept as {path}.edited"))
        record = StopRecord(
            key=key,
            files=files,
            facts={**made.facts, "detail": made.detail},
            seconds=round(time.monotonic() - started, 3),
        )
        self._replace(self.lock.with_stop(name, record))
        return record

    def run(self, plan: Plan, lenders: Iterable[Path] = ()) -> None:
        """Run the plan's steps that are not done yet; their records go into the lock.

        What ``lenders``, finished builds, have made from the same things is copied instead.
        """
        adopted = adopt(plan, self.folder, self.lock.steps, lenders)

        def keep(event: StepEvent) -> None:
            if event.state == "started":
                self.tell(Started(event.step))
                return
            seconds, detail = 0.0, ""
            if event.record is not None:
                self._replace(self.lock.with_step(event.step, event.record))
                seconds = event.record.seconds if event.state == "done" else 0.0
                detail = ", ".join(event.record.outputs)
            self.tell(Stopped(event.step, event.state, seconds, detail))

        run_plan(plan, self.folder, {**self.lock.steps, **adopted}, keep)

    def _replace(self, lock: Lock) -> None:
        if lock != self.lock or not (self.folder / "fpgac.lock").is_file():
            self.lock = lock
            write_lock(self.folder, lock)
