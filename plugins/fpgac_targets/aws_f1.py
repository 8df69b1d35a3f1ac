"""Amazon EC2 F1: a Vitis card whose xclbin becomes an Amazon FPGA Image before it runs."""

from __future__ import annotations

from importlib.resources import files

from fpgac.plugins import Board
from fpgac_targets.vitis import VitisTarget

__all__ = ["AwsF1"]


class AwsF1(VitisTarget):
    """F1's board file, and a README that explains the AFI."""

    board = Board.load(files("fpgac_targets") / "boards" / "aws-f1.toml")
    readme = "aws_f1/README.md.j2"
    load_hint = "on F1 a host loads the .awsxclbin of an available AFI, never v++'s own .xclbin"
