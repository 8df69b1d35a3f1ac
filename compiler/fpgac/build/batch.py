"""Steps as jobs: what has been handed over goes on without fpgac, which finds it again."""

from __future__ import annotations

import json
import re
import shlex
import time
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

from fpgac.build.folder import disk_errors, write_whole
from fpgac.build.launcher import Launcher, Place, StepEndedError, Task
from fpgac.build.plan import Step
from fpgac.build.site import Site, SiteError
from fpgac.digest import digest_bytes
from fpgac.errors import BuildError, Problem, ToolchainError, Where

__all__ = [
    "JOBS",
    "Batch",
    "Job",
    "after_setup",
    "archive_of",
    "code_of",
    "packing",
    "script_of",
]

#: Where a build folder keeps its jobs: a script, a record and an exit code each.
JOBS: Final = "jobs"

# How often a job is asked for, and for how long a machine may be out of reach.
_POLL_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 3600.0
# A batch system may forget a job before a network's file system shows what it left.
_LOOKS_WHEN_GONE: Final = 3

_HOST: Final = re.compile(
    r"(?P<host>[A-Za-z0-9_][\w.@-]*)(?::(?P<port>\d+))?(?:/(?P<folder>[\w./-]*))?", re.ASCII
)


@dataclass(frozen=True)
class Job:
    """A step that was handed over: its number there, and what it is of."""

    number: str
    key: str
    launcher: str
    address: str


class Batch(Launcher):
    """A launcher whose jobs go on alone: on a host behind ssh, or in a batch system.

    The job's number is kept in the build folder; a later run of the same step waits for that job.
    A subclass submits, asks and cancels; it runs commands through the :class:`Site` of a place.
    """

    options: ClassVar = {
        "setup": "a script that bash sources before each step, such as settings64.sh",
        "poll": "seconds between two questions about a job",
    }

    @abstractmethod
    def submit(self, site: Site, task: Task) -> str:
        """Hand over the job of ``task``, whose script lies at :func:`script_of`; its number."""

    @abstractmethod
    def state(self, site: Site, number: str) -> str | None:
        """What the job does, such as ``queued``; empty while it runs, None where it is gone."""

    @abstractmethod
    def cancel(self, site: Site, number: str) -> None:
        """End the job."""

    def ending_of(self, site: Site, number: str) -> str:
        """Why a job is gone without a result, in a word; empty where nobody knows."""
        return ""

    def site(self, place: Place, folder: Path) -> Site:
        """The machine that takes the jobs of the build in ``folder``."""
        where = place.address or place.options.get("host", "")
        if not where:
            return Site(str(folder.absolute()))
        match = _HOST.fullmatch(where)
        if match is None:
            raise ToolchainError(
                Problem(
                    "this is no host",
                    expected="such as user@host, host:22 or host/folder",
                    got=where,
                    code="toolchain.launcher-address",
                )
            )
        own = f"{folder.name}-{digest_bytes(str(folder.absolute()).encode())[:12]}"
        below = f"/{match['folder']}" if match["folder"] else "fpgac"
        return Site(f"{below}/{own}", match["host"], match["port"] or "")

    def is_elsewhere(self, place: Place) -> bool:
        """See :meth:`Launcher.is_elsewhere`."""
        return bool(place.address or place.options.get("host"))

    def planned_there(self, place: Place, folder: Path, mode: str) -> list[list[str]]:
        """See :meth:`Launcher.planned_there`."""
        site, script = self.site(place, folder), "scripts/build.sh"
        command = ["bash", script, "--dry-run", mode]
        try:
            site.put(folder, [script])
            said = site.ask(after_setup(place, shlex.join(command)))
        except SiteError as error:
            raise ToolchainError(
                Problem(
                    f"{site.host} is not ready to build",
                    got=str(error),
                    hint="name a script that makes the vendor's tools known there: "
                    "--on-option setup=FILE",
                    code="toolchain.site-not-ready",
                )
            ) from None
        return [shlex.split(line) for line in said.splitlines() if line.strip()]

    def identity(self, place: Place, folder: Path, step: Step) -> str:
        """See :meth:`Launcher.identity`: the tool that is meant is the one there."""
        if not self.is_elsewhere(place):
            return super().identity(place, folder, step)
        site, question = self.site(place, folder), shlex.join([step.command[0], "--version"])
        try:
            return _first_line(site, after_setup(place, f"{question} 2>&1 < /dev/null || true"))
        except SiteError as error:
            raise _unreachable(site, error) from None

    def run(self, task: Task) -> int:
        """See :meth:`Launcher.run`."""
        site = self.site(task.place, task.folder)
        try:
            job = _known(task, self.name) or self._handed_over(site, task)
            return self._finished(site, task, job)
        except SiteError as error:
            raise _unreachable(site, error) from None

    def _handed_over(self, site: Site, task: Task) -> Job:
        task.clear()
        (task.folder / JOBS).mkdir(exist_ok=True)
        script = script_of(task.step)
        write_whole(task.folder / script, self.script(site, task).encode())
        site.put(task.folder, [*task.step.inputs, script])
        left = (f"{JOBS}/{task.step.label}.{suffix}" for suffix in ("code", "tar", "condor"))
        site.ask(f"rm -f {shlex.join(left)}")
        job = Job(self.submit(site, task), task.key, self.name, task.place.address)
        with disk_errors(task.folder):
            write_whole(_record(task), json.dumps(vars(job)).encode())
        return job

    def _finished(self, site: Site, task: Task, job: Job) -> int:
        """Wait for the job; its exit code, once what it made is here."""
        try:
            code = self._awaited(site, task, job)
        except StepEndedError:
            _record(task).unlink(missing_ok=True)
            self.cancel(site, job.number)
            raise
        self.collect(site, task)
        _record(task).unlink(missing_ok=True)
        return code

    def collect(self, site: Site, task: Task) -> None:
        """Bring what the job made into the build folder."""
        if not site.is_here:
            site.get(task.folder, archive_of(task.step))

    def _awaited(self, site: Site, task: Task, job: Job) -> int:
        poll = float(task.place.options.get("poll", _POLL_SECONDS))
        reached, gone = time.monotonic(), 0
        while True:
            try:
                if (code := self.look(site, task)) is not None:
                    return code
                state = self.state(site, job.number)
                reached = time.monotonic()
                gone = gone + 1 if state is None else 0
                task.tell(state or "")
            except SiteError as error:
                if not error.unreached or time.monotonic() - reached > _PATIENCE_SECONDS:
                    raise
                task.tell(f"{site.host} is out of reach")
            if gone >= _LOOKS_WHEN_GONE:
                _record(task).unlink(missing_ok=True)
                raise self._lost(site, task, job)
            task.ending.wait(poll)

    def look(self, site: Site, task: Task) -> int | None:
        """The job's exit code, if it has ended; the new part of its log is taken on the way."""
        code, log = shlex.quote(code_of(task.step)), shlex.quote(task.step.log)
        known = task.log.stat().st_size if task.log.exists() else 0
        tail = "" if site.is_here else f"tail -c +{known + 1} {log} 2>/dev/null; "
        # The code is read before the log is: a log that is complete belongs to it.
        said = site.ask(f'code=$(cat {code} 2>/dev/null || true); echo "$code"; {tail}true')
        first, _, more = said.partition("\n")
        if more:
            with task.log.open("a") as stream:
                stream.write(more)
        return int(first) if first.strip() else None

    def _lost(self, site: Site, task: Task, job: Job) -> BuildError:
        why = self.ending_of(site, job.number)
        return BuildError(
            Problem(
                f"the job {job.number} of the step {task.step.name!r} ended without a result"
                + (f": {why}" if why else ""),
                Where(task.log),
                hint="its limits of time and memory are options: --on-option time=12:00:00, "
                "--on-option mem=64G",
                code="build.job-lost",
            )
        )

    def script(self, site: Site, task: Task) -> str:
        """What the job runs, in the build folder there: the step, and then its exit code."""
        step = task.step
        given = [f"export {name}={shlex.quote(said)}" for name, said in step.environment.items()]
        command, code = shlex.join(task.within_limit(step.command)), shlex.quote(code_of(step))
        made = list(dict.fromkeys(str(Path(path).parent) for path in (*step.outputs, step.log)))
        lines = [
            "#!/usr/bin/env bash",
            *self.before(task),
            f"mkdir -p {shlex.join([JOBS, *made])}",
            "(",
            *given,
            after_setup(task.place, f"exec {command}"),
            f") > {shlex.quote(step.log)} 2>&1 < /dev/null",
            f"echo $? > {code}.new",
            *self.after(site, task),
        ]
        return "\n".join(lines) + "\n"

    def before(self, task: Task) -> list[str]:
        """Lines of the script before the step."""
        return []

    def after(self, site: Site, task: Task) -> list[str]:
        """Lines of the script after the step: the exit code's file comes last of all."""
        code = shlex.quote(code_of(task.step))
        return [*([] if site.is_here else [packing(task)]), f"mv {code}.new {code}"]


@lru_cache
def _first_line(site: Site, script: str) -> str:
    return site.ask(script).strip().partition("\n")[0]


def script_of(step: Step) -> str:
    """The job's script, by its path in the build folder."""
    return f"{JOBS}/{step.label}.sh"


def code_of(step: Step) -> str:
    """The file with the exit code, which is there when the job has ended."""
    return f"{JOBS}/{step.label}.code"


def archive_of(step: Step) -> str:
    """The archive of what the job made."""
    return f"{JOBS}/{step.label}.tar"


def packing(task: Task, more: Iterable[str] = ()) -> str:
    """The line of bash that packs what the step made, its log, and what is kept beside them."""
    patterns = (*task.step.outputs, task.step.log, *more, *task.kept)
    quoted = " ".join(_quoted_pattern(pattern) for pattern in patterns)
    archive = shlex.quote(archive_of(task.step))
    return (
        f"shopt -s globstar nullglob; files=(); for file in {quoted}; do "
        f'if [[ -f $file ]]; then files+=("$file"); fi; done; tar -cf {archive} -- "${{files[@]}}"'
    )


def _quoted_pattern(pattern: str) -> str:
    """A pattern for bash: its stars and question marks mean something, and nothing else does."""
    parts = re.split(r"([*?]+)", pattern)
    return "".join(p if place % 2 else shlex.quote(p) for place, p in enumerate(parts) if p)


def after_setup(place: Place, command: str) -> str:
    """``command`` in a shell whose environment the site's script has set up."""
    if not (setup := place.options.get("setup")):
        return command
    return shlex.join(["bash", "-c", f". {shlex.quote(setup)} > /dev/null; {command}"])


def _record(task: Task) -> Path:
    return task.folder / JOBS / f"{task.step.label}.json"


def _known(task: Task, launcher: str) -> Job | None:
    """The job that an earlier run handed over for the very same, and left."""
    try:
        job = Job(**json.loads(_record(task).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    wanted = (task.key, launcher, task.place.address)
    return job if (job.key, job.launcher, job.address) == wanted else None


def _unreachable(site: Site, error: SiteError) -> BuildError:
    return BuildError(
        Problem(
            f"{site.host or 'the batch system'} does not answer",
            got=str(error),
            hint="run the same command again: a job that was handed over is found again",
            code="build.site-unreachable",
        )
    )
