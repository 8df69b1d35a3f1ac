"""Amazon EC2 F2, F1's successor: a card with HBM that is built for emulation only."""

from __future__ import annotations

from importlib.resources import files

from fpgac.plugins import Board
from fpgac_targets.vitis import VitisTarget

__all__ = ["AwsF2"]


class AwsF2(VitisTarget):
    """F2's board file, which says why there is no hardware build."""

    board = Board.load(files("fpgac_targets") / "boards" / "aws-f2.toml")
    readme = "aws_f2/README.md.j2"
    load_hint = "on F2 only xclbins for emulation can be loaded: AWS makes no AFI of one from v++"
