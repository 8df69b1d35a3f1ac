"""How far a tool of hours is: what the end of its log says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Sight", "duration_text", "read_duration", "seen_in"]

# How much of a log's end is looked at: tools write megabytes.
_TAIL_BYTES: Final = 1 << 16
_LINE_WIDTH: Final = 72
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Sight:
    """What is known of a running tool: its phase, and the last line that it wrote."""

    phase: str = ""
    last_line: str = ""


def seen_in(log: Path, phases: Iterable[str], before: Sight) -> Sight:
    """What the end of ``log`` says; the phase of ``before`` stays where no later one began.

    ``phases`` are regular expressions of a line, whose first group is the phase's name.
    """
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        return before
    known = [re.compile(phase) for phase in phases]
    found = (match[1] for line in reversed(lines) for each in known if (match := each.search(line)))
    written = (line.strip() for line in reversed(lines) if line.strip())
    return Sight(next(found, before.phase), next(written, before.last_line)[:_LINE_WIDTH])


def duration_text(seconds: float) -> str:
    """A time as people write it.

    >>> [duration_text(seconds) for seconds in (5, 125, 7320)]
    ['5 s', '2 min', '2 h 02 min']
    """
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours:
        return f"{hours} h {minutes % 60:02} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def read_duration(text: str) -> int:
    """Seconds of such as ``90m`` or ``1h30m``.

    Raises:
        ValueError: it is no time, or none at all.

    >>> read_duration("1h30m")
    5400
    """
    parts = re.fullmatch(r"(?:\d{1,6}[smhd])+", text)
    seconds = sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhd])", text))
    if parts is None or seconds == 0:
        raise ValueError(text)
    return seconds
