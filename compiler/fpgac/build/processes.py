"""Child processes: what they say, how they ended, and that none outlives its purpose."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["CommandError", "ending", "last_lines", "output_of", "session"]


class CommandError(Exception):
    """A command did not run, or not well; ``said`` is what it wrote, or why it did not start."""

    def __init__(self, what: str, said: str = "") -> None:
        super().__init__(f"{what}: {said}" if said else what)
        self.what, self.said = what, said


def output_of(
    command: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
) -> str:
    """What ``command`` writes to both streams, within ``timeout`` seconds.

    Without ``check`` it may end as it likes.

    Raises:
        CommandError: it cannot be started, takes too long, or ends with another exit code than 0.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise CommandError(f"{name} cannot be started", error.strerror or str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{name} did not end within {timeout:g} seconds") from error
    if check and done.returncode:
        raise CommandError(f"{name} ended with {ending(done.returncode)}", done.stdout)
    return done.stdout


@contextlib.contextmanager
def session(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, which the terminal's Ctrl-C does not reach.

    ``options`` are those of :class:`subprocess.Popen`. When the block ends, in whatever way, the
    process and all that it started are gone.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen([str(part) for part in command], start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ending(code: int) -> str:
    """How a process ended: ``exit code 3``, or ``SIGSEGV`` for -11."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"


def last_lines(text: str, count: int = 15) -> str:
    """The last lines of a log that say something."""
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-count:])
