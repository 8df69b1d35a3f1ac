"""The vendors' toolchains on this machine: where they are, and which version."""

from __future__ import annotations

import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from fpgac.build.processes import CommandError, last_lines, output_of
from fpgac.errors import Problem, ToolchainError, nearest

__all__ = [
    "Toolchain",
    "ToolchainFinder",
    "Toolchains",
    "find_tool",
    "parse_version",
    "version_of",
]

# The first call of v++ after a boot unpacks a good part of Vitis from disk.
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Toolchain:
    """An installed toolchain.

    ``path`` is its compiler's executable, beside which its other tools lie, unless ``elsewhere``
    says where, as it does of files that the tools need; ``version`` is ``(2021, 2)``; ``platform``
    is what the compiler takes after ``--platform``, where it matters.
    """

    name: str
    path: Path
    version: tuple[int, ...]
    platform: str = ""
    elsewhere: Mapping[str, Path] = field(default_factory=dict)

    def tool(self, name: str) -> str:
        """The path of one of its tools, or of a file that they need."""
        return str(self.elsewhere.get(name, self.path.with_name(name)))


class ToolchainFinder(ABC):
    """One kind of toolchain, and how it is found; a board file names it in its ``[toolchain]``."""

    name: ClassVar[str]
    #: Environment variables that name its licences, as files or as ``port@server``.
    licence_variables: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def find(self, environment: Mapping[str, str]) -> Toolchain:
        """The toolchain on this machine, of ``environment``.

        Raises:
            ToolchainError: there is none, or it does not say its version.
        """

    def platforms(self, environment: Mapping[str, str]) -> Mapping[str, Path]:
        """The platforms that it can build for, or the boards that it has files of, by name.

        They are found whether the toolchain itself is there or not; none, if it needs none.
        """
        return {}


@dataclass(frozen=True)
class Toolchains:
    """The toolchains of this machine: what plugins find in ``environment``."""

    environment: Mapping[str, str]
    finders: Mapping[str, ToolchainFinder]

    def find(self, name: str) -> Toolchain:
        """The toolchain called ``name``, as a board file names it.

        Raises:
            ToolchainError: no plugin knows it, or it is not on this machine.
        """
        if name in self.finders:
            return self.finders[name].find(self.environment)
        raise ToolchainError(
            Problem(
                f"no plugin finds a toolchain {name!r}",
                hint=nearest(name, self.finders),
                code="toolchain.unknown",
            )
        )


def parse_version(text: str) -> tuple[int, ...] | None:
    """The version in the banner of a Vitis tool, or None.

    >>> parse_version("****** v++ v2021.2 (64-bit)")
    (2021, 2)
    """
    match = re.search(r"\bv(20\d\d)\.(\d+)(?:\.(\d+))?\b", text)
    return tuple(int(part) for part in match.groups() if part is not None) if match else None


def find_tool(tool: str, environment: Mapping[str, str], variables: Iterable[str]) -> Path | None:
    """The tool on PATH, or else in ``bin`` of the folder that one of ``variables`` names."""
    folders = [environment.get("PATH", "")]
    folders += [str(Path(environment[name]) / "bin") for name in variables if environment.get(name)]
    for folder in folders:
        if found := shutil.which(tool, path=folder):
            return Path(found).absolute()
    return None


def version_of(path: Path, option: str, environment: Mapping[str, str]) -> tuple[int, ...]:
    """What a tool of AMD's says of its version when it is called with ``option``.

    Raises:
        ToolchainError: it does not say.
    """
    try:
        said = output_of(
            [path, option], timeout=PATIENCE_SECONDS, environment=environment, check=False
        )
    except CommandError as error:
        raise ToolchainError(_unclear(path, option, str(error))) from error
    version = parse_version(said)
    if version is None:
        raise ToolchainError(_unclear(path, option, last_lines(said, 1) or "nothing"))
    return version


def _unclear(path: Path, option: str, got: str) -> Problem:
    return Problem(
        f"{path} does not say its version",
        expected=f"a banner such as '{path.name} v2021.2 (64-bit)' from {path.name} {option}",
        got=got,
        hint="source <Vitis's folder>/settings64.sh; is the installation complete?",
        code="toolchain.unknown-version",
    )
