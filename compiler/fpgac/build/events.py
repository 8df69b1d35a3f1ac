"""What a pipeline tells of itself while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Ended", "Event", "Note", "Notify", "Outcome", "Progress", "Started"]

# Made now; found in the build folder as it was left; copied from the store.
Outcome = Literal["done", "cached", "reused", "failed"]


@dataclass(frozen=True)
class Started:
    """A stage or a step is under way."""

    name: str


@dataclass(frozen=True)
class Ended:
    """A stage or a step has ended."""

    name: str
    outcome: Outcome
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a stage is, from 0 to 1, or in which phase a step is."""

    name: str
    fraction: float
    text: str = ""
    phase: str = ""


@dataclass(frozen=True)
class Note:
    """What a user should know, in one line."""

    text: str


Event = Started | Ended | Progress | Note
Notify = Callable[[Event], None]
