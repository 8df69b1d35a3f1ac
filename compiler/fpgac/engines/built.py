"""A build folder as whoever uses a build meets it: what it was made for, and how to ask it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy.typing as npt

from fpgac.build.folder import LOCK_NAME, require_unlocked
from fpgac.build.plan import Plan
from fpgac.data.rows import read_rows, rows_name
from fpgac.data.vectors import EXPECTED, INPUTS
from fpgac.design.contract import Contract
from fpgac.engines.engine import Vectors
from fpgac.errors import BuildError, Problem, Where
from fpgac.numbers import IntArray
from fpgac.plain import loads
from fpgac.steps.plan import CONTRACT
from fpgac.tensors import Layout

if TYPE_CHECKING:
    from fpgac.program.program import Program

__all__ = ["CARD_PLAN", "PROGRAM", "Build", "CardPlan"]

# Where a build keeps its :class:`CardPlan`, and its exact program.
CARD_PLAN: Final = "emulation/plan.json"
PROGRAM: Final = "program/program.json"


@dataclass(frozen=True)
class CardPlan:
    """How the emulated card's side of a design is built.

    ``hosts`` are those of the design.
    """

    hosts: tuple[str, ...]
    plan: Plan


@dataclass(frozen=True)
class Build:
    """A build in ``folder``, whose design has these ``hosts``."""

    folder: Path
    contract: Contract
    hosts: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path) -> Build:
        """The build in ``folder``.

        Raises:
            BuildError: the folder is no build, was not built to the end, or is being written.
        """
        require_unlocked(folder)
        if not (folder / LOCK_NAME).is_file():
            raise _no_build(folder)
        try:
            contract = Contract.from_json((folder / CONTRACT).read_bytes())
            card = loads(CardPlan, (folder / CARD_PLAN).read_bytes())
        except FileNotFoundError:
            raise _unfinished("the build was not finished", folder) from None
        except ValueError as error:
            raise _unfinished("the build is damaged", folder, str(error)) from None
        return cls(folder, contract, card.hosts)

    @property
    def input_layout(self) -> Layout:
        """How a sample of all inputs lies in a row."""
        return self.contract.input_layout

    @property
    def output_layout(self) -> Layout:
        """How a result of all outputs lies in a row."""
        return self.contract.output_layout

    @property
    def program(self) -> Program:
        """The network's exact program.

        Raises:
            BuildError: its file is missing or damaged.
        """
        from fpgac.program.file import read_program

        return read_program(self.folder / PROGRAM)

    @property
    def inputs(self) -> Path:
        """The file of :attr:`vectors`, for hosts."""
        return self.folder / rows_name(INPUTS, self.input_layout)

    @property
    def vectors(self) -> Vectors:
        """The build's own vectors."""
        numbers = self._rows(INPUTS, self.input_layout)
        return Vectors("vectors", self.input_layout, numbers)

    @property
    def expected(self) -> IntArray:
        """The proof's raw words for :attr:`vectors`.

        Raises:
            BuildError: the build was not proven.
        """
        return self._rows(EXPECTED, self.output_layout)

    def _rows(self, name: str, layout: Layout) -> npt.NDArray[Any]:
        try:
            return read_rows((self.folder / rows_name(name, layout)).read_bytes(), layout)
        except FileNotFoundError:
            raise _unfinished("the build was not proven", self.folder) from None


def _no_build(folder: Path) -> BuildError:
    spec = shlex.quote(str(folder)) if folder.suffix == ".toml" else "SPEC"
    return BuildError(
        Problem(
            "this is no build folder",
            Where(folder),
            expected=f"a folder with {LOCK_NAME}, made by fpgac compile",
            hint=f"fpgac compile {spec} --target TARGET makes one below build/",
            code="build.no-build",
        )
    )


def _unfinished(what: str, folder: Path, got: str = "") -> BuildError:
    hint = "run fpgac compile again"
    return BuildError(Problem(what, Where(folder), got=got, hint=hint, code="build.unfinished"))
