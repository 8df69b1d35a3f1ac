"""Figures in the reports of vendors' tools, and the interface of plugins that parse them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

__all__ = ["Figure", "ReportParser", "Stage"]

# How far a design was when a figure was found: HLS's guess, Vivado's synthesis, the routed design.
Stage = Literal["estimated", "synthesised", "routed"]


@dataclass(frozen=True)
class Figure:
    """One number of a report.

    ``part`` is what of the design it is about, and ``available`` how much of it the device has.
    Gates look at the names ``interval`` and ``latency`` (in cycles, of the part
    ``compute_samples``), ``clock``, those that end in ``slack``, and resources: ``LUT``, ``FF``,
    ``DSP``, ``BRAM_18K`` and ``URAM``.

    >>> str(Figure("worst negative slack", 0.25, "ns"))
    'worst negative slack: 0.25 ns'
    >>> str(Figure("LUT", 2532, part="muon", stage="estimated", available=53200))
    'muon: LUT: 2532 of 53200 (estimated)'
    """

    name: str
    value: float
    unit: str = ""
    part: str = ""
    stage: Stage | None = None
    available: float | None = None

    def __str__(self) -> str:
        available = "" if self.available is None else f" of {self.available:g}"
        stage = f" ({self.stage})" if self.stage else ""
        said = f"{self.name}: {self.value:g}{available} {self.unit}".rstrip()
        return f"{f'{self.part}: ' if self.part else ''}{said}{stage}"


class ReportParser(ABC):
    """A parser for one kind of report that a hardware build writes into its folder.

    ``pattern`` is a glob below the build folder, such as ``_x/hw/reports/**/*_timing.rpt``.
    """

    name: ClassVar[str]
    pattern: ClassVar[str]

    @abstractmethod
    def read(self, path: Path) -> Sequence[Figure]:
        """The figures in the report at ``path``.

        Raises:
            BuildError: the file is not such a report.
        """
