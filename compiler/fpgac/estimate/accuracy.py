"""How far public synthesis reports are from the estimate, and what follows for a decision."""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["FACTORS", "FigureName", "hopeless", "interval_text"]

FigureName = Literal["dsp", "lut", "ff", "bram", "interval", "latency"]

# Nine of ten public reports lie within this factor of the estimate, above or below: of those that
# come from one repository, and of all others. A test holds these against
# tests/estimate/reports.toml.
FACTORS: Final[dict[FigureName, float]] = {
    "dsp": 1.5,
    "lut": 2.2,
    "ff": 6.0,
    "bram": 1.6,
    "interval": 1.5,
    "latency": 4.0,
}


def hopeless(figure: FigureName, estimate: float, most: float) -> bool:
    """Whether a design cannot fit, even if the estimate is as wrong as none of the reports found.

    No report is further off than the square of the factor that holds for nine of ten.
    """
    return estimate > most * FACTORS[figure] ** 2


def interval_text(figure: FigureName, estimate: float) -> str:
    """The range in which nine of ten reports would lie: ``5,000 to 20,000``."""
    factor = FACTORS[figure]
    return f"{estimate / factor:,.0f} to {estimate * factor:,.0f}"
