"""TUL's PYNQ-Z2: a Zynq-7000 under Vivado, with PYNQ on its processor."""

from __future__ import annotations

from importlib.resources import files

from fpgac.plugins import Board
from fpgac_targets.vivado import VivadoTarget

__all__ = ["PynqZ2"]


class PynqZ2(VivadoTarget):
    """The PYNQ-Z2's board file; all else is every Zynq's."""

    board = Board.load(files("fpgac_targets") / "boards" / "pynq-z2.toml")
