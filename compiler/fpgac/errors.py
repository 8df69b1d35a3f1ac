"""Errors that a user can fix, each with a code, what, where, expected, got and a hint.

A :class:`FpgacError` carries one or more :class:`Problem` values; the command line prints them
without a traceback and exits with the class's ``exit_code``:

====  ==========================================================================
code  meaning
====  ==========================================================================
0     done
1     a defect of fpgac itself (with ``--debug``: a traceback)
2     the command line could not be understood
3     the spec: TOML syntax, unknown keys, impossible values
4     data: samples that cannot be read or do not fit the network
5     the trained network: damaged, or not the spec's topology
6     the core: hls4ml cannot lower it, or a number format cannot be represented
7     the target: unknown, or asked for what it does not offer
8     a tool is missing (g++, XRT, v++, TensorFlow, ...)
9     a build step failed, or the output folder cannot be used
10    the emulated card: the kernel crashed, or a host crashed, hung or refused
11    the proof: two engines gave different raw words
12    a plugin is broken
130   interrupted; 143 terminated
====  ==========================================================================

The code of a problem, such as ``spec.unknown-key``, names its kind for programs: an area, a point,
and words with hyphens. Codes stay when the prose gets better. ``docs/errors.md`` lists them all.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

__all__ = [
    "AREAS",
    "BuildError",
    "CoreError",
    "DataError",
    "EmulationError",
    "FpgacError",
    "NetworkError",
    "PluginError",
    "Problem",
    "ProofError",
    "SpecError",
    "TargetError",
    "ToolchainError",
    "UsageError",
    "Where",
    "closest",
    "nearest",
    "printable",
    "shown",
]

# What problems are about, as their codes begin, and the exit code of errors that hold them.
AREAS: Final[Mapping[str, int]] = {
    "fpgac": 1,
    "cli": 2,
    "spec": 3,
    "data": 4,
    "network": 5,
    "core": 6,
    "program": 6,
    "target": 7,
    "toolchain": 8,
    "build": 9,
    "card": 9,
    "emulation": 10,
    "host": 10,
    "proof": 11,
    "plugin": 12,
}

# Characters that a terminal obeys instead of showing, those that reorder or break lines, and
# halves of characters, which no terminal takes; new lines and tabs stay.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """``text`` with control characters written out.

    >>> printable("red: \\x1b[31m")
    'red: \\\\x1b[31m'
    """
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def shown(value: object, longest: int = 80) -> str:
    """A value as messages show it: in its own notation, and cut where it is long.

    >>> shown("text"), shown([1.5, True]), shown(float("inf"))
    ("'text'", '[1.5, true]', 'inf')
    """
    if isinstance(value, dict | list | tuple | bool):
        text = json.dumps(value, default=str, ensure_ascii=False)
    else:
        text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= longest else text[: longest - 3] + "..."


@dataclass(frozen=True)
class Where:
    """A place that a user can open: a file, its line (from 1) and the key in it."""

    file: Path | None = None
    line: int | None = None
    key: str = ""

    def __str__(self) -> str:
        place = str(self.file) if self.file else ""
        if place and self.line is not None:
            place += f":{self.line}"
        return printable(f"{place} [{self.key}]".strip() if self.key else place)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and how to fix it; ``code`` names its kind for programs."""

    what: str
    where: Where | None = None
    expected: str = ""
    got: str = ""
    hint: str = ""
    code: str = field(kw_only=True)

    @property
    def texts(self) -> dict[str, str]:
        """What is to be printed, by label, in order: where, what, expected, got, hint.

        What is empty is left out. Control characters, from a user's file perhaps, are written out.
        """
        labels = ("where", "what", "expected", "got", "hint")
        texts = {label: str(getattr(self, label) or "") for label in labels}
        return {label: printable(text) for label, text in texts.items() if text}

    def plain(self) -> dict[str, Any]:
        """The problem as plain data; what does not apply is null."""
        where = self.where or Where()
        return {
            "code": self.code,
            "what": self.what,
            "file": str(where.file) if where.file else None,
            "line": where.line,
            "key": where.key or None,
            "expected": self.expected or None,
            "got": self.got or None,
            "hint": self.hint or None,
        }

    def __str__(self) -> str:
        texts = self.texts
        first = ": ".join(texts.pop(label) for label in ("where", "what") if label in texts)
        return "\n".join([first, *(f"  {label + ':':<9} {text}" for label, text in texts.items())])


class FpgacError(Exception):
    """What a user can fix. ``str(error)`` is the whole text, one paragraph for each problem."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise TypeError("an error needs at least one problem")
        if strangers := {type(problem).__name__ for problem in problems} - {"Problem"}:
            raise TypeError(f"an error is made of problems, not of {' and '.join(strangers)}")
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class UsageError(FpgacError):
    exit_code = 2


class SpecError(FpgacError):
    exit_code = 3


class DataError(FpgacError):
    exit_code = 4


class NetworkError(FpgacError):
    exit_code = 5


class CoreError(FpgacError):
    exit_code = 6


class TargetError(FpgacError):
    exit_code = 7


class ToolchainError(FpgacError):
    exit_code = 8


class BuildError(FpgacError):
    exit_code = 9


class EmulationError(FpgacError):
    exit_code = 10


class ProofError(FpgacError):
    exit_code = 11


class PluginError(FpgacError):
    exit_code = 12


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the known name most like ``name``, or else lists what is known.

    >>> nearest("reuse_facto", ["reuse_factor", "strategy"])
    "did you mean 'reuse_factor'?"
    """
    names = sorted(known)
    if close := closest(name, names):
        return f"did you mean {close!r}?"
    return f"known: {', '.join(names)}" if names else ""


def closest(name: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The known name that ``name`` is most likely a slip of; upper and lower case are alike.

    ``least`` is how like they must be, from 0 to 1.

    >>> closest("SAME", ["same", "valid"])
    'same'
    >>> closest("RDN", ["RND", "TRN"])
    'RND'
    """
    names = {known_name.lower(): known_name for known_name in known}
    swapped = [each for each in names if sorted(each) == sorted(name.lower())]
    close = swapped or difflib.get_close_matches(name.lower(), names, n=1, cutoff=least)
    return names[close[0]] if close else None
