"""A core is not believed: its C++ is said to compute a program, which is held against the network.

What the comparison cannot decide, vectors do: every engine answers the same ones.
"""

from __future__ import annotations

from dataclasses import replace

from fpgac.core.core import Core
from fpgac.errors import CoreError, Problem
from fpgac.program.comparison import Comparison, Verdict, compare
from fpgac.program.program import Program
from fpgac.program.ranges import NotExact
from fpgac.rules.core_program import exact_program

__all__ = ["check_claim"]


def check_claim(meaning: Program, core: Core) -> Comparison:
    """How the core's program compares with what the network means: the same, or undecided.

    Raises:
        CoreError: the core computes something else; it names the first layer that differs, or
            that hls4ml's C++ gets wrong.
    """
    try:
        claim = exact_program(core)
    except NotExact as refusal:
        if refusal.code == "program.faulty-cpp":
            raise _faulty(refusal) from None
        return Comparison(Verdict.UNDECIDED, undecided=tuple(name for name, _ in meaning.layers))
    comparison = compare(meaning, claim)
    if problem := comparison.problem:
        hint = "a defect of fpgac, or a release of hls4ml that it does not know"
        raise CoreError(replace(problem, hint=hint))
    return comparison


def _faulty(refusal: NotExact) -> CoreError:
    return CoreError(
        Problem(
            f"hls4ml's C++ does not compute what the network means: {refusal.reason}",
            hint="another hls.io_type, hls.strategy or reuse factor, or another layer",
            code="core.faulty-cpp",
        )
    )
