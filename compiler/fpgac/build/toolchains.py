"""The vendors' toolchains on this machine: where they are, and which version."""

from __future__ import annotations

import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from fpgac.build.processes import CommandError, last_lines, output_of
from fpgac.errors import Problem, ToolchainError, nearest

__all__ = [
    "Toolchain",
    "ToolchainFinder",
    "VitisFinder",
    "VivadoFinder",
    "find_toolchain",
    "find_vitis",
    "find_vivado",
    "finding_with",
    "parse_version",
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


def find_vitis(environment: Mapping[str, str]) -> Toolchain:
    """The ``v++`` on the PATH of ``environment``, or else under its ``XILINX_VITIS``.

    Raises:
        ToolchainError: there is none, or it does not say its version.
    """
    path = _find("v++", environment, ["XILINX_VITIS"])
    if path is None:
        root = environment.get("XILINX_VITIS")
        raise ToolchainError(
            Problem(
                "v++, the compiler of AMD's Vitis, was not found",
                expected="v++ on PATH, or XILINX_VITIS naming Vitis's folder",
                got=f"XILINX_VITIS={root}, without bin/v++" if root else "neither",
                hint="source <Vitis's folder>/settings64.sh and try again; without Vitis, the "
                "emulated card works: leave out --mode",
                code="toolchain.not-found",
            )
        )
    return Toolchain("Vitis", path, _ask_version(path, "--version", environment))


def find_vivado(environment: Mapping[str, str]) -> Toolchain:
    """The ``vivado`` of ``environment``, and the HLS of its version, which may lie elsewhere.

    Both are on its PATH, or else under its ``XILINX_VIVADO``, ``XILINX_HLS`` and ``XILINX_VITIS``.
    HLS is driven by ``vitis_hls`` up to 2024.2 and by ``vitis-run`` after it.

    Raises:
        ToolchainError: one of the two is missing, or Vivado does not say its version.
    """
    path = _find("vivado", environment, ["XILINX_VIVADO"])
    if path is None:
        raise ToolchainError(_missing("vivado", "AMD's Vivado"))
    version = _ask_version(path, "-version", environment)
    driver = "vitis_hls" if version < (2025, 1) else "vitis-run"
    hls = _find(driver, environment, ["XILINX_HLS", "XILINX_VITIS"])
    if hls is None:
        raise ToolchainError(_missing(driver, "AMD's Vitis HLS"))
    return Toolchain("Vivado", path, version, elsewhere={driver: hls})


class ToolchainFinder(ABC):
    """One kind of toolchain, and how it is found; a board file names it in its ``[toolchain]``."""

    name: ClassVar[str]

    @abstractmethod
    def find(self, environment: Mapping[str, str]) -> Toolchain:
        """The toolchain on this machine, of ``environment``.

        Raises:
            ToolchainError: there is none, or it does not say its version.
        """


class VitisFinder(ToolchainFinder):
    """AMD's Vitis."""

    name = "Vitis"

    def find(self, environment: Mapping[str, str]) -> Toolchain:
        """See :func:`find_vitis`."""
        return find_vitis(environment)


class VivadoFinder(ToolchainFinder):
    """AMD's Vivado, with the HLS of its version."""

    name = "Vivado"

    def find(self, environment: Mapping[str, str]) -> Toolchain:
        """See :func:`find_vivado`."""
        return find_vivado(environment)


_BUILT_IN: Final[Mapping[str, ToolchainFinder]] = {
    finder.name: finder for finder in (VitisFinder(), VivadoFinder())
}
_FINDERS: Final = ContextVar("finders", default=_BUILT_IN)


@contextmanager
def finding_with(finders: Mapping[str, ToolchainFinder]) -> Iterator[None]:
    """Let :func:`find_toolchain` know ``finders``, by name, instead of the built-in one only."""
    token = _FINDERS.set(finders)
    try:
        yield
    finally:
        _FINDERS.reset(token)


def find_toolchain(name: str, environment: Mapping[str, str]) -> Toolchain:
    """The toolchain called ``name``, as a board file names it, found in ``environment``.

    Raises:
        ToolchainError: no plugin knows it, or it is not on this machine.
    """
    finders = _FINDERS.get()
    if name in finders:
        return finders[name].find(environment)
    raise ToolchainError(
        Problem(
            f"no plugin finds a toolchain {name!r}",
            hint=nearest(name, finders),
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


def _find(tool: str, environment: Mapping[str, str], variables: Iterable[str]) -> Path | None:
    """A tool on PATH, or else in ``bin`` of the folder that one of ``variables`` names."""
    folders = [environment.get("PATH", "")]
    folders += [str(Path(environment[name]) / "bin") for name in variables if environment.get(name)]
    for folder in folders:
        if found := shutil.which(tool, path=folder):
            return Path(found).absolute()
    return None


def _missing(tool: str, product: str) -> Problem:
    return Problem(
        f"{tool}, of {product}, was not found",
        expected=f"{tool} on PATH",
        hint="source settings64.sh in Vitis's folder, which brings Vivado along, and try again; "
        "without them, the emulated board works: leave out --mode",
        code="toolchain.not-found",
    )


def _ask_version(path: Path, option: str, environment: Mapping[str, str]) -> tuple[int, ...]:
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
