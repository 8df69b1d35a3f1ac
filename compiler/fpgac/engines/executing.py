"""A user's own program, unchanged, with the emulated card or board of a build around it."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fpgac.engines.built import Build
from fpgac.errors import BuildError, Problem, TargetError, Where
from fpgac.steps.plan import Engine, program_file
from fpgac.targets.card import CARD

if TYPE_CHECKING:
    from fpgac.emulation import HostKind, HostRun

__all__ = ["Execution", "interpreted", "is_python"]

Line = Callable[[str], None]

_PYTHON: Final = re.compile(r"python[0-9.]*")
# What hosts call the emulated card's program, by its suffix: F1 loads an image's file.
_NAMES: Final = {".xclbin": (".xclbin", ".awsxclbin"), ".bit": (".bit", ".hwh")}


@dataclass(frozen=True)
class Execution:
    """What to run around the build in ``folder``.

    ``devices`` cards are emulated, in which ``engine`` computes; after ``timeout`` seconds the
    program is ended.
    """

    folder: Path
    devices: int = 1
    engine: Engine = "hls"
    timeout: float = 600.0

    def run(self, command: Sequence[str], on_output: Line, on_error: Line) -> HostRun:
        """Run ``command`` here, until it ends by itself, with whatever exit code.

        What it writes goes to ``on_output`` and ``on_error``, line by line. Python finds the
        build's package, whose class loads the emulated card's program unless it is given another.

        Raises:
            BuildError: the folder is no build, or was not built to the end.
            TargetError: the build has no kernel of the engine.
            EmulationError: the program crashed, or hung, or the card failed.
            ToolchainError: no g++, or no XRT where the card needs it.
        """
        from fpgac.emulation import read_card, run_host

        build = Build.open(self.folder)
        loaded = self._loaded(build)
        with tempfile.TemporaryDirectory(prefix="fpgac-exec-") as modules:
            _overlay(build, loaded, Path(modules))
            return run_host(
                [interpreted(command[0]), *command[1:]],
                kind=_kind(build, command[0]),
                card=read_card(build.folder / CARD),
                devices=self.devices,
                cwd=Path.cwd(),
                timeout=self.timeout,
                on_output=on_output,
                on_error=on_error,
                modules=Path(modules),
            )

    def _loaded(self, build: Build) -> Path:
        """What the emulated card loads."""
        path = build.folder / program_file(build.contract, self.engine)
        if path.is_file():
            return path
        where = Where(path)
        if self.engine == "exact":
            hint = "--engine hls runs the kernel's own C++"
            what = "the build has no exact kernel"
            raise TargetError(Problem(what, where, hint=hint, code="target.no-kernel"))
        hint = "run fpgac compile again; it says what is missing"
        raise BuildError(
            Problem(f"the build lacks {path.name}", where, hint=hint, code="build.unfinished")
        )


def interpreted(name: str) -> str:
    """The interpreter that runs fpgac for ``python``, with pynq beside it; else what was given."""
    return sys.executable if name in ("python", "python3") else name


def _kind(build: Build, program: str) -> HostKind:
    """What the program is to the card: pynq alone takes no emulation from its environment."""
    return "pynq" if build.contract.interface == "axis" or is_python(program) else "xrt"


def is_python(program: str) -> bool:
    """Whether Python runs ``program``: its name says so, or its first line."""
    path = shutil.which(program)
    if _PYTHON.fullmatch(Path(program).name) or path is None:
        return path is not None
    with Path(path).open("rb") as stream:
        first = stream.readline(256)
    return first.startswith(b"#!") and b"python" in first


def _overlay(build: Build, loaded: Path, modules: Path) -> None:
    """The build's Python package in ``modules``, with the emulated card's program in it."""
    name = build.contract.name
    package = build.folder / "package" / f"{name}_overlay"
    if not package.is_dir():
        return  # the build has no Python host
    made = modules / package.name
    made.mkdir()
    for path in package.iterdir():
        if path.suffix not in _NAMES[loaded.suffix]:
            (made / path.name).symlink_to(path.resolve())
    for suffix in _NAMES[loaded.suffix]:
        source = loaded if loaded.suffix == ".xclbin" else loaded.with_suffix(suffix)
        (made / f"{name}{suffix}").symlink_to(source.resolve())
