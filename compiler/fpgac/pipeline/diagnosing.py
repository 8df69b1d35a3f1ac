"""What of all that fpgac can use is on this machine, what that enables, and how to have the rest.

Nothing is asked of a network. Of a licence, only the place that the environment names is known:
what it covers the tool itself tells, in its log. Of credentials, only that there are some.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from fpgac.build.toolchains import Toolchain, ToolchainFinder, Toolchains
from fpgac.core.versions import hls_notice
from fpgac.emulation import HOST_KINDS, installed, missing
from fpgac.errors import FpgacError, Problem
from fpgac.targets.board import version_text

if TYPE_CHECKING:
    from fpgac.plugins import Plugins
    from fpgac.targets.target import Target

__all__ = ["Diagnosis", "Finding", "TargetState", "diagnose"]

Area = Literal["emulation", "toolchain", "machine", "cloud"]

_GIB: Final = 1 << 30

# What each part of the emulated card is for, and how to have it.
_EMULATION: Final[Mapping[str, tuple[str, str]]] = {
    "g++": ("exact emulation, C simulation, the emulated card", "apt install g++"),
    "XRT": ("hosts on the emulated card of a PCIe board", "apt install libxrt1 libxrt-dev"),
    "pynq": ("hosts in Python on the emulated card", "pip install 'fpgac[pynq]'"),
}
# Python packages that fpgac imports where they are asked for, by what they enable.
_PACKAGES: Final[Mapping[str, tuple[str, str]]] = {
    "tensorflow": ("fpgac train, Keras networks", "pip install 'fpgac[train]'"),
    "onnx": ("networks from ONNX files", "pip install 'fpgac[import]'"),
    "matplotlib": ("plots", "pip install 'fpgac[plots]'"),
}
# The variables and files in which AWS's tools look for credentials (AWS's reference guide of its
# SDKs and tools).
_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_OTHER_CREDENTIALS: Final = (
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
_CREDENTIAL_FILES: Final = {
    "AWS_SHARED_CREDENTIALS_FILE": ".aws/credentials",
    "AWS_CONFIG_FILE": ".aws/config",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    ``found`` is its version or place, and empty where it is missing; ``hint`` says how to have it,
    or what to mind.
    """

    area: Area
    name: str
    found: str
    enables: str = ""
    hint: str = ""


@dataclass(frozen=True)
class TargetState:
    """What this machine can do for a target, by one of its flows; ``flow`` is empty for the only.

    ``emulation`` and ``hardware`` are what is missing for them; ``notices`` are what to know: its
    life, versions, sizes.
    """

    target: Target[Any]
    flow: str
    emulation: tuple[Problem, ...]
    hardware: tuple[Problem, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What was found, and what it means for each target."""

    findings: tuple[Finding, ...]
    targets: tuple[TargetState, ...]


def diagnose(
    plugins: Plugins, target: str | None = None, environment: Mapping[str, str] | None = None
) -> Diagnosis:
    """Look at this machine, for all targets or for one; ``environment`` is by default its own.

    Raises:
        TargetError: there is no such target.
    """
    chosen = [plugins.target(target)] if target else list(plugins.targets.values())
    return _Machine(plugins, os.environ if environment is None else environment).diagnosis(chosen)


class _Remembering(ToolchainFinder):
    """A finder that looks once: the first call of a vendor's tool takes a while."""

    def __init__(self, finder: ToolchainFinder, environment: Mapping[str, str]) -> None:
        self._finder, self._environment = finder, environment

    @cached_property
    def _result(self) -> Toolchain | FpgacError:
        try:
            return self._finder.find(self._environment)
        except FpgacError as error:
            return error

    @cached_property
    def installed(self) -> Mapping[str, Path]:
        """The platforms or board files that are there."""
        return self._finder.platforms(self._environment)

    def find(self, environment: Mapping[str, str]) -> Toolchain:
        """See :meth:`ToolchainFinder.find`."""
        if isinstance(self._result, FpgacError):
            raise self._result
        return self._result


@dataclass(frozen=True)
class _Machine:
    plugins: Plugins
    environment: Mapping[str, str]

    def diagnosis(self, targets: Iterable[Target[Any]]) -> Diagnosis:
        finders = {
            name: _Remembering(finder, self.environment)
            for name, finder in self.plugins.toolchains.items()
        }
        flows = [
            (name, flow)
            for target in targets
            for name, flow in (target.flows or {"": target}).items()
        ]
        findings = (
            *_emulation(),
            *(each for name, finder in finders.items() for each in self._tools(name, finder)),
            *self._licences(),
            *_machine(),
            *_cloud(self.environment),
        )
        states = tuple(self._state(name, flow, finders) for name, flow in flows)
        return Diagnosis(findings, states)

    def _tools(self, name: str, finder: _Remembering) -> Iterator[Finding]:
        """A toolchain, and what it can build for."""
        boards = [
            flow.board
            for target in self.plugins.targets.values()
            for flow in (target.flows or {"": target}).values()
            if flow.board.toolchain.name == name
        ]
        try:
            tool = finder.find(self.environment)
        except FpgacError as error:
            what = error.problems[0]
            yield Finding("toolchain", name, "", _names(board.name for board in boards), what.hint)
        else:
            knows = _names(each.name for each in boards if tool.version in each.toolchain)
            others = _names(each.name for each in boards if tool.version not in each.toolchain)
            hint = f"another version is needed for {others}" if others else ""
            found = f"{version_text(tool.version)}, {tool.path}"
            yield Finding("toolchain", name, found, knows, hint)
        wanted = {platform for board in boards for platform in board.platforms}
        there = sorted(wanted & finder.installed.keys())
        enabled = _names(each.name for each in boards if {*each.platforms} & {*there})
        hint = "" if there else "fpgac targets show NAME says how to have a board's"
        yield Finding("toolchain", f"{name}'s platforms", ", ".join(there), enabled, hint)

    def _licences(self) -> Iterator[Finding]:
        variables = dict.fromkeys(
            name for finder in self.plugins.toolchains.values() for name in finder.licence_variables
        )
        for name in variables:
            for entry in filter(None, self.environment.get(name, "").split(os.pathsep)):
                yield Finding("toolchain", name, *_licence(entry))
        if variables and not any(self.environment.get(name) for name in variables):
            hint = f"parts beyond the tools' free edition need one, named by {_names(variables)}"
            yield Finding("toolchain", "licences", "", "builds for such parts", hint)

    def _state(
        self, name: str, flow: Target[Any], finders: Mapping[str, _Remembering]
    ) -> TargetState:
        board, notices = flow.board, [*filter(None, [flow.notice])]
        hardware: list[Problem] = []
        emulation = [p for host in board.hosts for p in missing(host, flow.interface)]
        try:
            tool = flow.toolchain(Toolchains(self.environment, finders))
        except FpgacError as error:
            hardware += error.problems
        else:
            images = board.toolchain.image_notice(tool.version)
            notices += filter(None, (hls_notice(tool.version), images))
            finder = finders.get(board.toolchain.name)
            there = finder.installed if finder else {}
            if there.keys().isdisjoint(board.platforms) and not board.platform_variable:
                notices.append(
                    f"{board.platforms[0]} was not found in the usual places: {board.platform_hint}"
                )
        return TargetState(
            flow,
            name,
            tuple({problem.what: problem for problem in emulation}.values()),
            tuple(hardware),
            (*notices, *_too_small(flow)),
        )


def _emulation() -> Iterator[Finding]:
    """What the emulated card and fpgac itself are made with, and the hosts that can run."""
    for name, found in installed().items():
        enables, hint = _EMULATION[name]
        yield Finding("emulation", name, found, enables, "" if found else hint)
    for kind in HOST_KINDS:
        problems = missing(kind)
        lacks = "; ".join(f"{each.what} ({each.hint})" for each in problems)
        yield Finding("emulation", f"{kind} host", "" if problems else "can run", hint=lacks)
    for name, (enables, hint) in _PACKAGES.items():
        there = find_spec(name) is not None
        yield Finding(
            "emulation", name, "installed" if there else "", enables, "" if there else hint
        )


def _licence(entry: str) -> tuple[str, str, str]:
    """What is known of a licence: found, enables, hint."""
    covers = "what it covers: Vivado's log says, at its first step"
    if "@" in entry:
        return entry, covers, "the server is not asked"
    if Path(entry).exists():
        return entry, covers, ""
    return "", covers, f"there is no {entry}"


def _machine() -> Iterator[Finding]:
    disk = shutil.disk_usage(".").free / _GIB
    yield Finding("machine", "free disk here", f"{disk:.0f} GiB")
    yield Finding("machine", "memory", f"{_memory():.0f} GiB")
    yield Finding("machine", "processors", str(os.cpu_count() or 1))


def _memory() -> float:
    """This machine's memory in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB


def _too_small(target: Target[Any]) -> Iterator[str]:
    """What a hardware build wants more of than there is."""
    disk = shutil.disk_usage(".").free / _GIB
    sizes = (("disk", target.disk_gib, disk), ("memory", target.memory_gib, _memory()))
    for name, wanted, there in sizes:
        if there < wanted:
            yield f"a hardware build wants some {wanted:g} GiB of {name}, and {there:.0f} are there"


def _cloud(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether there are credentials for AWS; never what they are."""
    enables = "fpgac afi"
    tool = shutil.which("aws", path=environment.get("PATH")) or ""
    hint = "" if tool else "install AWS's command line (aws), of version 1 or 2"
    yield Finding("cloud", "aws", tool, enables, hint)
    places = _names(_credentials(environment))
    hint = "" if places else "aws configure, or AWS_PROFILE; only AWS knows whether they are valid"
    yield Finding("cloud", "AWS credentials", places, enables, hint)


def _credentials(environment: Mapping[str, str]) -> Iterator[str]:
    """The places with credentials, by name."""
    if all(environment.get(name) for name in _KEYS):
        yield _KEYS[0]
    yield from (name for name in _OTHER_CREDENTIALS if environment.get(name))
    home = Path(environment.get("HOME", ""))
    for variable, usual in _CREDENTIAL_FILES.items():
        if Path(environment.get(variable) or home / usual).is_file():
            yield variable if environment.get(variable) else f"~/{usual}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
