"""What runs the files that a target delivers, so that the proof sees them and not only a kernel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt

from fpgac.design.contract import Contract

__all__ = ["DeliveryEngine"]


class DeliveryEngine(ABC):
    """One way to run what a target delivers: a simulator of its RTL, an interpreter of its code.

    ``name`` is what the proof calls it. ``covers`` are the files of the design that it runs, as
    paths; one that ends with ``/`` is a folder with all that is below it. Its answers are compared
    with those of every other engine, word by word. A complete example::

        class Simulation(DeliveryEngine):
            name = "RTL simulation"
            covers = ("rtl/",)

            def missing(self):
                return None if shutil.which("verilator") else "verilator (apt install verilator)"

            def words(self, folder, contract, words): ...
    """

    name: ClassVar[str]
    covers: ClassVar[tuple[str, ...]]

    def missing(self) -> str | None:
        """What it lacks on this machine, and how to get it; None if it can be asked."""
        return None

    @abstractmethod
    def words(self, folder: Path, contract: Contract, words: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The raw words of the results, int64 of shape (samples, numbers in a result).

        Args:
            folder: the build, with all files of the design.
            contract: the design's, with the layouts of a sample and of a result.
            words: the samples' raw words, int64 of shape (samples, numbers in a sample).

        Raises:
            EmulationError: it did not run.
        """
