"""A target's plan and toolchain, tried where no vendor's tool is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from fpgac.build.plan import Plan, Step
from fpgac.design.contract import Contract
from fpgac.design.design import Design
from fpgac.design.package import program_names
from fpgac.targets.board import Board, version_text

__all__ = ["plan_errors", "vendor_environment"]

# Tools that flows of AMD's call; each says the version that it is told to have.
TOOLS: Final = (
    *("v++", "vivado", "vitis_hls", "vitis-run", "emconfigutil"),
    "aarch64-linux-gnu-g++",
)
# The parts of AMD's common image that an SD card is packed from, and its sysroot.
_IMAGE: Final = ("rootfs.ext4", "Image", "sysroots/cortexa72-cortexa53-xilinx-linux/readme")

# What a build has beside its design: the proof's vectors.
_VECTORS: Final = "vectors/"


def vendor_environment(folder: Path, board: Board, version: tuple[int, ...]) -> dict[str, str]:
    """An environment in which AMD's tools of ``version`` seem to be installed, below ``folder``.

    Each tool is a script that says its version and does nothing; the board's platform and the
    common image of embedded platforms are there as well.
    """
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for tool in TOOLS:
        script = folder / "bin" / tool
        script.write_text(f"#!/bin/sh\necho '****** {tool} v{version_text(version)} (64-bit)'\n")
        script.chmod(0o755)
    for part in _IMAGE:
        (folder / "image" / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / "image" / part).touch()
    repository = folder / "repository"
    platforms = [_platform(repository, name) for name in _platforms(board, version)]
    variables = {
        "PATH": str(folder / "bin"),
        "EDGE_COMMON_SW": str(folder / "image"),
        "PLATFORM_REPO_PATHS": str(repository),
    }
    if board.platform_variable:
        variables[board.platform_variable] = str(platforms[0])
    return variables


def _platforms(board: Board, version: tuple[int, ...]) -> tuple[str, ...]:
    """The board's platforms, and those of the release: AMD's end with both, as in _202310_1."""
    year, half, *_ = version
    released = (re.sub(r"_20\d{4}_\d+$", f"_{year}{half}0_1", name) for name in board.platforms)
    return tuple(dict.fromkeys((*board.platforms, *released)))


def _platform(repository: Path, name: str) -> Path:
    file = repository / name / f"{name}.xpfm"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return file


def plan_errors(plan: Plan, design: Design, contract: Contract) -> list[str]:
    """What is wrong with a plan for ``design``, in words: a complaint for each step and thing."""
    return [
        *_step_errors(plan, design),
        *(complaint for step in plan.steps for complaint in _pattern_errors(step)),
        *(_program_errors(plan, contract) if design.part("hosts").files else ()),
    ]


def _step_errors(plan: Plan, design: Design) -> Iterator[str]:
    """What is wrong with names and files, in the order of the steps."""
    made: dict[str, str] = dict.fromkeys(design.files, "the design")
    names: set[str] = set()
    for step in plan.steps:
        if step.name in names:
            yield f"two steps are called {step.name!r}"
        names.add(step.name)
        for path in (*step.inputs, *step.outputs):
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts or str(pure) != path:
                yield f"the step {step.name!r} names {path!r}: a path is relative to the build"
        for path in step.inputs:
            if path not in made and not path.startswith(_VECTORS):
                yield f"the step {step.name!r} needs {path!r}, which nothing before it makes"
        for path in step.outputs:
            if path in made:
                yield f"the step {step.name!r} makes {path!r}, which {made[path]} has made"
            made[path] = f"the step {step.name!r}"
        if not step.outputs:
            yield f"the step {step.name!r} makes nothing: nobody knows when it is done"


def _pattern_errors(step: Step) -> Iterator[str]:
    for pattern in step.failure_patterns:
        for harmless in ("", "INFO: [v++ 60-791] Total elapsed time: 0h 1m 2s"):
            if re.search(pattern, harmless):
                yield (
                    f"the step {step.name!r} fails whenever its log has the line {harmless!r}: "
                    f"{pattern!r} matches it"
                )


def _program_errors(plan: Plan, contract: Contract) -> Iterator[str]:
    outputs = {PurePosixPath(path).name for step in plan.steps for path in step.outputs}
    for name in program_names(contract):
        if name not in outputs:
            yield f"no step makes {name}, which the host loads"
