"""A board that can be built by several flows: one name in specs, a target for each flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fpgac.build.plan import Plan
from fpgac.build.toolchains import Toolchain, Toolchains
from fpgac.core.core import Core
from fpgac.design.contract import Contract
from fpgac.design.design import Design
from fpgac.errors import Problem, SpecError, TargetError, Where, nearest
from fpgac.spec.lines import KeyPath, key_text, nearest_line
from fpgac.targets.board import Mode
from fpgac.targets.target import Target, TargetOptions

__all__ = ["Flows"]


class Flows(Target[TargetOptions]):
    """One board, several flows; ``flow`` in a spec's table says which, the first by default.

    A subclass sets ``flows``: targets of one board's name, by what ``flow`` calls them. The options
    of each have a field ``flow`` with that value. The first one also stands for the board where no
    options are at hand. A whole one::

        class MyBoard(Flows):
            flows = {"vivado": MyBoardByVivado(), "vitis": MyBoardByVitis()}
            board = MyBoardByVivado.board
    """

    Options = TargetOptions

    def __init__(self) -> None:
        super().__init__()
        for name, flow in self.flows.items():
            field = flow.Options.model_fields.get("flow")
            if flow.name != self.name or field is None or field.default != name:
                raise TypeError(
                    f"the flow {name!r} of {type(self).__name__} must be a target called "
                    f"{self.name!r} whose options have flow = {name!r}"
                )

    @property
    def tables(self) -> tuple[type[BaseModel], ...]:
        """See :attr:`Target.tables`."""
        return tuple(flow.Options for flow in self.flows.values())

    def options(
        self,
        table: Mapping[str, Any],
        file: Path | None = None,
        lines: Mapping[KeyPath, int] | None = None,
    ) -> Any:
        """The options of the flow that the table asks for; see :meth:`Target.options`."""
        asked = table.get("flow", next(iter(self.flows)))
        for name, flow in self.flows.items():
            if asked == name:
                try:
                    return flow.options(table, file, lines)
                except TargetError as error:
                    raise TargetError(*map(self._with_all_hosts, error.problems)) from None
        key = ("targets", self.name, "flow")
        raise SpecError(
            Problem(
                "not one of the choices",
                Where(file, nearest_line(lines or {}, key), key_text(key)),
                expected=" or ".join(map(repr, self.flows)),
                got=repr(asked),
                hint=nearest(str(asked), self.flows),
                code="spec.unknown-choice",
            )
        )

    def flow(self, options: TargetOptions) -> Target[Any]:
        """See :meth:`Target.flow`."""
        return next(f for f in self.flows.values() if type(options) is f.Options)

    def hosts(self, options: TargetOptions) -> tuple[str, ...]:
        """See :meth:`Target.hosts`."""
        return self.flow(options).hosts(options)

    def design(
        self, name: str, core: Core, options: TargetOptions, description: str = ""
    ) -> Design:
        """See :meth:`Target.design`."""
        return self.flow(options).design(name, core, options, description)

    def toolchain(self, tools: Toolchains) -> Toolchain:
        """The first flow's; see :meth:`Target.toolchain`."""
        return self._first.toolchain(tools)

    def plan(
        self,
        design: Design,
        mode: Mode,
        toolchain: Toolchain,
        *,
        contract: Contract,
        clock_mhz: float,
    ) -> Plan:
        """The first flow's; see :meth:`Target.plan`."""
        return self._first.plan(design, mode, toolchain, contract=contract, clock_mhz=clock_mhz)

    def _with_all_hosts(self, problem: Problem) -> Problem:
        """A host that one flow lacks may be another's: the hint names the hosts of each."""
        if problem.where is None or f"{self.name}.hosts" not in problem.where.key:
            return problem
        offers = [
            f'flow = "{name}" has {", ".join(flow.board.hosts)}'
            for name, flow in self.flows.items()
        ]
        return replace(problem, hint="; ".join(offers))

    @property
    def _first(self) -> Target[Any]:
        return next(iter(self.flows.values()))
