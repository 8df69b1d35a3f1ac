"""The ordered steps that turn a design into artifacts; nothing here runs them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["Plan", "Step"]


@dataclass(frozen=True)
class Step:
    """One command of a toolchain.

    All paths are relative to the build folder. ``inputs`` and ``outputs`` are files; a step may
    start when the steps that make its inputs are done. ``failure_patterns`` are regular
    expressions that mean failure when a line of the log matches, whatever the exit code;
    ``remedies`` maps such expressions to what a user can do. A line that one of ``phases`` matches
    begins a phase, called by the expression's first group.

    Raises:
        ValueError: there is no command.
        re.error: an expression is none.
    """

    name: str
    command: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    failure_patterns: tuple[str, ...] = ()
    remedies: Mapping[str, str] = field(default_factory=dict)
    phases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.command or not self.command[0]:
            raise ValueError(f"the step {self.name!r} has no command")
        for pattern in (*self.failure_patterns, *self.remedies, *self.phases):
            re.compile(pattern)

    @property
    def label(self) -> str:
        """Its name as a file can have it."""
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", self.name)

    @property
    def log(self) -> str:
        """What its tools write to."""
        return f"logs/{self.label}.log"


@dataclass(frozen=True)
class Plan:
    """Steps in an order that respects their inputs and outputs."""

    steps: tuple[Step, ...]

    def without(self, names: Iterable[str]) -> Plan:
        """The plan without the steps of these names."""
        left_out = set(names)
        return Plan(tuple(step for step in self.steps if step.name not in left_out))
