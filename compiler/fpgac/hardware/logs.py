"""What a log of the vendors' tools, or of XRT, tells: where it went wrong, and what can be done.

The signs of a failure and their remedies are those of the targets, which builds judge by as well;
here are those of programs on a card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fpgac.hardware.timing import LoweredClock, lowered_clocks

__all__ = ["ON_CARD", "Cause", "Explanation", "explain"]

# Signs in what hosts say on a card. Recorded: see tests/hardware/test_logs.py.
ON_CARD: Final[Mapping[str, str]] = MappingProxyType(
    {
        r"CU statistic sysfs node corrupted|ENODEV \(19\)": (
            "this XRT manages the design in another way than the one it was built for: XRT before "
            "2.13 takes it, or build it again with Vitis of this XRT's release"
        ),
        r"err ?= ?-(22|5|2)\b|[Ff]ailed to load xclbin|Failed to program device": (
            "the card refused the program: is it for the platform on this card (xbutil examine), "
            "and for hardware, not for emulation? F1 loads the .awsxclbin of an available image "
            "only; dmesg has the driver's reason"
        ),
        r"No devices? found|No Devices Found|device is nullptr": (
            "XRT sees no card: source XRT's setup.sh (pynq needs XILINX_XRT), then xbutil examine; "
            "on a Zynq, does the device tree have its zocl node?"
        ),
        r"waitfor .*(not supported|only supported)": (
            "pynq refuses waitfor since XRT 2.11: wait for each call, as fpgac's host does"
        ),
    }
)

# What AMD's tools add once a step has failed: the cause stands before, or in another log.
_FOLLOWS: Final = re.compile(
    r"\[(VPL 60-(704|773|806|1328)|VPL 101-3|v\+\+ 60-(300|512|587|592|599|602|626|661|703)"
    r"|Common 17-(39|69|70)|HLS 200-(70|1715)|IMPL 213-28|Vivado 12-(1345|8300))\]"
)
_ERROR: Final = re.compile(r"^(?:\S+ )?(ERROR|Error|FATAL)\b|\b(ERROR|error):")
_OTHER_LOG: Final = re.compile(r"(?:run log file '|Log file: |caught Tcl error.*? In ')([^'\s]+)")
_MOST_UNKNOWN: Final = 5


@dataclass(frozen=True)
class Cause:
    """A line of a log that tells of a failure; ``remedy`` is empty where none is known."""

    line: int
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Explanation:
    """What a log tells.

    ``causes`` are those with a remedy, in the order of the log; ``unknown`` are the first errors
    without one. ``follows`` counts the errors that only say that something failed before. ``logs``
    are other logs that it names.
    """

    causes: tuple[Cause, ...]
    unknown: tuple[Cause, ...]
    follows: int
    clocks: tuple[LoweredClock, ...]
    logs: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing in the log tells of a failure."""
        return not (self.causes or self.unknown or self.follows)


def explain(log: str, remedies: Mapping[str, str]) -> Explanation:
    """What ``log`` tells, by ``remedies``: what can be done where a line matches an expression."""
    lines = list(enumerate((line.strip() for line in log.splitlines()), 1))
    signs = {re.compile(sign): hint for sign, hint in remedies.items()}
    causes: dict[str, Cause] = {}
    unknown: list[Cause] = []
    clocks = tuple(lowered_clocks(log))
    lowered, follows = {clock.line for clock in clocks}, 0
    for number, line in lines:
        if number in lowered or line.startswith("INFO:"):
            continue
        hint = next((hint for sign, hint in signs.items() if sign.search(line)), "")
        if hint:
            causes.setdefault(hint, Cause(number, line, hint))
        elif _FOLLOWS.search(line):
            follows += 1
        elif _ERROR.search(line):
            unknown.append(Cause(number, line))
    logs = tuple(dict.fromkeys(_other_logs(log)))
    return Explanation(
        tuple(causes.values()), tuple(unknown[:_MOST_UNKNOWN]), follows, clocks, logs
    )


def _other_logs(log: str) -> Iterator[str]:
    return (match[1] for match in _OTHER_LOG.finditer(log))
