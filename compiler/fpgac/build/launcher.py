"""Where the steps of a vendor's toolchain run: each goes through a launcher.

Where a step runs decides nothing of what it makes, so that no spec and no key names a launcher.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

from fpgac.build.folder import disk_errors
from fpgac.build.plan import Step
from fpgac.build.processes import CommandError, inherited_environment, output_of, session
from fpgac.errors import Problem, ToolchainError, nearest

__all__ = ["LOCAL", "Ending", "Launch", "Launcher", "Local", "Place", "StepEndedError", "Task"]


class StepEndedError(Exception):
    """The step is to end: another one failed, or the user asked for it."""


class Ending:
    """Whether a step is to end: set by one thread, heard by the one that waits for the step."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._calls: list[Callable[[], None]] = []

    def end(self) -> None:
        """Let the step end soon."""
        with self._lock:
            self._event.set()
            for call in self._calls:
                call()

    @contextlib.contextmanager
    def by(self, call: Callable[[], None]) -> Iterator[None]:
        """While the block runs, ``call`` ends what it waits for.

        Raises:
            StepEndedError: the step is to end already.
        """
        with self._lock:
            if self._event.is_set():
                raise StepEndedError
            self._calls.append(call)
        try:
            yield
        finally:
            with self._lock:
                self._calls.remove(call)

    def wait(self, seconds: float) -> None:
        """Wait for ``seconds``.

        Raises:
            StepEndedError: the step is to end.
        """
        if self._event.wait(seconds):
            raise StepEndedError


@dataclass(frozen=True)
class Place:
    """What follows ``--on``, and its options: ``ssh://host`` has the address ``host``."""

    address: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """A step to run in a build folder.

    ``key`` is the digest of all that decides what it makes. ``kept`` are patterns of files, such as
    reports, that are wanted beside its outputs. It has ``limit`` seconds, where that is not 0;
    ``tell`` hears of what can be said of it in a word, such as that it is queued.
    """

    step: Step
    folder: Path
    key: str
    place: Place = field(default_factory=Place)
    kept: tuple[str, ...] = ()
    limit: int = 0
    ending: Ending = field(default_factory=Ending)
    tell: Callable[[str], None] = lambda _: None

    @property
    def log(self) -> Path:
        """The file that takes what the step's tools write."""
        return self.folder / self.step.log

    def within_limit(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """``command`` under the step's limit of time, by coreutils."""
        limit = ("timeout", "--kill-after=30", str(self.limit)) if self.limit else ()
        return (*limit, *command)

    def clear(self) -> None:
        """Make room for the outputs and the log."""
        with disk_errors(self.folder):
            for path in (self.log, *(self.folder / name for name in self.step.outputs)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)


class Launcher(ABC):
    """One way to run steps, by its name after ``--on``; it holds no state.

    A site brings its own through the hook ``fpgac_launchers``: every step of every toolchain can go
    through it. Only those whose ``passes_on`` is true take options beside ``options``.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    #: What ``--on-option`` can set, each with a line about it.
    options: ClassVar[Mapping[str, str]] = {}
    #: Whether other options are handed on, as to a batch system.
    passes_on: ClassVar[bool] = False
    #: Whether the name is followed by an address: ``ssh://host``.
    takes_address: ClassVar[bool] = False

    def check(self, place: Place) -> None:
        """Refuse what cannot be, before anything is done.

        Raises:
            ToolchainError: an address or an option that the launcher does not take, or the lack
                of one, or of a program that it calls.
        """
        if bool(place.address) != self.takes_address:
            wanted = f"{self.name}://HOST" if self.takes_address else self.name
            article = "an" if self.takes_address else "no"
            raise ToolchainError(
                Problem(
                    f"the launcher {self.name} takes {article} address",
                    expected=f"--on {wanted}",
                    code="toolchain.launcher-address",
                )
            )
        unknown = [] if self.passes_on else sorted(set(place.options) - set(self.options))
        if unknown:
            raise ToolchainError(
                Problem(
                    f"the launcher {self.name} has no option {unknown[0]!r}",
                    hint=nearest(unknown[0], self.options),
                    code="toolchain.launcher-option",
                )
            )

    def is_elsewhere(self, place: Place) -> bool:
        """Whether the tools are those of another machine, which :meth:`planned_there` asks."""
        return False

    def planned_there(self, place: Place, folder: Path, mode: str) -> list[list[str]]:
        """The commands of ``scripts/build.sh --dry-run`` on the machine that runs the steps.

        Raises:
            ToolchainError: the script misses something there.
        """
        raise NotImplementedError

    def identity(self, place: Place, folder: Path, step: Step) -> str:
        """What of the step's tool decides its output: by default what it says of its version."""
        return tool_identity(step.command[0], step.environment.get("PATH"))

    @abstractmethod
    def run(self, task: Task) -> int:
        """Run the step of ``task``; log and outputs are in its folder when this returns.

        :meth:`Task.clear` makes the folders of both and takes away what lies there.

        Returns:
            The exit code, negative for a signal.

        Raises:
            StepEndedError: by ``task.ending``; the step has been ended then.
            FpgacError: the step could not be run.
        """


class Local(Launcher):
    """This machine, each step in a session of its own, which ends with fpgac."""

    name = "local"
    description = "on this machine"

    def run(self, task: Task) -> int:
        """See :meth:`Launcher.run`."""
        step = task.step
        command = (executable(step.command[0], step.environment.get("PATH")), *step.command[1:])
        task.clear()
        return self.in_session(task, task.within_limit(command))

    def in_session(self, task: Task, command: tuple[str, ...]) -> int:
        """Run ``command`` for ``task``, with its log."""
        environment = {**inherited_environment(), **task.step.environment}
        with contextlib.ExitStack() as stack:
            stack.enter_context(disk_errors(task.log))
            log = stack.enter_context(task.log.open("wb"))
            # The folder's lock is inherited: it lasts while anything writes there.
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
            process = stack.enter_context(
                session(command, cwd=task.folder, env=environment, close_fds=False, **options)
            )

            def kill() -> None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

            stack.enter_context(task.ending.by(kill))
            return process.wait()


@dataclass(frozen=True)
class Launch:
    """How the steps of a plan are run: by which launcher, where, and for how long each."""

    launcher: Launcher = field(default_factory=Local)
    place: Place = field(default_factory=Place)
    limit: int = 0
    kept: tuple[str, ...] = ()


LOCAL: Final = Launch()


@lru_cache
def tool_identity(tool: str, path: str | None) -> str:
    """What of a tool decides its output: its version's first line; fpgac's own is in its inputs."""
    if tool == "python":
        return sys.version
    try:
        said = output_of([executable(tool, path), "--version"], timeout=60, check=False)
    except (CommandError, ToolchainError):
        return "unknown"
    return said.strip().partition("\n")[0]


def executable(tool: str, path: str | None = None) -> str:
    """The interpreter that runs fpgac for ``python``; else what PATH says.

    Raises:
        ToolchainError: there is none.
    """
    if tool == "python":
        return sys.executable
    found = shutil.which(tool, path=path)
    if found is None:
        raise ToolchainError(
            Problem(
                f"{tool} was not found on PATH",
                hint=_INSTALL.get(tool, f"install {tool}"),
                code="toolchain.no-tool",
            )
        )
    return found


_INSTALL: Final = {
    "g++": "apt install g++",
    "v++": "source Vitis's settings64.sh, or set XILINX_VITIS",
    **dict.fromkeys(
        ("sbatch", "condor_submit"), "name a host behind ssh that has it: --on-option host=HOST"
    ),
}
