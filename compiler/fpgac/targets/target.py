"""The base class of every target: one board, what it offers, and how a design is made for it."""

from __future__ import annotations

import difflib
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fpgac.build.plan import Plan
from fpgac.build.toolchains import Toolchain, Toolchains
from fpgac.core.core import Core
from fpgac.design.contract import Contract, Interface
from fpgac.design.design import Design
from fpgac.design.scripts import ShellPlan
from fpgac.errors import Problem, SpecError, TargetError, ToolchainError, Where, nearest
from fpgac.spec.lines import KeyPath, key_text, nearest_line
from fpgac.spec.mistakes import problems_of
from fpgac.spec.models import BudgetSection, Strategy
from fpgac.targets.board import Board, Mode, version_text
from fpgac.targets.delivery import DeliveryEngine

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["LayerOptions", "Mode", "Some", "Target", "TargetOptions", "WhereIs"]


def _not_empty(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if names == ():
        raise ValueError("empty: name at least one, or leave the key away")
    return names


# An option that names things, at least one of them, or is left to the target.
Some = Annotated[tuple[str, ...] | None, AfterValidator(_not_empty)]


class LayerOptions(BaseModel):
    """What a spec may say of one layer on one target: ``[targets.NAME.layers.LAYER]``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    reuse_factor: int | None = Field(
        default=None, ge=1, description="Multiplications that share one multiplier."
    )
    strategy: Strategy | None = Field(default=None, description="hls4ml's strategy.")


class TargetOptions(BaseModel):
    """What a spec may say in the table of a target; a target adds keys of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    compute_units: int = Field(
        default=1, ge=1, le=60, description="Copies of the kernel on the card."
    )
    hosts: Some = Field(
        default=None,
        description="The hosts to write; by default all that the board offers.",
    )
    clock_mhz: float | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="The kernel's clock; by default that of [hls], or else the board's own.",
    )
    reuse_factor: int | None = Field(
        default=None, ge=1, description="On this target instead of hls.reuse_factor."
    )
    strategy: Strategy | None = Field(
        default=None, description="On this target instead of hls.strategy."
    )
    layers: dict[str, LayerOptions] = Field(
        default_factory=dict,
        description="A table for each layer with a reuse_factor or a strategy of its own here.",
    )
    budget: BudgetSection = Field(
        default_factory=BudgetSection,
        description="A table with keys of [budget] that are others on this target.",
    )
    clock_tolerance: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="The part of the clock that a build may lose to timing before it fails: "
        "v++ lowers a clock whose timing does not close.",
    )


OptionsT = TypeVar("OptionsT", bound=TargetOptions)
# From the path of a key, below the target's table, to its place in the spec.
WhereIs = Callable[..., Where]


class Target(ABC, Generic[OptionsT]):
    """One board, as something that a design can be made for.

    A subclass sets ``board`` and ``Options``, and says how a design and a plan are made; it holds
    no state. Everything about the card that is data stands in its board file. A whole plugin::

        from importlib.resources import files

        from fpgac.plugins import Board, Target, TargetOptions, hookimpl


        class MyCard(Target[TargetOptions]):
            board = Board.load(files(__package__) / "my-card.toml")
            Options = TargetOptions

            def design(self, name, core, options, description=""): ...

            def toolchain(self, tools): ...

            def plan(self, design, mode, toolchain, *, contract, clock_mhz): ...


        @hookimpl
        def fpgac_targets():
            return [MyCard]
    """

    board: ClassVar[Board]
    Options: type[OptionsT]
    #: How samples and results come to its kernels and go.
    interface: ClassVar[Interface] = "m_axi"
    #: What runs the files that it delivers, where a kernel and hosts are not all of them.
    engines: ClassVar[tuple[DeliveryEngine, ...]] = ()
    #: The flows that a spec's ``flow`` can choose from, by name; none for most boards.
    flows: ClassVar[Mapping[str, Target[Any]]] = {}
    #: Packages whose ``templates/`` come before fpgac's own, the first one first.
    template_packages: ClassVar[tuple[str, ...]] = ()
    #: What can be done where a line of a build's log matches a regular expression.
    remedies: ClassVar[Mapping[str, str]] = {}
    #: What a hardware build wants of disk and memory, roughly; 0 where nobody knows.
    disk_gib: ClassVar[float] = 0
    memory_gib: ClassVar[float] = 0

    def __init__(self) -> None:
        if missing := [name for name in ("board", "Options") if not hasattr(self, name)]:
            raise TypeError(f"{type(self).__name__} does not set {' and '.join(missing)}")

    @property
    def name(self) -> str:
        """What a spec and ``--target`` call it."""
        return self.board.name

    @property
    def depends_on(self) -> tuple[Path, ...]:
        """Files, and folders of files, that its designs are made from beside its code and board.

        A change in one of them makes the designs again. By default, they are the folders
        ``templates`` beside the modules of its classes, and those of :attr:`template_packages`.
        """
        modules = (sys.modules.get(base.__module__) for base in type(self).__mro__)
        files = dict.fromkeys(getattr(module, "__file__", None) for module in modules)
        beside = [Path(file).with_name("templates") for file in files if file]
        own = [Path(str(resources(name))) / "templates" for name in self.template_packages]
        return tuple(folder for folder in dict.fromkeys((*beside, *own)) if folder.is_dir())

    @property
    def notice(self) -> str | None:
        """What a user must know of the board, in one line: its end, or that no card is built."""
        ends_early = "hw" not in self.board.modes
        return self.board.life.notice or (self.board.stops if ends_early else None)

    @property
    def tables(self) -> tuple[type[BaseModel], ...]:
        """What a spec's table for this target may be: one of these models."""
        return (self.Options,)

    def loaders(self) -> list[BaseLoader]:
        """Where templates are looked up before fpgac's own."""
        from jinja2 import PackageLoader

        return [PackageLoader(package, "templates") for package in self.template_packages]

    def flow(self, options: OptionsT) -> Target[Any]:
        """The target that does the work for ``options``: this one, or one of :attr:`flows`."""
        return self

    @abstractmethod
    def design(self, name: str, core: Core, options: OptionsT, description: str = "") -> Design:
        """All files for ``core`` on this board, under the spec's ``name``.

        Pure: the same arguments give the same bytes, on every machine. ``emulation/card.json``
        among them describes the card to the emulation.

        Raises:
            TargetError: the board does not offer what is asked for.
        """

    @abstractmethod
    def toolchain(self, tools: Toolchains) -> Toolchain:
        """The vendor's toolchain for this board, among the ``tools`` of this machine.

        Raises:
            ToolchainError: there is none, or none of the versions that know the board.
        """

    @abstractmethod
    def plan(
        self,
        design: Design,
        mode: Mode,
        toolchain: Toolchain,
        *,
        contract: Contract,
        clock_mhz: float,
    ) -> Plan:
        """The vendor's steps from ``design`` to an xclbin for hardware emulation or the card.

        ``contract`` is the design's, and ``clock_mhz`` the clock of its kernel.
        """

    def shell_plans(
        self, design: Design, mode: Mode, *, contract: Contract, clock_mhz: float
    ) -> tuple[ShellPlan, ...]:
        """:meth:`plan` as ``scripts/build.sh`` has it; none where a design has no such script.

        One for each range of versions. A launcher needs them whose machine has tools of its own.
        """
        return ()

    def options(
        self,
        table: Mapping[str, Any],
        file: Path | None = None,
        lines: Mapping[KeyPath, int] | None = None,
    ) -> OptionsT:
        """The options in a spec's table for this target.

        ``file`` and ``lines`` (of :class:`fpgac.spec.loader.SpecFile`) tell errors where the
        table stands.

        Raises:
            SpecError: unknown keys and wrong types, all of them.
            TargetError: the board does not offer what is asked for, with all that it does not.
        """
        root, known_lines = ("targets", self.name), lines or {}

        def where(*path: str | int) -> Where:
            whole = (*root, *path)
            return Where(file, nearest_line(known_lines, whole), key_text(whole))

        try:
            options = self._read(table)
        except ValidationError as error:
            unsound = problems_of(error, self.Options, file, known_lines, dict(table), root)
            raise SpecError(*unsound, *self._refused_as_meant(table, where)) from None
        if refused := self.refused(options, where):
            raise TargetError(*refused)
        return options

    def _read(self, table: Mapping[str, Any]) -> OptionsT:
        # Through JSON, whose strict mode takes arrays as tuples but no string as a number.
        return self.Options.model_validate_json(json.dumps(dict(table), default=str))

    def _refused_as_meant(self, table: Mapping[str, Any], where: WhereIs) -> list[Problem]:
        """What is refused of a table with unknown keys, each read as the key that it is most like.

        So a mistyped key hides nothing; where values cannot be either, nothing is known.
        """
        known = tuple(self.Options.model_fields)
        meant: dict[str, Any] = {}
        for key, said in table.items():
            if alike := difflib.get_close_matches(key, known, n=1):
                meant.setdefault(alike[0], said)
        try:
            return self.refused(self._read(meant), where)
        except ValidationError:
            return []

    def refused(self, options: OptionsT, where: WhereIs) -> list[Problem]:
        """What the board does not offer of ``options``; ``where`` places a key of the table."""
        offered = ", ".join(self.board.hosts)
        return [
            Problem(
                f"{self.name} offers no host {host!r}",
                where("hosts", place),
                expected=f"some of {offered}" if offered else "no hosts",
                hint=nearest(host, self.board.hosts),
                code="target.unknown-host",
            )
            for place, host in enumerate(options.hosts or ())
            if host not in self.board.hosts
        ]

    def hosts(self, options: OptionsT) -> tuple[str, ...]:
        """The hosts to write, in the board's order."""
        return tuple(h for h in self.board.hosts if options.hosts is None or h in options.hosts)

    def check_clock(self, clock_mhz: float, where: Where | None = None) -> None:
        """Refuse a kernel clock, in MHz, that the board cannot give.

        Raises:
            TargetError: the clock is too fast.
        """
        most = self.board.clock.maximum_mhz
        if clock_mhz > most:
            raise TargetError(
                Problem(
                    f"{self.name} cannot clock a kernel so fast",
                    where or Where(key="hls.clock_mhz"),
                    expected=f"at most {most:g} MHz",
                    got=f"{clock_mhz:g} MHz",
                    hint=f"set clock_mhz in [targets.{self.name}] to {most:g} or less",
                    code="target.fast-clock",
                )
            )

    def check_mode(self, mode: Mode) -> None:
        """Refuse a mode that no tool can build for the board.

        Raises:
            TargetError: the board lacks it; the hint is the board's reason.
        """
        if mode not in self.board.modes:
            raise TargetError(
                Problem(
                    f"{self.name} cannot be built with --mode {mode}",
                    expected=" or ".join(("emulation", *self.board.modes)),
                    got=mode,
                    hint=self.board.stops or "",
                    code="target.no-mode",
                )
            )

    def check_version(self, toolchain: Toolchain) -> None:
        """Refuse a version of the toolchain that does not know the board.

        Raises:
            ToolchainError: the version is out of the board's range.
        """
        if toolchain.version not in self.board.toolchain:
            raise ToolchainError(
                Problem(
                    f"{toolchain.name} {version_text(toolchain.version)} does not know {self.name}",
                    expected=self._range,
                    got=f"{version_text(toolchain.version)} at {toolchain.path}",
                    hint=f"source settings64.sh of {self.board.toolchain.name} "
                    f"{version_text(self.board.toolchain.last)}",
                    code="toolchain.other-version",
                )
            )

    @property
    def _range(self) -> str:
        """The versions that know the board, and why."""
        versions = self.board.toolchain
        return f"{versions}: {versions.reason}" if versions.reason else str(versions)
