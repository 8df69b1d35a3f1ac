"""``fpgac.lock``: what a build folder holds, from what it was made, and how each step ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fpgac.build.folder import LOCK_NAME, disk_errors, write_whole
from fpgac.errors import BuildError, Problem, Where

__all__ = ["Lock", "StepRecord", "StopRecord", "read_lock", "write_lock"]

VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StopRecord(_Record):
    """A stop of the road: the digest of all it depends on, and of each file it wrote."""

    key: str
    files: dict[str, str] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)
    seconds: float = 0.0


class StepRecord(_Record):
    """A step of the plan: the digest of its command, inputs and tool, and how it ended."""

    key: str
    outputs: dict[str, str] = Field(default_factory=dict)
    log: str = ""
    succeeded: bool
    seconds: float = 0.0


class Lock(_Record):
    """The whole manifest. Times are the only thing in it that differs between equal builds."""

    version: int = VERSION
    spec: str = ""
    target: str = ""
    mode: str = ""
    digests: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    stops: dict[str, StopRecord] = Field(default_factory=dict)
    steps: dict[str, StepRecord] = Field(default_factory=dict)

    def with_stop(self, name: str, record: StopRecord) -> Lock:
        """This lock with one stop's record replaced."""
        return self.model_copy(update={"stops": {**self.stops, name: record}})

    def with_step(self, name: str, record: StepRecord) -> Lock:
        """This lock with one step's record replaced."""
        return self.model_copy(update={"steps": {**self.steps, name: record}})


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
        return Lock.model_validate(table)
    except (ValueError, ValidationError) as error:
        raise BuildError(
            Problem(
                "the folder's lock cannot be read",
                Where(path),
                got=str(error).splitlines()[0],
                hint="remove the folder, and compile again",
            )
        ) from None


def write_lock(folder: Path, lock: Lock) -> None:
    """Replace the folder's lock."""
    text = json.dumps(lock.model_dump(), indent=1, sort_keys=True)
    with disk_errors(folder):
        write_whole(folder / LOCK_NAME, text.encode() + b"\n")
