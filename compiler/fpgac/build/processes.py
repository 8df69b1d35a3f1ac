"""Child processes: what they say, how they ended, and that none outlives its purpose."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

__all__ = [
    "CommandError",
    "ending",
    "inherited_environment",
    "last_lines",
    "output_of",
    "session",
]

# What in a user's environment makes Python programs do something else than they were written for.
_PYTHON_SWITCHES: Final = frozenset(
    f"PYTHON{name}"
    for name in ("DEBUG", "DEVMODE", "INSPECT", "OPTIMIZE", "STARTUP", "VERBOSE", "WARNINGS")
)


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
    options = {
        "cwd": cwd,
        "env": None if environment is None else dict(environment),
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
    }
    try:
        with session(command, **options) as process, process.stdout or contextlib.nullcontext():
            said = process.communicate(timeout=timeout)[0].decode(errors="replace")
    except OSError as error:
        raise CommandError(f"{name} cannot be started", error.strerror or str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{name} did not end within {timeout:g} seconds") from error
    if check and process.returncode:
        raise CommandError(f"{name} ended with {ending(process.returncode)}", said)
    return said


def inherited_environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that a child takes over, ``given`` or this process's: without switches that
    change what Python programs do.
    """
    environment = os.environ if given is None else given
    return {name: value for name, value in environment.items() if name not in _PYTHON_SWITCHES}


@contextlib.contextmanager
def session(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, which the terminal's Ctrl-C does not reach.

    ``options`` are those of :class:`subprocess.Popen`. When the block ends, in whatever way, the
    process and all that it started are gone; likewise when this process is killed.

    Raises:
        OSError: it cannot be started.
    """
    words = [str(part) for part in command]
    _require_program(words[0], options.get("cwd"), options.get("env"))
    guard = _guard(os.getpid())
    entry = ["/bin/sh", "-c", _ENTER, f"/proc/{os.getpid()}/fd/{guard}"]
    process = subprocess.Popen([*entry, *words], start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.write(guard, f"- {process.pid}\n".encode())


# A session's process tells the guard of itself before it becomes the program: nothing can be
# killed in between that the guard does not know of.
_ENTER: Final = 'echo "+ $$" > "$0" && exec "$@"'

# Reads which sessions begin and end; the pipe is at its end when who wrote to it is gone.
# It is nobody's child, so that nobody waits for it.
_GUARD: Final = """
exec 3<&0
{
    live=" "
    while read -r sign group; do
        case $sign in
        +) live="$live$group " ;;
        *) live="${live%%" $group "*} ${live#*" $group "}" ;;
        esac
    done
    for group in $live; do kill -s KILL -- "-$group"; done
} <&3 &
"""


@lru_cache(maxsize=1)
def _guard(process: int) -> int:
    """The pipe to a guard, which ends all sessions of this ``process`` should it be killed.

    Its other end stays open here too, so that nobody waits for a guard that somebody has ended.
    """
    reading, writing = os.pipe()
    subprocess.run(
        ["/bin/sh", "-c", _GUARD],
        stdin=reading,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=True,
    )
    return writing


def _require_program(name: str, folder: Path | None, environment: Mapping[str, str] | None) -> None:
    """
    Raises:
        OSError: there is no such program.
    """
    path = (os.environ if environment is None else environment).get("PATH")
    place = str(Path(folder or "", name)) if "/" in name else name
    if shutil.which(place, path=path) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


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
