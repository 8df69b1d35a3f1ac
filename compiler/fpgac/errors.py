"""Errors that a user can mend, each with what, where, expected, got and a hint.

A :class:`FpgacError` carries one or more :class:`Problem` values; the command line prints them
without a traceback and exits with the class's ``exit_code``:

====  ==========================================================================
code  meaning
====  ==========================================================================
0     done
1     a defect of fpgac itself (with ``--debug``: a traceback)
2     the command line could not be understood
3     the spec: TOML syntax, unknown keys, values that cannot be
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
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

__all__ = [
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
    "Where",
    "nearest",
]


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
        return f"{place} [{self.key}]".strip() if self.key else place


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and how to mend it.

    ``code`` names the kind of problem for programs: the area, a point, and words with hyphens, such
    as ``spec.unknown-key``. It stays when the prose gets better.
    """

    what: str
    where: Where | None = None
    expected: str = ""
    got: str = ""
    hint: str = ""
    code: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where and str(self.where) else self.what]
        told = {label: getattr(self, label) for label in ("expected", "got", "hint")}
        lines += [f"  {label + ':':<9} {text}" for label, text in told.items() if text]
        return "\n".join(lines)


class FpgacError(Exception):
    """What a user can mend. ``str(error)`` is the whole text, one paragraph a problem."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise TypeError("an error needs at least one problem")
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


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
    if close := difflib.get_close_matches(name, names, n=1):
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names)}" if names else ""
