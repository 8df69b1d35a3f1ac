"""What ends a host: one line for the user, and the exit code."""

from __future__ import annotations

__all__ = [
    "BAD_CARD",
    "BAD_COMMAND_LINE",
    "BAD_FILE",
    "BAD_PROGRAM",
    "BAD_RUN",
    "INTERRUPTED",
    "HostError",
]

BAD_COMMAND_LINE, BAD_FILE, BAD_CARD, BAD_PROGRAM, BAD_RUN, INTERRUPTED = 2, 3, 4, 5, 6, 130


class HostError(Exception):
    """What ends the program: one line for the user, and the exit code."""

    def __init__(self, exit_code: int, text: str) -> None:
        super().__init__(" ".join(text.split()))
        self.exit_code = exit_code
