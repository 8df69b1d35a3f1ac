"""AMD's toolchains on this machine: Vitis, and Vivado with the HLS of its version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from fpgac.plugins import (
    Problem,
    Toolchain,
    ToolchainError,
    ToolchainFinder,
    find_tool,
    version_of,
)
from fpgac_targets.platforms import board_files, vitis_platforms

__all__ = ["UNIFIED", "VitisFinder", "VivadoFinder", "find_vitis", "find_vivado", "hls_driver"]

# The first version without vitis_hls.
UNIFIED = (2025, 1)

# Where FlexNet, which manages AMD's licences, looks for them (UG973).
_LICENCES: Final = ("XILINXD_LICENSE_FILE", "LM_LICENSE_FILE")


class VitisFinder(ToolchainFinder):
    """AMD's Vitis."""

    name = "Vitis"
    licence_variables: ClassVar[tuple[str, ...]] = _LICENCES

    def find(self, environment: Mapping[str, str]) -> Toolchain:
        """See :func:`find_vitis`."""
        return find_vitis(environment)

    def platforms(self, environment: Mapping[str, str]) -> Mapping[str, Path]:
        """See :func:`fpgac_targets.platforms.vitis_platforms`."""
        return vitis_platforms(environment)


class VivadoFinder(ToolchainFinder):
    """AMD's Vivado, with the HLS of its version."""

    name = "Vivado"
    licence_variables: ClassVar[tuple[str, ...]] = _LICENCES

    def find(self, environment: Mapping[str, str]) -> Toolchain:
        """See :func:`find_vivado`."""
        return find_vivado(environment)

    def platforms(self, environment: Mapping[str, str]) -> Mapping[str, Path]:
        """See :func:`fpgac_targets.platforms.board_files`."""
        return board_files(environment)


def find_vitis(environment: Mapping[str, str]) -> Toolchain:
    """The ``v++`` on the PATH of ``environment``, or else under its ``XILINX_VITIS``.

    Raises:
        ToolchainError: there is none, or it does not say its version.
    """
    path = find_tool("v++", environment, ["XILINX_VITIS"])
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
    return Toolchain("Vitis", path, version_of(path, "--version", environment))


def find_vivado(environment: Mapping[str, str]) -> Toolchain:
    """The ``vivado`` of ``environment``, and the HLS of its version, which may lie elsewhere.

    Both are on its PATH, or else under its ``XILINX_VIVADO``, ``XILINX_HLS`` and ``XILINX_VITIS``.
    HLS is driven by ``vitis_hls`` up to 2024.2 and by ``vitis-run`` after it.

    Raises:
        ToolchainError: one of the two is missing, or Vivado does not say its version.
    """
    path = find_tool("vivado", environment, ["XILINX_VIVADO"])
    if path is None:
        raise ToolchainError(_missing("vivado", "AMD's Vivado"))
    version = version_of(path, "-version", environment)
    driver = hls_driver(version)
    hls = find_tool(driver, environment, ["XILINX_HLS", "XILINX_VITIS"])
    if hls is None:
        raise ToolchainError(_missing(driver, "AMD's Vitis HLS"))
    return Toolchain("Vivado", path, version, elsewhere={driver: hls})


def hls_driver(version: tuple[int, ...]) -> str:
    """The program that drives the HLS of ``version``."""
    return "vitis_hls" if version < UNIFIED else "vitis-run"


def _missing(tool: str, product: str) -> Problem:
    return Problem(
        f"{tool}, of {product}, was not found",
        expected=f"{tool} on PATH",
        hint="source settings64.sh in Vitis's folder, which brings Vivado along, and try again; "
        "without them, the emulated board works: leave out --mode",
        code="toolchain.not-found",
    )
