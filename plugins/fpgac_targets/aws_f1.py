"""Amazon EC2 F1: a Vitis card whose xclbin becomes an Amazon FPGA Image before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fpgac.plugins import Board, Contract, Design, File, render
from fpgac_targets.vitis import VitisTarget

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["AwsF1"]


class AwsF1(VitisTarget):
    """F1's board file, and a README that explains the AFI."""

    board = Board.load(files("fpgac_targets") / "boards" / "aws-f1.toml")
    readme = "aws_f1/README.md.j2"
    load_hint = "on F1 a host loads the .awsxclbin of an available AFI, never v++'s own .xclbin"

    def scripts(
        self,
        design: Design,
        agreed: Contract,
        context: Mapping[str, Any],
        loaders: Sequence[BaseLoader],
    ) -> dict[str, File]:
        """See :meth:`VitisTarget.scripts`; adds what makes an AFI, with AWS's command line."""
        made = {"create_afi.sh": "create_afi.sh.j2", "create_afi.py": "create_afi.py"}
        return super().scripts(design, agreed, context, loaders) | {
            f"scripts/{name}": File(render(f"afi/{template}", context, loaders), executable=True)
            for name, template in made.items()
        }
