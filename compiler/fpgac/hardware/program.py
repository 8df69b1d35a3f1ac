"""What the board is to load, held against its design before anybody packages it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fpgac.design.design import Design
from fpgac.emulation import CardDescription, read_xclbin
from fpgac.errors import BuildError, Problem, Where
from fpgac.hardware.overlay import check_bitstream, check_handoff
from fpgac.hardware.timing import lowered_clocks, slow_clock
from fpgac.hardware.xclbin import check_xclbin, clocks_of
from fpgac.reports.hardware import Reported
from fpgac.reports.parser import Figure
from fpgac.targets.board import Board
from fpgac.targets.card import CARD

if TYPE_CHECKING:
    from fpgac.emulation import Xclbin

__all__ = ["ProgramCheck"]

# The clock of kernels, by its name in an xclbin.
_KERNEL_CLOCK: Final = "DATA_CLK"
_XCLBINS: Final = (".xclbin", ".awsxclbin")


@dataclass(frozen=True)
class ProgramCheck:
    """Whether what the vendor's tools left in ``folder`` is of ``design``, and as fast as asked.

    ``clock_mhz`` was asked for, of which the part ``tolerance`` may be lost to timing.
    """

    folder: Path
    design: Design
    board: Board
    clock_mhz: float
    tolerance: float

    def check(self, programs: Iterable[str], logs: Iterable[str]) -> None:
        """Check what the board loads, at these paths in the folder, and the tools' logs.

        Raises:
            BuildError: a program is damaged, of another design, or too slow; with all there is.
        """
        problems: list[Problem] = []
        for path in programs:
            try:
                problems += self._program(path)
            except BuildError as error:
                problems += error.problems
        for path in logs:
            problems += self._log(path)
        if problems:
            raise BuildError(*problems)

    def clocks(self, programs: Iterable[str]) -> Iterator[Reported]:
        """The clock that was asked for, and those that the xclbins among ``programs`` have."""
        for path in programs:
            if path.endswith(_XCLBINS):
                asked = Figure("clock asked", self.clock_mhz, "MHz", "kernels")
                yield Reported(asked, "spec", CARD)
                for clock in clocks_of(read_xclbin((self.folder / path).read_bytes())):
                    figure = Figure("clock", clock.mhz, "MHz", clock.name, "routed")
                    yield Reported(figure, "xclbin", path)

    def _program(self, path: str) -> Iterator[Problem]:
        file, described = self.folder / path, self.design.files
        content, where = file.read_bytes(), Where(file)
        match file.suffix:
            case ".bit":
                check_bitstream(content, self.board.part, where)
            case ".hwh":
                drawn = described[f"emulation/{self.design.name}.hwh"]
                check_handoff(content, drawn.content, where)
            case ".xclbin" | ".awsxclbin":
                card = CardDescription.from_json(described[CARD].content)
                return self._clocks(check_xclbin(content, card, where), where)
        return iter(())

    def _clocks(self, xclbin: Xclbin, where: Where) -> Iterator[Problem]:
        """The kernels' clock, where XRT sets it as the xclbin says."""
        for clock in clocks_of(xclbin) if self.board.clock.scalable else ():
            if clock.name == _KERNEL_CLOCK:
                # An xclbin holds whole numbers of MHz.
                asked = float(int(self.clock_mhz))
                yield from self._slow("the kernels' clock", asked, clock.mhz, where)

    def _log(self, path: str) -> Iterator[Problem]:
        file = self.folder / path
        for lowered in lowered_clocks(file.read_text(errors="replace")):
            where = Where(file, lowered.line)
            yield from self._slow(lowered.clock, lowered.asked, lowered.got, where)

    def _slow(self, clock: str, asked: float, got: float, where: Where) -> Iterator[Problem]:
        if problem := slow_clock(clock, asked, got, self.tolerance, where):
            yield problem
