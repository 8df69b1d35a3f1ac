"""What a host finds around it: which programs its card takes, and the environment that shows it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from fpgac.build.processes import inherited_environment
from fpgac.emulation.description import CardDescription
from fpgac.emulation.installation import HostKind
from fpgac.emulation.machinery import Machinery, build_machinery, build_supervisor, emconfig
from fpgac.emulation.overlay import BOARD_VARIABLE, BoardDescription
from fpgac.emulation.xclbin import MODE_SW_EMU, read_xclbin
from fpgac.emulation.zynq.bitstream import BadBitstreamError, read_bitstream
from fpgac.errors import EmulationError, Problem, Where

__all__ = ["Overlays", "Surroundings", "Xclbins"]

# Python runs the sitecustomize.py of this folder at its start.
_SITE: Final = Path(__file__).parent / "zynq" / "site"


class Surroundings(Protocol):
    """What differs between kinds of emulated cards."""

    suffix: str

    def check(self, program: Path) -> None:
        """Refuse a program that this card cannot load.

        Raises:
            EmulationError: it is damaged, or for another card.
        """

    def supervisor(self) -> Path:
        """The program under which hosts run, built if need be, with all that they need.

        Raises:
            ToolchainError: no g++, or no XRT where the card needs it.
        """

    def environment(self, kind: HostKind, rundir: Path, devices: int) -> dict[str, str]:
        """The whole environment of a host; what it points to is written to ``rundir``.

        Raises:
            OSError: ``rundir`` cannot be written.
            EmulationError: there cannot be so many devices, or no such host.
        """


class Xclbins:
    """A PCIe card under XRT."""

    suffix = ".xclbin"

    def __init__(self, card: CardDescription) -> None:
        self._card = card

    @cached_property
    def _machinery(self) -> Machinery:
        return build_machinery()

    def check(self, program: Path) -> None:
        """See :class:`Surroundings`."""
        where = Where(file=program)
        found = read_xclbin(_content(program, "xclbin"), where)
        if found.mode != MODE_SW_EMU:
            raise EmulationError(
                Problem(
                    "this xclbin is not for the emulated card",
                    where,
                    expected=f"mode {MODE_SW_EMU} (software emulation)",
                    got=f"mode {found.mode}",
                    hint="compile the design for emulation",
                    code="emulation.not-for-emulation",
                )
            )
        if found.platform != self._card.platform:
            raise EmulationError(
                Problem(
                    "this xclbin is for another card",
                    where,
                    expected=self._card.platform,
                    got=found.platform,
                    hint="compile the design again",
                    code="emulation.other-card",
                )
            )

    def supervisor(self) -> Path:
        """See :class:`Surroundings`."""
        return self._machinery.supervisor

    def environment(self, kind: HostKind, rundir: Path, devices: int) -> dict[str, str]:
        """See :class:`Surroundings`."""
        (rundir / "emconfig.json").write_bytes(emconfig(self._card, devices))
        return self._machinery.environment(kind, rundir)


class Overlays:
    """A Zynq board under pynq."""

    suffix = ".bit"

    def __init__(self, board: BoardDescription) -> None:
        self._board = board

    def check(self, program: Path) -> None:
        """See :class:`Surroundings`."""
        where = Where(file=program)
        try:
            found = read_bitstream(_content(program, "bitstream"))
        except BadBitstreamError as error:
            raise EmulationError(
                Problem(
                    str(error),
                    where,
                    hint="compile the design for emulation",
                    code="emulation.bad-bitstream",
                )
            ) from error
        if found.part != self._board.part:
            raise EmulationError(
                Problem(
                    "this bitstream is for another board",
                    where,
                    expected=self._board.part,
                    got=found.part,
                    hint="compile the design again",
                    code="emulation.other-card",
                )
            )

    def supervisor(self) -> Path:
        """See :class:`Surroundings`."""
        return build_supervisor()

    def environment(self, kind: HostKind, rundir: Path, devices: int) -> dict[str, str]:
        """See :class:`Surroundings`."""
        if devices != 1 or kind != "pynq":
            what = f"{devices} devices" if devices != 1 else f"an {kind} host"
            raise EmulationError(
                Problem(
                    f"{self._board.board} is one device for pynq hosts",
                    got=what,
                    code="emulation.one-device",
                )
            )
        description = rundir / "board.json"
        description.write_text(json.dumps(asdict(self._board)))
        # A real board's and an emulated card's XRT would be asked for devices too.
        given = inherited_environment()
        given.pop("XILINX_XRT", None)
        folders = [str(_SITE), *filter(None, [given.get("PYTHONPATH")])]
        return given | {
            BOARD_VARIABLE: str(description),
            "PYTHONDONTWRITEBYTECODE": "1",  # the build stays as it is
            "PYTHONPATH": os.pathsep.join(folders),
            "TMPDIR": str(rundir),
        }


def _content(program: Path, what: str) -> bytes:
    try:
        return program.read_bytes()
    except OSError as error:
        raise EmulationError(
            Problem(
                f"the {what} cannot be read",
                Where(program),
                got=str(error.strerror),
                code="emulation.unreadable-program",
            )
        ) from error
