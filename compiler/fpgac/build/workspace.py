"""A build folder while it is made: stages brought up to date, and steps run, each as it is due."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.build.events import Ended, Note, Notify, Outcome, Progress, Started
from fpgac.build.folder import LOCK_NAME, File, Files, write_tree
from fpgac.build.launcher import LOCAL, Launch
from fpgac.build.lock import Lock, StageRecord, read_lock, write_lock
from fpgac.build.plan import Plan
from fpgac.build.runner import StepEvent, run_plan
from fpgac.build.stage import Stage, Values, detail_of, entry_of
from fpgac.digest import digest_bytes, digest_file

__all__ = ["Workspace"]

T = TypeVar("T")


class Workspace:
    """One build folder, its lock, and whoever listens.

    The lock is written after every stage and step, so that a build that is killed goes on from
    where it was.
    """

    def __init__(
        self,
        folder: Path,
        notify: Notify,
        values: Values,
        cancellation: Cancellation = NEVER,
    ) -> None:
        self.folder, self.notify, self.cancellation = folder, notify, cancellation
        self.lock = read_lock(folder)
        self._values = values
        self._current: set[str] = set()

    def describe(self, **fields: Any) -> None:
        """Set the lock's own fields (``spec``, ``target``, ...) and write it."""
        self._replace(replace(self.lock, **fields))

    def is_current(self, stage: Stage[Any]) -> bool:
        """Whether the stage was made from the same things and its files are as it left them."""
        return self._is_current(stage.name, stage.key)

    def _is_current(self, name: str, key: str) -> bool:
        record = self.lock.stages.get(name)
        if key in self._current:
            return True
        if record is None or record.key != key:
            return False
        if all(self._holds(path, digest) for path, digest in record.files.items()):
            self._current.add(key)
        return key in self._current

    def _holds(self, path: str, digest: str) -> bool:
        return (self.folder / path).is_file() and digest_file(self.folder / path) == digest

    def register(self, name: str, key: str, paths: Iterable[str]) -> None:
        """Note in the lock that the files at ``paths``, which steps have left, are ``key``'s."""
        digests = {path: digest_file(self.folder / path) for path in paths}
        self._replace(self.lock.with_stage(name, StageRecord(key, digests)))

    def registered(self, name: str, key: str) -> Files:
        """The files that were registered for ``key``; none where they are not as they were."""
        if not self._is_current(name, key):
            return {}
        return _FolderFiles(self.folder, self.lock.stages[name])

    def value(self, stage: Stage[T]) -> T:
        """The stage's value: what this folder or the store has of it, or else made now."""
        return self._values.get(stage, lambda: self._loaded(stage))

    def _loaded(self, stage: Stage[T]) -> T | None:
        if not (stage.in_folder and self.is_current(stage)):
            return None
        return stage.load(_FolderFiles(self.folder, self.lock.stages[stage.name]))

    def update(self, stage: Stage[Any]) -> StageRecord:
        """The stage's record, whose files are in the folder now: kept, from the store, or made."""
        if self.is_current(stage):
            record = self.lock.stages[stage.name]
            self.notify(Ended(stage.name, "cached", 0.0, record.detail))
            return record
        self.notify(Started(stage.name))
        started = time.monotonic()
        try:
            record, outcome = self._renewed(stage, started)
        except BaseException:
            self.notify(Ended(stage.name, "failed"))
            raise
        self.notify(Ended(stage.name, outcome, time.monotonic() - started, record.detail))
        return record

    def _renewed(self, stage: Stage[T], started: float) -> tuple[StageRecord, Outcome]:
        outcome: Outcome = "reused"
        if (entry := self._values.stored(stage)) is None:
            outcome, entry = "done", entry_of(stage, self.value(stage))
        files = entry.files if stage.in_folder else {}
        before = self.lock.stages.get(stage.name)
        for path in write_tree(self.folder, files, before.files if before else {}):
            self.notify(Note(f"you edited {path}: your version is kept as {path}.edited"))
        record = StageRecord(
            key=stage.key,
            files={path: digest_bytes(file.content) for path, file in files.items()},
            executable=tuple(path for path, file in files.items() if file.executable),
            detail=detail_of(entry),
            seconds=round(time.monotonic() - started, 3),
        )
        self._replace(self.lock.with_stage(stage.name, record))
        self._current.add(stage.key)
        return record, outcome

    def run(self, plan: Plan, *, shared: bool = False, launch: Launch = LOCAL) -> None:
        """Run the plan's steps that are not done yet; their records go into the lock.

        What the steps of a ``shared`` plan make is kept in the store, and taken from there.
        ``launch`` says where they run.
        """

        def keep(event: StepEvent) -> None:
            if event.state == "started":
                self.notify(Started(event.step))
                return
            if event.state == "running":
                self.notify(Progress(event.step, 0.0, event.text, event.phase))
                return
            seconds, detail = 0.0, ""
            if event.record is not None:
                self._replace(self.lock.with_step(event.step, event.record))
                seconds = event.record.seconds if event.state == "done" else 0.0
                detail = ", ".join(event.record.outputs)
            self.notify(Ended(event.step, event.state, seconds, detail))

        run_plan(
            plan,
            self.folder,
            self.lock.steps,
            keep,
            store=self._values.store if shared else None,
            cancellation=self.cancellation,
            launch=launch,
        )

    def _replace(self, lock: Lock) -> None:
        if lock != self.lock or not (self.folder / LOCK_NAME).is_file():
            self.lock = lock
            write_lock(self.folder, lock)


@dataclass(frozen=True, eq=False)
class _FolderFiles(Mapping[str, File]):
    """The files of a stage, each read when it is asked for."""

    folder: Path
    record: StageRecord

    def __getitem__(self, path: str) -> File:
        if path not in self.record.files:
            raise KeyError(path)
        return File((self.folder / path).read_bytes(), path in self.record.executable)

    def __iter__(self) -> Iterator[str]:
        return iter(self.record.files)

    def __len__(self) -> int:
        return len(self.record.files)
