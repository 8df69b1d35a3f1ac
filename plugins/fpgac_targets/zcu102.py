"""AMD's ZCU102: a Zynq UltraScale+ under Vivado, with a PYNQ that its owner builds."""

from __future__ import annotations

from importlib.resources import files

from fpgac.plugins import Board
from fpgac_targets.vivado import VivadoTarget

__all__ = ["Zcu102"]


class Zcu102(VivadoTarget):
    """The ZCU102's board file; all else is every Zynq's."""

    board = Board.load(files("fpgac_targets") / "boards" / "zcu102.toml")
