"""The targets that come with fpgac; like any other plugin, they see its public face only."""

from __future__ import annotations

from typing import Any

from fpgac.plugins import ReportParser, Target, ToolchainFinder, hookimpl


@hookimpl
def fpgac_targets() -> list[type[Target[Any]]]:
    """The built-in targets."""
    from fpgac_targets.alveo import alveo_cards
    from fpgac_targets.aws_f1 import AwsF1
    from fpgac_targets.aws_f2 import AwsF2
    from fpgac_targets.pynq_z2 import PynqZ2
    from fpgac_targets.zcu102 import Zcu102

    return [AwsF1, AwsF2, *alveo_cards(), PynqZ2, Zcu102]


@hookimpl
def fpgac_toolchains() -> list[type[ToolchainFinder]]:
    """The toolchains that build for them."""
    from fpgac_targets.toolchains import VitisFinder, VivadoFinder

    return [VitisFinder, VivadoFinder]


@hookimpl
def fpgac_report_parsers() -> list[type[ReportParser]]:
    """What reads the reports of their builds."""
    from fpgac_targets import reports

    return [
        reports.HlsSynthesis,
        reports.KernelUtilisation,
        reports.SystemEstimate,
        reports.VivadoPower,
        reports.VivadoTiming,
        reports.VivadoUtilisation,
        reports.XclbinInfo,
    ]
