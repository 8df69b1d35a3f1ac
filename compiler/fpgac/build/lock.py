"""``fpgac.lock``: what a build folder holds, from what it was made, and how each step ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from fpgac.build.folder import LOCK_NAME, disk_errors, write_whole
from fpgac.errors import BuildError, Problem, Where
from fpgac.plain import PlainError, from_plain, to_plain

__all__ = ["Lock", "StageRecord", "StepRecord", "read_lock", "write_lock"]

VERSION: Final = 2


@dataclass(frozen=True)
class StageRecord:
    """A stage of the pipeline: the digest of all it depends on, and what it wrote.

    ``files`` gives the digest of each file; those in ``executable`` may be executed. ``detail`` is
    a line for people.
    """

    key: str
    files: Mapping[str, str] = field(default_factory=dict)
    executable: tuple[str, ...] = ()
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class StepRecord:
    """A step of a plan that ended well: the digest of its command, inputs and tool, and outputs."""

    key: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    log: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Lock:
    """The whole manifest. Times are the only thing in it that differs between equal builds."""

    version: int = VERSION
    spec: str = ""
    target: str = ""
    mode: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, StageRecord] = field(default_factory=dict)
    steps: Mapping[str, StepRecord] = field(default_factory=dict)

    def with_stage(self, name: str, record: StageRecord) -> Lock:
        """This lock with one stage's record replaced."""
        return replace(self, stages={**self.stages, name: record})

    def with_step(self, name: str, record: StepRecord) -> Lock:
        """This lock with one step's record replaced."""
        return replace(self, steps={**self.steps, name: record})


def read_lock(folder: Path) -> Lock:
    """The folder's lock, or an empty one where there is none yet.

    Raises:
        BuildError: the lock is damaged or of another version of fpgac.
    """
    path = folder / LOCK_NAME
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Lock()
    try:
        table = json.loads(text)
        if isinstance(table, dict) and table.get("version") != VERSION:
            raise ValueError(f"version {table.get('version')!r} instead of {VERSION}")
        lock: Lock = from_plain(Lock, table)
        return lock
    except ValueError as error:
        key = error.key if isinstance(error, PlainError) else ""
        raise BuildError(
            Problem(
                "the folder's lock cannot be read",
                Where(path, key=key),
                got=str(error),
                hint="remove the folder, and compile again",
                code="build.bad-lock",
            )
        ) from None


def write_lock(folder: Path, lock: Lock) -> None:
    """Replace the folder's lock."""
    text = json.dumps(to_plain(lock), indent=1, sort_keys=True)
    with disk_errors(folder):
        write_whole(folder / LOCK_NAME, text.encode() + b"\n")
