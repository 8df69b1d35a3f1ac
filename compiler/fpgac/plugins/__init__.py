"""The public face of fpgac for plugins: everything that one may import, in one place.

A plugin is a module with an entry point in the group ``fpgac``; functions in it marked with
:data:`hookimpl` answer the hooks of :mod:`fpgac.plugins.hookspecs`. What is not listed here may
change without notice.
"""

from __future__ import annotations

from fpgac.build.plan import Plan, Step
from fpgac.build.toolchains import (
    Toolchain,
    ToolchainFinder,
    find_toolchain,
    find_vitis,
)
from fpgac.core.core import Core, Port
from fpgac.data.dataset import Dataset, Provider, Quantity
from fpgac.design.contract import Buffer, Contract, contract
from fpgac.design.design import Design, File
from fpgac.design.hosts import host_files
from fpgac.design.kernel import bridge_files, kernel_files
from fpgac.design.render import comment, render, sh_word, tcl_word
from fpgac.design.templates import Templates
from fpgac.errors import (
    BuildError,
    DataError,
    FpgacError,
    NetworkError,
    Problem,
    TargetError,
    ToolchainError,
    Where,
    nearest,
)
from fpgac.network.network import (
    AveragePoolLayer,
    ConvLayer,
    DenseLayer,
    FlattenLayer,
    HardLayer,
    MaxPoolLayer,
    Network,
    Recording,
    ReluLayer,
)
from fpgac.network.source import NetworkSource
from fpgac.numbers import FixedPoint
from fpgac.plugins.hookspecs import hookimpl
from fpgac.plugins.manager import Failure, Loaded, Plugins, load_plugins
from fpgac.reports.parser import Figure, ReportParser
from fpgac.spec.models import Spec
from fpgac.spec.names import check_identifier
from fpgac.targets.board import Board, Life, Memory
from fpgac.targets.card import CARD, board_json, card_json
from fpgac.targets.flows import Flows
from fpgac.targets.target import Mode, Some, Target, TargetOptions, WhereIs
from fpgac.targets.zynq import Zynq, hwh_file, zynq

__all__ = [
    "CARD",
    "AveragePoolLayer",
    "Board",
    "Buffer",
    "BuildError",
    "Contract",
    "ConvLayer",
    "Core",
    "DataError",
    "Dataset",
    "DenseLayer",
    "Design",
    "Failure",
    "Figure",
    "File",
    "FixedPoint",
    "FlattenLayer",
    "Flows",
    "FpgacError",
    "HardLayer",
    "Life",
    "Loaded",
    "MaxPoolLayer",
    "Memory",
    "Mode",
    "Network",
    "NetworkError",
    "NetworkSource",
    "Plan",
    "Plugins",
    "Port",
    "Problem",
    "Provider",
    "Quantity",
    "Recording",
    "ReluLayer",
    "ReportParser",
    "Some",
    "Spec",
    "Step",
    "Target",
    "TargetError",
    "TargetOptions",
    "Templates",
    "Toolchain",
    "ToolchainError",
    "ToolchainFinder",
    "Where",
    "WhereIs",
    "Zynq",
    "board_json",
    "bridge_files",
    "card_json",
    "check_identifier",
    "comment",
    "contract",
    "find_toolchain",
    "find_vitis",
    "hookimpl",
    "host_files",
    "hwh_file",
    "kernel_files",
    "load_plugins",
    "nearest",
    "render",
    "sh_word",
    "tcl_word",
    "zynq",
]
