"""A board that loads overlays, as its emulation needs it: its name, its FPGA, its memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fpgac.errors import EmulationError, Problem, Where

__all__ = ["BOARD_VARIABLE", "BoardDescription"]

# Where a host's process finds the description of its board.
BOARD_VARIABLE: Final = "FPGAC_BOARD"


@dataclass(frozen=True)
class BoardDescription:
    """A Zynq board. ``identity`` stands for the design that its bitstream must be made from.

    ``memory_base`` and ``memory_bytes`` say which part of its DDR memory hosts allocate from.
    """

    board: str
    part: str
    identity: str
    memory_base: int
    memory_bytes: int

    @classmethod
    def read(cls, path: Path) -> BoardDescription:
        """The description in the JSON file ``path``.

        Raises:
            EmulationError: the file is missing, no JSON, or describes no board.
        """
        try:
            data = json.loads(path.read_bytes())
            return cls.from_data(data)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EmulationError(
                Problem(
                    "this describes no board",
                    Where(path),
                    got=str(error),
                    code="emulation.unreadable-card",
                )
            ) from error

    @classmethod
    def from_data(cls, data: Any) -> BoardDescription:
        """The description in the JSON of :func:`fpgac.targets.card.board_json`.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        return cls(
            board=str(data["board"]),
            part=str(data["part"]),
            identity=str(data["identity"]),
            memory_base=int(data["memory_base"]),
            memory_bytes=int(data["memory_bytes"]),
        )
