"""AMD's KV260, in both ways that its users have.

``flow = "vivado"`` makes an overlay for PYNQ; ``flow = "vitis"`` links the kernel into AMD's base
platform, for hosts in C++.
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

__all__ = ["Kv260", "Kv260Vitis", "Kv260Vivado"]

PACKAGE = files("fpgac_kv260")


class VivadoOptions(TargetOptions):
    """What a spec may say of the KV260 under Vivado."""

    flow: Literal["vivado"] = Field(
        default="vivado", description="An overlay with an AXI DMA, for the host on PYNQ."
    )


class Kv260Vivado(VivadoTarget):
    """The KV260 by Vivado's block design."""

    board = Board.load(PACKAGE / "kv260.toml")
    Options = VivadoOptions
    readme = "kv260/README.md.j2"
    # The templates/ of these packages precede fpgac's own.
    template_packages = ("fpgac_kv260", *VivadoTarget.template_packages)


class VitisPlatformOptions(VitisOptions):
    """What a spec may say of the KV260 under Vitis."""

    flow: Literal["vitis"] = Field(
        default="vitis", description="A kernel in Vitis's base platform, for hosts in C++."
    )


class Kv260Vitis(EmbeddedTarget):
    """The KV260 by Vitis's base platform."""

    board = Board.load(PACKAGE / "kv260-vitis.toml")
    Options = VitisPlatformOptions


class Kv260(Flows):
    """The KV260, by Vivado unless a spec says otherwise."""

    flows: ClassVar[Mapping[str, Target[Any]]] = {"vivado": Kv260Vivado(), "vitis": Kv260Vitis()}
    board = Kv260Vivado.board
