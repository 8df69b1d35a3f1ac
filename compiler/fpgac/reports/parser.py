"""Figures in the reports of vendors' tools, and the interface of plugins that parse them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

__all__ = ["Figure", "ReportParser"]


@dataclass(frozen=True)
class Figure:
    """One number of a report.

    >>> str(Figure("worst negative slack", 0.25, "ns"))
    'worst negative slack: 0.25 ns'
    """

    name: str
    value: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.value:g} {self.unit}".rstrip()


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
