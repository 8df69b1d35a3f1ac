"""The hooks of fpgac's plugins; each returns a list of classes."""

from __future__ import annotations

from typing import Any

import pluggy

from fpgac.build.launcher import Launcher
from fpgac.build.toolchains import ToolchainFinder
from fpgac.data.dataset import Provider
from fpgac.design.templates import Templates
from fpgac.network.source import NetworkSource
from fpgac.reports.parser import ReportParser
from fpgac.targets.target import Target

__all__ = [
    "PROJECT",
    "fpgac_data_providers",
    "fpgac_launchers",
    "fpgac_network_sources",
    "fpgac_report_parsers",
    "fpgac_targets",
    "fpgac_templates",
    "fpgac_toolchains",
    "hookimpl",
]

# Names both pluggy's project and the entry-point group.
PROJECT = "fpgac"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def fpgac_targets() -> list[type[Target[Any]]]:  # type: ignore[empty-body]
    """The targets of a plugin: subclasses of Target, each with a board of a unique name."""


@hookspec
def fpgac_data_providers() -> list[type[Provider]]:  # type: ignore[empty-body]
    """The data sets of a plugin: subclasses of Provider, each with a unique name."""


@hookspec
def fpgac_network_sources() -> list[type[NetworkSource]]:  # type: ignore[empty-body]
    """The network formats of a plugin: subclasses of NetworkSource, with unique suffixes."""


@hookspec
def fpgac_toolchains() -> list[type[ToolchainFinder]]:  # type: ignore[empty-body]
    """The toolchains of a plugin: subclasses of ToolchainFinder, named as board files name them."""


@hookspec
def fpgac_launchers() -> list[type[Launcher]]:  # type: ignore[empty-body]
    """Where steps of toolchains can run: subclasses of Launcher, named as after ``--on``."""


@hookspec
def fpgac_report_parsers() -> list[type[ReportParser]]:  # type: ignore[empty-body]
    """The reports of hardware builds that a plugin reads: subclasses of ReportParser."""


@hookspec
def fpgac_templates() -> list[type[Templates]]:  # type: ignore[empty-body]
    """Templates that replace others: subclasses of Templates, a folder each."""
