"""fpgac's own launchers: hosts behind ssh, SLURM, HTCondor and containers, by their commands."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import tarfile
from pathlib import Path
from typing import ClassVar, Final

from fpgac.build.batch import (
    JOBS,
    Batch,
    after_setup,
    archive_of,
    code_of,
    packing,
    script_of,
)
from fpgac.build.folder import write_whole
from fpgac.build.launcher import Launcher, Local, Place, Task, executable
from fpgac.build.plan import Step
from fpgac.build.processes import CommandError, last_lines, output_of
from fpgac.build.site import Site
from fpgac.errors import Problem, ToolchainError

__all__ = ["BUILT_IN", "Container", "HTCondor", "Slurm", "Ssh"]


class Ssh(Batch):
    """A host that ssh reaches, without a password: each step is a process of its own there."""

    name = "ssh"
    description = "on a host behind ssh: --on ssh://user@host:port/folder"
    takes_address = True

    def submit(self, site: Site, task: Task) -> str:
        """See :meth:`Batch.submit`; the number is that of a process group."""
        script = shlex.quote(script_of(task.step))
        return site.ask(f"setsid bash {script} < /dev/null > /dev/null 2>&1 & echo $!").strip()

    def state(self, site: Site, number: str) -> str | None:
        """See :meth:`Batch.state`."""
        group = shlex.quote(f"-{number}")
        alive = site.ask(f"if kill -s 0 -- {group} 2>/dev/null; then echo yes; fi")
        return "" if alive.strip() else None

    def cancel(self, site: Site, number: str) -> None:
        """See :meth:`Batch.cancel`."""
        site.ask(f"kill -s TERM -- {shlex.quote(f'-{number}')} 2>/dev/null || true")


class _Queue(Batch):
    """A batch system, whose commands are called here or, with the option ``host``, behind ssh."""

    passes_on = True
    program: ClassVar[str]
    options: ClassVar = {
        **Batch.options,
        "host": "the host behind ssh whose batch system it is; by default this machine",
    }
    #: What an option that is handed on may be called.
    option_name: ClassVar[re.Pattern[str]]

    def check(self, place: Place) -> None:
        """See :meth:`Launcher.check`."""
        super().check(place)
        for name in sorted(self.handed_on(place)):
            if self.option_name.fullmatch(name) is None:
                raise ToolchainError(
                    Problem(
                        f"{self.program} has no option of such a name",
                        got=name,
                        code="toolchain.launcher-option",
                    )
                )
        if not place.options.get("host"):
            executable(self.program)

    def handed_on(self, place: Place) -> dict[str, str]:
        """The options that are not the launcher's own."""
        return {name: said for name, said in place.options.items() if name not in self.options}


class Slurm(_Queue):
    """SLURM: sbatch, squeue, sacct and scancel; the nodes see the build folder at the same path."""

    name = "slurm"
    description = "by SLURM; --on-option partition=fpga is handed on as sbatch --partition=fpga"
    program = "sbatch"
    option_name = re.compile(r"[a-z][a-z0-9-]*")

    def submit(self, site: Site, task: Task) -> str:
        """See :meth:`Batch.submit`."""
        given = [f"--{name}={said}" for name, said in self.handed_on(task.place).items()]
        own = ["--parsable", f"--job-name=fpgac-{task.step.label}", "--output=/dev/null"]
        said = site.ask(f'sbatch --chdir="$PWD" {shlex.join([*own, *given, script_of(task.step)])}')
        return said.strip().partition(";")[0]

    def state(self, site: Site, number: str) -> str | None:
        """See :meth:`Batch.state`."""
        question = shlex.join(["squeue", "--noheader", "--format=%T", f"--jobs={number}"])
        # squeue knows no more of a job some minutes after its end, and says so by its exit code.
        said = site.ask(f"{question} 2>/dev/null || true").strip().lower()
        return {"": None, "running": "", "pending": "queued"}.get(said, said)

    def ending_of(self, site: Site, number: str) -> str:
        """See :meth:`Batch.ending_of`."""
        columns = ["--noheader", "--parsable2", "--allocations", "--format=State"]
        said = site.ask(f"{shlex.join(['sacct', *columns, f'--jobs={number}'])} || true")
        return said.strip().partition("\n")[0]

    def cancel(self, site: Site, number: str) -> None:
        """See :meth:`Batch.cancel`."""
        site.ask(shlex.join(["scancel", number]))


class HTCondor(_Queue):
    """HTCondor: condor_submit, condor_q and condor_rm; files go with the job and come back."""

    name = "htcondor"
    description = "by HTCondor; --on-option request_memory=64GB is a line of the submit file"
    program = "condor_submit"
    option_name = re.compile(r"[+A-Za-z_][\w.]*")

    def submit(self, site: Site, task: Task) -> str:
        """See :meth:`Batch.submit`."""
        label, given = task.step.label, f"{JOBS}/{task.step.label}.in.tar"
        with tarfile.open(task.folder / given, "w") as archive:
            for path in task.step.inputs:
                archive.add(task.folder / path, path, recursive=False)
        lines = {
            "universe": "vanilla",
            "executable": script_of(task.step),
            "transfer_input_files": given,
            "transfer_output_files": f"{label}.tar",
            "transfer_output_remaps": f'"{label}.tar = {archive_of(task.step)}"',
            "should_transfer_files": "YES",
            "when_to_transfer_output": "ON_EXIT",
            "log": _events_of(task.step),
            **self.handed_on(task.place),
        }
        text = "".join(f"{key} = {said}\n" for key, said in lines.items())
        submit = f"{JOBS}/{label}.sub"
        write_whole(task.folder / submit, f"{text}queue\n".encode())
        site.put(task.folder, [given, submit])
        return site.ask(shlex.join(["condor_submit", "-terse", submit])).split()[0]

    def before(self, task: Task) -> list[str]:
        """See :meth:`Batch.before`: the job begins in an empty folder of the pool's."""
        return [f"tar -xf {shlex.quote(f'{task.step.label}.in.tar')}"]

    def after(self, site: Site, task: Task) -> list[str]:
        """See :meth:`Batch.after`."""
        code, step = code_of(task.step), task.step
        packed = shlex.join(["mv", archive_of(step), f"{step.label}.tar"])
        return [shlex.join(["mv", f"{code}.new", code]), packing(task, [code]), packed]

    def look(self, site: Site, task: Task) -> int | None:
        """See :meth:`Batch.look`: event 005 of the job's log says that all is back."""
        ended = f"grep -qs '^005 ' {shlex.quote(_events_of(task.step))}"
        code = shlex.join(["tar", "-xOf", archive_of(task.step), code_of(task.step)])
        said = site.ask(f"if {ended}; then {code}; fi").strip()
        return int(said) if said else None

    def collect(self, site: Site, task: Task) -> None:
        """See :meth:`Batch.collect`."""
        site.get(task.folder, archive_of(task.step))

    def state(self, site: Site, number: str) -> str | None:
        """See :meth:`Batch.state`."""
        question = ["condor_q", number, "-autoformat", "JobStatus", "HoldReason"]
        status, _, reason = site.ask(shlex.join(question)).strip().partition(" ")
        known = {"": None, "1": "queued", "2": "", "5": f"held: {reason}"}
        return known.get(status, "ending")

    def ending_of(self, site: Site, number: str) -> str:
        """See :meth:`Batch.ending_of`."""
        question = ["condor_history", number, "-limit", "1", "-autoformat", "RemoveReason"]
        return site.ask(f"{shlex.join(question)} || true").strip()

    def cancel(self, site: Site, number: str) -> None:
        """See :meth:`Batch.cancel`."""
        site.ask(shlex.join(["condor_rm", number]))


def _events_of(step: Step) -> str:
    """HTCondor's own log of the job."""
    return f"{JOBS}/{step.label}.condor"


class Container(Local):
    """A container on this machine, by podman or docker, with the build folder at its own path."""

    name = "container"
    description = "in a container: --on-option image=NAME"
    options: ClassVar = {
        "image": "the image with the vendor's tools, or with what they need",
        "engine": "podman or docker; by default the one that is there",
        "volume": "folders to mount at their own path, separated by commas",
        "environment": "variables to hand on, separated by commas",
        "setup": "a script that bash sources before each step, such as settings64.sh",
    }

    def check(self, place: Place) -> None:
        """See :meth:`Launcher.check`."""
        super().check(place)
        if not place.options.get("image"):
            raise ToolchainError(
                Problem(
                    "a container needs an image",
                    expected="--on-option image=NAME",
                    code="toolchain.launcher-option",
                )
            )
        self._engine(place)

    def is_elsewhere(self, place: Place) -> bool:
        """See :meth:`Launcher.is_elsewhere`."""
        return True

    def planned_there(self, place: Place, folder: Path, mode: str) -> list[list[str]]:
        """See :meth:`Launcher.planned_there`."""
        command = self._within(place, folder, ("bash", "scripts/build.sh", "--dry-run", mode))
        try:
            said = output_of(command, timeout=_SECONDS)
        except CommandError as error:
            raise ToolchainError(
                Problem(
                    "the container is not ready to build",
                    got=last_lines(error.said or error.what, 3),
                    hint="does the image hold the vendor's tools, or a volume, and is setup set?",
                    code="toolchain.site-not-ready",
                )
            ) from None
        return [shlex.split(line) for line in said.splitlines() if line.strip()]

    def identity(self, place: Place, folder: Path, step: Step) -> str:
        """See :meth:`Launcher.identity`."""
        command = self._within(place, folder, (step.command[0], "--version"))
        try:
            return output_of(command, timeout=_SECONDS, check=False).strip().partition("\n")[0]
        except CommandError:
            return "unknown"

    def run(self, task: Task) -> int:
        """See :meth:`Launcher.run`."""
        task.clear()
        name = f"fpgac-{task.key[:16]}"
        given = [f"{key}={said}" for key, said in task.step.environment.items()]
        command = ("env", *given, *task.step.command) if given else task.step.command
        within = self._within(task.place, task.folder, task.within_limit(command), name)
        try:
            return self.in_session(task, within)
        finally:  # to end its client is not to end a container
            with contextlib.suppress(CommandError):
                remove = (self._engine(task.place), "rm", "--force", name)
                output_of(remove, timeout=_SECONDS, check=False)

    def _engine(self, place: Place) -> str:
        wanted = place.options.get("engine")
        found = next(filter(None, map(shutil.which, ("podman", "docker"))), None)
        return executable(wanted) if wanted else found or executable("podman")

    def _within(
        self, place: Place, folder: Path, command: tuple[str, ...], name: str = ""
    ) -> tuple[str, ...]:
        """The call that runs ``command`` in a new container, in the build folder."""
        options, here = place.options, str(folder.absolute())
        mounted = [here, *filter(None, options.get("volume", "").split(","))]
        handed = filter(None, options.get("environment", "").split(","))
        return (
            *(self._engine(place), "run", "--rm", "--init", "--workdir", here),
            *(("--name", name) if name else ()),
            *("--user", f"{os.getuid()}:{os.getgid()}"),
            *(word for path in mounted for word in ("--volume", f"{path}:{path}")),
            *(word for variable in handed for word in ("--env", variable)),
            *(options["image"], "sh", "-c", after_setup(place, f"exec {shlex.join(command)}")),
        )


# For a question to a container's engine, which may fetch the image first.
_SECONDS: Final = 600

#: What comes with fpgac.
BUILT_IN: Final[tuple[type[Launcher], ...]] = (Local, Ssh, Slurm, HTCondor, Container)
