"""The built-in finders, in an environment of a test's own."""

from __future__ import annotations

from collections.abc import Mapping

from fpgac.plugins import Toolchains
from fpgac_targets.toolchains import VitisFinder, VivadoFinder


def tools(environment: Mapping[str, str]) -> Toolchains:
    """What is found in ``environment``."""
    return Toolchains(environment, {each.name: each for each in (VitisFinder(), VivadoFinder())})
