"""AMD's Alveo cards: one class, and a board file for each card."""

from __future__ import annotations

from importlib.resources import files

from pydantic import Field

from fpgac.plugins import Board
from fpgac_targets.vitis import VitisTarget

__all__ = ["Alveo", "AlveoBoard", "alveo_cards"]


class AlveoBoard(Board):
    """An Alveo card as its board file states it."""

    two_stage: bool = Field(
        default=False,
        description="The flashed base holds no shell: it is loaded anew after every boot.",
    )


class Alveo(VitisTarget):
    """What Alveo cards differ in from others: how the card gets its platform."""

    readme = "alveo/README.md.j2"
    load_hint = "is it the platform on this card, and its shell loaded (xbutil examine)?"


def alveo_cards() -> list[type[Alveo]]:
    """A target for each board file ``alveo-*.toml``."""
    found = sorted((files("fpgac_targets") / "boards").iterdir(), key=lambda file: file.name)
    return [
        type("Alveo", (Alveo,), {"board": AlveoBoard.load(file), "__module__": __name__})
        for file in found
        if file.name.startswith("alveo-")
    ]
