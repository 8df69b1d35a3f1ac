"""Tcl scripts for Vivado and Vitis HLS, run with a recorder in the tools' place.

The recorder, ``vivado_shim.tcl``, knows the tools' commands with their options, and some IP with
its pins and parameters; what it does not know it refuses. More can be taught to it by a Tcl file.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from fpgac.testing.processes import run

__all__ = ["SHIM", "tcl_errors", "tool_of"]

SHIM: Final = Path(__file__).with_name("vivado_shim.tcl")

_HLS_COMMANDS: Final = re.compile(
    r"^\s*(set_top|open_solution|open_component|csynth_design)\b", re.M
)


def tool_of(script: str) -> Literal["hls", "vivado"]:
    """The tool that the text of a script is for."""
    return "hls" if _HLS_COMMANDS.search(script) else "vivado"


def tcl_errors(paths: Iterable[str], folder: Path, more: Path | None = None) -> dict[str, str]:
    """Run the scripts at ``paths`` in ``folder``, those for HLS first; the complaints, by path.

    A script that another one sources runs with that one only. ``more`` is a Tcl file that the
    recorder reads first: it may declare IP and commands, as the recorder does itself.
    """
    texts = {path: (folder / path).read_text(encoding="utf-8") for path in paths}
    if texts and not shutil.which("tclsh"):
        return dict.fromkeys(texts, "there is no tclsh to run it: apt install tcl")
    alone = [path for path in texts if not _is_sourced(path, texts.values())]
    ordered = sorted(alone, key=lambda path: (tool_of(texts[path]) == "vivado", path))
    complaints = {path: _complaint(path, tool_of(texts[path]), folder, more) for path in ordered}
    return {path: complaint for path, complaint in complaints.items() if complaint}


def _is_sourced(path: str, texts: Iterable[str]) -> bool:
    sources = re.compile(rf"^\s*source\b.*\b{re.escape(Path(path).name)}\b", re.M)
    return any(sources.search(text) for text in texts)


def _complaint(path: str, tool: str, folder: Path, more: Path | None) -> str:
    taught = {"SHIM_MORE": str(more.absolute())} if more else {}
    command = ["tclsh", str(SHIM), tool, path]
    code, out, errors = run(command, folder, environment={**os.environ, **taught})
    return f"{out}{errors}".strip() or f"exit code {code}" if code else ""
