"""AMD's ZCU102, a Zynq UltraScale+, in both ways that its users have.

``flow = "vivado"`` makes a block design with an AXI DMA for PYNQ, which its owner builds;
``flow = "vitis"`` links the kernel into AMD's base platform, for hosts in C++.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, ClassVar, Literal

from pydantic import Field

from fpgac.plugins import Board, Flows, Target, TargetOptions
from fpgac_targets.embedded import EmbeddedTarget
from fpgac_targets.vitis import VitisOptions
from fpgac_targets.vivado import VivadoTarget

__all__ = ["Zcu102", "Zcu102Vitis", "Zcu102Vivado"]

BOARDS = files("fpgac_targets") / "boards"


class Zcu102VivadoOptions(TargetOptions):
    """What a spec may say of the ZCU102 under Vivado."""

    flow: Literal["vivado"] = Field(
        default="vivado", description="A block design with an AXI DMA, for the host on PYNQ."
    )


class Zcu102Vivado(VivadoTarget):
    """The ZCU102 by Vivado's block design; all else is every Zynq's."""

    board = Board.load(BOARDS / "zcu102.toml")
    Options = Zcu102VivadoOptions


class Zcu102VitisOptions(VitisOptions):
    """What a spec may say of the ZCU102 under Vitis."""

    flow: Literal["vitis"] = Field(
        default="vitis", description="A kernel in Vitis's base platform, for hosts in C++."
    )


class Zcu102Vitis(EmbeddedTarget):
    """The ZCU102 by Vitis's base platform."""

    board = Board.load(BOARDS / "zcu102-vitis.toml")
    Options = Zcu102VitisOptions


class Zcu102(Flows):
    """The ZCU102, by Vivado unless a spec says otherwise."""

    flows: ClassVar[Mapping[str, Target[Any]]] = {"vivado": Zcu102Vivado(), "vitis": Zcu102Vitis()}
    board = Zcu102Vivado.board
