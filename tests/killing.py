"""Kills a program of fpgac's at its nth system call that changes files or starts something.

``python -m tests.killing N WHOM PROGRAM...`` runs a Python program, and kills it just before that
call: ``parent`` alone, or its whole ``group``. It says how many such calls there were if it lives.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from typing import Any, Final

__all__ = ["CALLS"]

# Python's audit events, each raised before the call.
CALLS: Final = frozenset(
    (
        *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.truncate"),
        *("os.utime", "fcntl.flock", "subprocess.Popen", "shutil.rmtree", "tempfile.mkdtemp"),
    )
)


def main() -> None:
    """See the module."""
    at, whom, program = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    calls = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal calls
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if event in CALLS or writes:
            calls += 1
            if calls == at:
                whole = whom == "group"
                (os.killpg if whole else os.kill)(0 if whole else os.getpid(), signal.SIGKILL)

    sys.argv = sys.argv[3:]
    sys.addaudithook(watch)
    try:
        if program.endswith(".py"):
            runpy.run_path(program, run_name="__main__")
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
    finally:
        sys.stderr.write(f"calls: {calls}\n")


if __name__ == "__main__":
    main()
