"""The built-in finders, in an environment of a test's own, and plans made with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fpgac.plugins import Contract, Design, Mode, Plan, Target, Toolchains
from fpgac_targets.toolchains import VitisFinder, VivadoFinder


def tools(environment: Mapping[str, str]) -> Toolchains:
    """What is found in ``environment``."""
    return Toolchains(environment, {each.name: each for each in (VitisFinder(), VivadoFinder())})


def planned(
    target: Target[Any],
    design: Design,
    mode: Mode,
    environment: Mapping[str, str],
    clock_mhz: float = 200.0,
) -> Plan:
    """The target's plan for a design, with the toolchain of ``environment``."""
    agreed = Contract.from_json(design.files["emulation/contract.json"].content)
    toolchain = target.toolchain(tools(environment))
    return target.plan(design, mode, toolchain, contract=agreed, clock_mhz=clock_mhz)
