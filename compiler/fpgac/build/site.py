"""The machine that takes jobs: this one, or one behind ssh; its shell, and files there and back."""

from __future__ import annotations

import os
import shlex
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fpgac.build.processes import ending, last_lines, session

__all__ = ["Site", "SiteError"]

# For one question to a machine, and for files there or back.
_SECONDS: Final = 120
_CARRYING_SECONDS: Final = 6 * 3600
# Nobody is asked for a password while a build waits, and a dead connection is noticed.
_SSH: Final = (
    *("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"),
    *("-o", "ServerAliveInterval=15"),
)
# How ssh ends where it did not reach the host.
_UNREACHED: Final = 255


class SiteError(Exception):
    """A command did not end well there; ``unreached`` is set where nobody knows whether it ran."""

    def __init__(self, said: str, *, unreached: bool = False) -> None:
        super().__init__(said)
        self.unreached = unreached


@dataclass(frozen=True)
class Site:
    """A build folder on a machine: ``host`` is empty for this one, where ``folder`` is the build's
    own; else it is a path there, below the home unless it is absolute.
    """

    folder: str
    host: str = ""
    port: str = ""

    @property
    def is_here(self) -> bool:
        """Whether the folder is the build's own, so that nothing need be carried."""
        return not self.host

    def ask(self, script: str) -> str:
        """What ``script``, of a POSIX shell, writes in the folder there.

        Raises:
            SiteError: it did not end well.
        """
        with tempfile.TemporaryFile() as out:
            self._call(script, subprocess.DEVNULL, out, _SECONDS)
            out.seek(0)
            return out.read().decode(errors="replace")

    def put(self, folder: Path, paths: Iterable[str]) -> None:
        """Copy the files at ``paths`` of the build ``folder`` there; not where that is here.

        Raises:
            SiteError: that failed.
        """
        if self.is_here:
            return
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                for path in dict.fromkeys(paths):
                    archive.add(folder / path, path, recursive=False)
            packed.seek(0)
            self._call("tar -xf -", packed, subprocess.DEVNULL, _CARRYING_SECONDS)

    def get(self, folder: Path, archive: str) -> None:
        """Unpack ``archive``, a tar there, into the build ``folder``.

        Raises:
            SiteError: that failed.
        """
        with tempfile.TemporaryFile() as packed:
            script = f"cat {shlex.quote(archive)}"
            self._call(script, subprocess.DEVNULL, packed, _CARRYING_SECONDS)
            packed.seek(0)
            with tarfile.open(fileobj=packed) as found:
                found.extractall(folder, filter="data")

    def _call(self, script: str, given: object, out: object, seconds: float) -> None:
        there = shlex.quote(self.folder)
        # In braces: what the script puts into the background is its own last command alone.
        text = f"mkdir -p {there} && cd {there} && {{ {script}; }}"
        port = ("-p", self.port) if self.port else ()
        remote = (*_SSH, *port, "--", self.host, shlex.join(["sh", "-c", text]))
        command = ["sh", "-c", text] if self.is_here else [*remote]
        with tempfile.TemporaryFile() as said:
            streams = {"stdin": given, "stdout": out, "stderr": said}
            try:
                with session(command, env=dict(os.environ), **streams) as process:
                    code = process.wait(timeout=seconds)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SiteError(str(error), unreached=True) from error
            if code:
                said.seek(0)
                words = last_lines(said.read().decode(errors="replace"), 3)
                unreached = bool(self.host) and code == _UNREACHED
                raise SiteError(words or ending(code), unreached=unreached)
