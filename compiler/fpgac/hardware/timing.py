"""Clocks that v++ lowered because timing did not close, and how much of a clock may be lost.

v++ goes on where XRT can scale the clock, with a warning; recorded of Vitis 2021.1::

    WARNING: [VPL 60-732] Link warning: One or more timing paths failed timing targeting 320 MHz for
    kernel clock 'clk_kernel_in'. The frequency is being automatically changed to 307.5 MHz to
    enable proper functionality

in one line. SDAccel's xocc said the same as ``XOCC 60-732`` (FAQ of the aws-fpga repository).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fpgac.errors import Problem, Where

__all__ = ["LoweredClock", "lowered_clocks", "slow_clock"]

_LOWERED: Final = re.compile(
    r"failed timing targeting (?P<asked>[\d.]+) MHz for (?P<clock>.*?)\. "
    r".*automatically changed to (?P<got>[\d.]+) MHz"
)


@dataclass(frozen=True)
class LoweredClock:
    """A ``clock``, by v++'s words for it, that was to have ``asked`` MHz and has ``got``."""

    clock: str
    asked: float
    got: float
    line: int


def lowered_clocks(log: str) -> Iterator[LoweredClock]:
    """What v++'s ``log`` says of clocks that it lowered, line by line."""
    for number, line in enumerate(log.splitlines(), 1):
        if match := _LOWERED.search(line):
            yield LoweredClock(match["clock"], float(match["asked"]), float(match["got"]), number)


def slow_clock(
    clock: str, asked: float, got: float, tolerance: float, where: Where
) -> Problem | None:
    """The problem with a clock of ``got`` MHz, if it lost more than ``tolerance`` of ``asked``."""
    least = asked * (1 - tolerance)
    if got >= least:
        return None
    return Problem(
        f"timing did not close: {clock} is slower than it was asked for",
        where,
        expected=f"{asked:g} MHz, or {least:g} with a clock_tolerance of {tolerance:g}",
        got=f"{got:g} MHz",
        hint=f"ask for a clock_mhz of {int(got)} or less, for a greater reuse_factor, or set "
        "clock_tolerance in the target's table",
        code="build.slow-clock",
    )
