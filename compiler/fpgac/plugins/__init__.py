"""The public interface for plugins: everything that they may import, in one place.

A plugin is a module with an entry point in the group ``fpgac``; its functions marked with
:data:`hookimpl` implement hooks of :mod:`fpgac.plugins.hookspecs`. Anything that is not listed here
may change without notice.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fpgac.build.batch import Batch, script_of
from fpgac.build.launcher import Launcher, Place, Task
from fpgac.build.plan import Plan, Step
from fpgac.build.site import Site
from fpgac.build.toolchains import (
    Toolchain,
    ToolchainFinder,
    Toolchains,
    find_tool,
    version_of,
)
from fpgac.core.core import Core, Port
from fpgac.data.dataset import Dataset, Provider, Quantity
from fpgac.design.contract import Buffer, Contract, Interface, contract
from fpgac.design.design import Design, File
from fpgac.design.hosts import host_files
from fpgac.design.kernel import bridge_files, kernel_files
from fpgac.design.render import comment, render, sh_word, tcl_word
from fpgac.design.scripts import ShellPlan, build_scripts, command_lines
from fpgac.design.templates import Templates
from fpgac.errors import (
    BuildError,
    DataError,
    EmulationError,
    FpgacError,
    NetworkError,
    Problem,
    TargetError,
    ToolchainError,
    Where,
    nearest,
)
from fpgac.network.source import NetworkSource
from fpgac.numbers import FixedPoint
from fpgac.plugins.hookspecs import hookimpl
from fpgac.plugins.manager import API_VERSION, Failure, Loaded, Plugins, load_plugins
from fpgac.reports.parser import Figure, ReportParser, Stage
from fpgac.spec.models import Spec
from fpgac.spec.names import check_identifier
from fpgac.targets.board import Board, Life, Memory
from fpgac.targets.card import CARD, board_json, card_json
from fpgac.targets.delivery import DeliveryEngine
from fpgac.targets.flows import Flows
from fpgac.targets.target import Mode, Some, Target, TargetOptions, WhereIs
from fpgac.targets.zynq import KERNEL_REGISTERS, Zynq, hwh_file, zynq
from fpgac.tensors import Layout, Tensor

if TYPE_CHECKING:
    from fpgac.plugins.networks import (
        Argmax,
        Concatenate,
        Convolution,
        Cropping,
        Dense,
        Depthwise,
        Flatten,
        GlobalPooling,
        LeakyRelu,
        Merge,
        Network,
        Operation,
        Output,
        Part,
        Permute,
        Pooling,
        Prelu,
        Recording,
        Relu,
        Reshape,
        Softmax,
        Squash,
        Upsampling,
        ZeroPadding,
    )

__all__ = [
    "API_VERSION",
    "CARD",
    "KERNEL_REGISTERS",
    "Argmax",
    "Batch",
    "Board",
    "Buffer",
    "BuildError",
    "Concatenate",
    "Contract",
    "Convolution",
    "Core",
    "Cropping",
    "DataError",
    "Dataset",
    "DeliveryEngine",
    "Dense",
    "Depthwise",
    "Design",
    "EmulationError",
    "Failure",
    "Figure",
    "File",
    "FixedPoint",
    "Flatten",
    "Flows",
    "FpgacError",
    "GlobalPooling",
    "Interface",
    "Launcher",
    "Layout",
    "LeakyRelu",
    "Life",
    "Loaded",
    "Memory",
    "Merge",
    "Mode",
    "Network",
    "NetworkError",
    "NetworkSource",
    "Operation",
    "Output",
    "Part",
    "Permute",
    "Place",
    "Plan",
    "Plugins",
    "Pooling",
    "Port",
    "Prelu",
    "Problem",
    "Provider",
    "Quantity",
    "Recording",
    "Relu",
    "ReportParser",
    "Reshape",
    "ShellPlan",
    "Site",
    "Softmax",
    "Some",
    "Spec",
    "Squash",
    "Stage",
    "Step",
    "Target",
    "TargetError",
    "TargetOptions",
    "Task",
    "Templates",
    "Tensor",
    "Toolchain",
    "ToolchainError",
    "ToolchainFinder",
    "Toolchains",
    "Upsampling",
    "Where",
    "WhereIs",
    "ZeroPadding",
    "Zynq",
    "board_json",
    "bridge_files",
    "build_scripts",
    "card_json",
    "check_identifier",
    "command_lines",
    "comment",
    "contract",
    "find_tool",
    "hookimpl",
    "host_files",
    "hwh_file",
    "kernel_files",
    "load_plugins",
    "nearest",
    "render",
    "script_of",
    "sh_word",
    "tcl_word",
    "version_of",
    "zynq",
]


def __getattr__(name: str) -> Any:
    # Networks and their operations are for sources of networks; targets need not wait for them.
    if name in __all__:
        return getattr(import_module("fpgac.plugins.networks"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
