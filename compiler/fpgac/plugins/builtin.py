"""What fpgac itself offers through its hooks; the built-in targets are a plugin of their own."""

from __future__ import annotations

from fpgac.build import launchers
from fpgac.build.launcher import Launcher
from fpgac.data.dataset import Provider
from fpgac.data.providers import BUILT_IN
from fpgac.network.imports.source import ImportedFile
from fpgac.network.source import NetworkFile, NetworkSource
from fpgac.plugins.hookspecs import hookimpl

__all__ = ["fpgac_data_providers", "fpgac_launchers", "fpgac_network_sources"]


@hookimpl
def fpgac_data_providers() -> list[type[Provider]]:
    """The built-in data sets."""
    return list(BUILT_IN.values())


@hookimpl
def fpgac_network_sources() -> list[type[NetworkSource]]:
    """The format that fpgac also writes, and other frameworks' files."""
    return [NetworkFile, ImportedFile]


@hookimpl
def fpgac_launchers() -> list[type[Launcher]]:
    """Where steps can run without a plugin."""
    return list(launchers.BUILT_IN)
