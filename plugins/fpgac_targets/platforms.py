"""What AMD's tools can build for on this machine: Vitis's platforms, and Vivado's board files.

v++ takes a platform by its name from the folders in ``PLATFORM_REPO_PATHS``, from
``/opt/xilinx/platforms`` and from its own installation (UG1393; v++ lists them where it finds
none: Vitis-Tutorials, issue 3). Vivado has board files in its installation, and those that its
board store fetched below ``~/.Xilinx`` (UG895).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from fpgac.plugins import Problem, ToolchainError, find_tool

__all__ = ["board_files", "platform_folders", "require_platform", "vitis_platforms"]

_SYSTEM: Final = Path("/opt/xilinx/platforms")
_REPOSITORIES: Final = "PLATFORM_REPO_PATHS"


def platform_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where v++ looks for a platform by its name, in its order."""
    given = environment.get(_REPOSITORIES, "").split(os.pathsep)
    root = _root("v++", environment, "XILINX_VITIS")
    own = [root / "platforms", root / "base_platforms"] if root else []
    return (*map(Path, filter(None, given)), _SYSTEM, *own)


def vitis_platforms(environment: Mapping[str, str]) -> dict[str, Path]:
    """The platforms that v++ finds, by name, each with its ``.xpfm`` file."""
    found: dict[str, Path] = {}
    for folder in platform_folders(environment):
        for pattern in ("*.xpfm", "*/*.xpfm"):
            for file in sorted(folder.glob(pattern)):
                found.setdefault(file.stem, file)
    return found


def require_platform(name: str, environment: Mapping[str, str], hint: str) -> None:
    """See that v++ will find the platform.

    Raises:
        ToolchainError: it is in none of the places; ``hint`` says how to have it.
    """
    there = vitis_platforms(environment)
    if name not in there:
        raise ToolchainError(
            Problem(
                f"the platform {name} is not installed",
                expected=f"{name}/{name}.xpfm in "
                + ", ".join(map(str, platform_folders(environment))),
                got=", ".join(sorted(there)) or "no platform",
                hint=f"{hint}; where it lies elsewhere, name its folder in {_REPOSITORIES}",
                code="toolchain.no-platform",
            )
        )


def board_files(environment: Mapping[str, str]) -> dict[str, Path]:
    """The boards that Vivado has files of, by ``board_part``, such as
    ``tul.com.tw:pynq-z2:part0:1.0``."""
    root = _root("vivado", environment, "XILINX_VIVADO")
    folders = [root / "data/boards", root / "data/xhub/boards"] if root else []
    if home := environment.get("HOME"):
        folders.append(Path(home, ".Xilinx"))
    files = (file for folder in folders for file in sorted(folder.rglob("board.xml")))
    return {name: file for file in files for name in _board_parts(file)}


def _board_parts(file: Path) -> Iterator[str]:
    """The ``board_part`` of each FPGA in a board file; none where it is damaged."""
    with contextlib.suppress(ElementTree.ParseError, OSError):
        board = ElementTree.parse(file).getroot()
        version = (board.findtext("file_version") or "").strip()
        for component in board.iterfind("components/component[@type='fpga']"):
            names = (board.get("vendor"), board.get("name"), component.get("name"), version)
            yield ":".join(name or "" for name in names)


def _root(tool: str, environment: Mapping[str, str], variable: str) -> Path | None:
    """The folder of the installation that has ``tool``."""
    path = find_tool(tool, environment, [variable])
    return path.resolve().parents[1] if path else None
