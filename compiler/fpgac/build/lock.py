"""``fpgac.lock``: what a build folder holds, from what it was made, and how each step ended.

What a lock says is there is loaded and run, so it is believed only under the seal of this user's
fpgac: a folder of a stranger, or one whose lock is damaged, holds nothing that counts as made.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Final

from fpgac.build.folder import LOCK_NAME, disk_errors, write_whole
from fpgac.build.seal import is_sealed, seal
from fpgac.errors import BuildError, Problem, Where, shown
from fpgac.plain import PlainError, from_plain, to_plain

__all__ = [
    "Lock",
    "StageRecord",
    "StepRecord",
    "read_lock",
    "set_strange_aside",
    "write_lock",
]

VERSION: Final = 2

_SEAL: Final = "seal"

# What a folder held whose lock cannot be believed goes into ``set-aside-1`` there, and so on.
_ASIDE: Final = "set-aside-"


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
        BuildError: the lock is damaged, of another version of fpgac, or not this user's.
    """
    path = folder / LOCK_NAME
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from None
    try:
        lock, given = _parsed(text)
    except (ValueError, RecursionError) as error:
        raise _refused(
            path, str(error), error.key if isinstance(error, PlainError) else ""
        ) from None
    if not is_sealed(_text(lock), given):
        raise _refused(path, "a lock that was not written here, by this user's fpgac", "seal")
    return lock


def write_lock(folder: Path, lock: Lock) -> None:
    """Replace the folder's lock."""
    sealed = {**to_plain(lock), _SEAL: seal(_text(lock))}
    with disk_errors(folder):
        write_whole(folder / LOCK_NAME, _json(sealed))


def set_strange_aside(folder: Path) -> str:
    """Make ``folder`` one whose lock can be believed: what is in it else goes into a folder there.

    Returns:
        What was found and done, for people; nothing where the lock is as it should be.
    """
    try:
        read_lock(folder)
    except BuildError as error:
        aside = _unused(folder)
        with disk_errors(folder):
            aside.mkdir()
            for path in list(folder.iterdir()):
                if not path.name.startswith((_ASIDE, LOCK_NAME)):
                    path.rename(aside / path.name)
            # At no moment the folder is without a lock, which says that it is fpgac's.
            shutil.copy(folder / LOCK_NAME, aside)
        write_lock(folder, Lock())
        (problem,) = error.problems
        return (
            f"{problem.what} ({problem.got}): all is made again, and what was there is in {aside}"
        )
    return ""


def _unused(folder: Path) -> Path:
    numbers = (f"{_ASIDE}{number}" for number in count(1))
    return next(folder / name for name in numbers if not (folder / name).exists())


def _parsed(text: bytes) -> tuple[Lock, str]:
    """A lock and its seal.

    Raises:
        ValueError, RecursionError: they are none.
    """
    table = json.loads(text)
    if not isinstance(table, dict) or table.get("version") != VERSION:
        found = table.get("version") if isinstance(table, dict) else table
        raise ValueError(f"version {shown(found)} instead of {VERSION}")
    lock: Lock = from_plain(Lock, {key: part for key, part in table.items() if key != _SEAL})
    given = table.get(_SEAL, "")
    return lock, given if isinstance(given, str) and given.isascii() else ""


def _text(lock: Lock) -> bytes:
    """What a seal is of: all but the times, which are for people alone."""
    stages = {name: replace(record, seconds=0.0) for name, record in lock.stages.items()}
    steps = {name: replace(record, seconds=0.0) for name, record in lock.steps.items()}
    return _json(to_plain(replace(lock, stages=stages, steps=steps)))


def _json(plain: object) -> bytes:
    return json.dumps(plain, indent=1, sort_keys=True).encode() + b"\n"


def _refused(path: Path, got: str, key: str = "") -> BuildError:
    return BuildError(
        Problem(
            "the folder's lock cannot be believed",
            Where(path, key=key),
            got=got,
            hint="fpgac compile makes the folder again",
            code="build.bad-lock",
        )
    )
