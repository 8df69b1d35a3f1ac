"""Boards as data: what a TOML file beside a target plugin says of its card.

A board file, whole::

    name = "my-card"
    title = "My card with a VU9P"
    part = "xcvu9p-flgb2104-2-i"
    platforms = ["vendor_my-card_1"]
    platform_hint = "install the card's development platform"
    spread = ["DDR[0]"]

    [toolchain]
    name = "Vitis"
    first = [2022, 1]
    last = [2024, 2]

    [clock]
    default_mhz = 300.0
    maximum_mhz = 300.0

    [life]
    state = "active"

    [resources]
    dsp = 6840
    lut = 1_182_240
    ff = 2_364_480
    bram_18k = 4320
    uram = 960

    [[memories]]
    tag = "bank0"
    name = "DDR[0]"
    kind = "DDR4"
    size_bytes = 0x4_0000_0000
    base = 0x0
    slr = 0

Banks that are alike may be one table with a ``count``: ``tag`` and ``name`` are then followed by
``[0]``, ``[1]`` and so on, and ``base`` is the first one's.

A value such as ``"<the FPGA's part number>"`` is a fact that is still to be filled in, as
``fpgac plugin new`` leaves it: the file is refused until all are.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fpgac.errors import PluginError, Problem, SpecError, Where
from fpgac.spec.lines import KeyPath, key_lines, key_text, nearest_line
from fpgac.spec.loader import parsed
from fpgac.spec.mistakes import problems_of

__all__ = [
    "Board",
    "Clock",
    "Image",
    "Life",
    "Memory",
    "Mode",
    "Resources",
    "Toolchains",
    "version_text",
]

Mode = Literal["hw_emu", "hw"]

_MOST_BANKS = 256
# What stands for a fact that is still to be filled in.
_PLACEHOLDER: Final = re.compile(r"<(.+)>")

Version = Annotated[tuple[int, ...], Field(min_length=2, max_length=3)]
# Text that goes into scripts, link configurations and metadata: one line of plain characters.
Line = Annotated[str, Field(pattern=r"^[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\[\]:-]*$")]


class Table(BaseModel):
    """Base of every table of a board file: immutable, strict, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Memory(Table):
    """One bank of the card's memory."""

    tag: Word = Field(description="Its tag in an xclbin's MEM_TOPOLOGY, such as bank0.")
    name: Word = Field(description="Its name in v++'s connectivity, such as DDR[0].")
    kind: Literal["DDR3", "DDR4", "HBM"] = Field(description="What it is made of.")
    size_bytes: int = Field(gt=0, description="Its size in bytes.")
    base: int = Field(ge=0, description="Its first address.")
    slr: int | None = Field(
        default=None, ge=0, description="The super logic region with its controller."
    )


class Clock(Table):
    """The kernel's clock."""

    default_mhz: float = Field(gt=0, description="What the platform gives if not asked, in MHz.")
    maximum_mhz: float = Field(gt=0, description="The most that it can give, in MHz.")
    scalable: bool = Field(
        default=False,
        description="XRT sets the clock as the xclbin says (F1, Alveo): v++ is given it once for "
        "all kernels, and the link file holds no clock.",
    )

    @model_validator(mode="after")
    def _default_below_maximum(self) -> Clock:
        if self.default_mhz > self.maximum_mhz:
            raise ValueError(
                f"default_mhz ({self.default_mhz:g}) is more than maximum_mhz "
                f"({self.maximum_mhz:g})"
            )
        return self


class Image(Table):
    """A board's image, and the version of the toolchain that its overlays are made with."""

    name: Line = Field(description="Its name, such as PYNQ 3.0.")
    version: Version = Field(description="The version: [2022, 1].")

    def __str__(self) -> str:
        return f"{self.name} with {version_text(self.version)}"


class Toolchains(Table):
    """The vendor's toolchain, and which of its versions know the board."""

    name: Line = Field(description="Its name, such as Vitis.")
    first: Version = Field(description="The first version that knows the board: [2019, 2].")
    last: Version = Field(description="The last one.")
    reason: Line | None = Field(default=None, description="Why these, in one line.")
    images: tuple[Image, ...] = Field(
        default=(), description="The images of the board, each with the version that it goes with."
    )

    @model_validator(mode="after")
    def _first_before_last(self) -> Toolchains:
        if self.first > self.last:
            raise ValueError(
                f"first ({version_text(self.first)}) is after last ({version_text(self.last)})"
            )
        return self

    def __contains__(self, version: tuple[int, ...]) -> bool:
        """Whether ``version`` is in the range; updates (2021.2.1) belong to their release."""
        return self.first <= version and version[: len(self.last)] <= self.last

    def image_notice(self, version: tuple[int, ...]) -> str | None:
        """What to know of a version that no image goes with, in one line; else None."""
        if not self.images or any(version[:2] == image.version for image in self.images):
            return None
        return (
            f"no image of the board goes with {self.name} {version_text(version)}, and other pairs "
            f"have failed: {', '.join(map(str, self.images))}"
        )

    def __str__(self) -> str:
        return f"{self.name} {version_text(self.first)} to {version_text(self.last)}"


class Resources(Table):
    """What the FPGA has in all, the shell's or processor's share included."""

    dsp: int = Field(gt=0, description="DSP slices.")
    lut: int = Field(gt=0, description="Look-up tables.")
    ff: int = Field(gt=0, description="Flip-flops.")
    bram_18k: int = Field(gt=0, description="Block RAMs of 18 Kb, two for each of 36 Kb.")
    uram: int = Field(default=0, ge=0, description="UltraRAMs.")


class Life(Table):
    """Where the board stands in its life, and what that means for a user."""

    state: Literal["active", "ending", "retired"] = Field(description="Where it stands.")
    date: datetime.date | None = Field(default=None, description="When its life ends, or ended.")
    message: Line | None = Field(
        default=None, description="One line: what happened, and what still works."
    )

    @model_validator(mode="after")
    def _an_end_has_a_date_and_a_message(self) -> Life:
        if self.state != "active" and (self.date is None or self.message is None):
            raise ValueError(f"a board that is {self.state} needs a date and a message")
        return self

    @property
    def notice(self) -> str | None:
        """What a user must know, in one line; None for an active board."""
        return None if self.state == "active" else self.message


class Board(Table):
    """One card, as its board file states it."""

    name: Word = Field(description="The target's name, such as aws-f1.")
    title: Line = Field(description="Its name for people.")
    part: Word = Field(description="The FPGA's part number.")
    platforms: tuple[Word, ...] = Field(
        default=(), description="Platforms, the usual one first; for Vivado, the board_part."
    )
    platform_variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = Field(
        default=None, description="The environment variable that holds the platform's path."
    )
    platform_hint: Line | Literal[""] = Field(
        default="", description="What to do to have the platform, in one line."
    )
    hosts: tuple[Word, ...] = Field(
        default=("pynq", "opencl", "xrt"),
        description="The hosts that it offers; [] for a target without hosts.",
    )
    program: Literal["awsxclbin"] | None = Field(
        default=None,
        description="What the card loads where that is made of v++'s xclbin by another's hand.",
    )
    processing_system: Literal["processing_system7", "zynq_ultra_ps_e"] | None = Field(
        default=None, description="The processor system on the chip, by its name as Vivado's IP."
    )
    board_connections: dict[Word, Word] = Field(
        default_factory=dict,
        description="For Vivado: what each connector of a system-on-module is plugged into, such "
        "as som240_1_connector = 'xilinx.com:kv260_carrier:som240_1_connector:1.3'.",
    )
    memories: tuple[Memory, ...] = Field(
        default=(), description="The banks, by index; none where no host reaches a memory."
    )
    spread: tuple[Word, ...] = Field(
        default=(),
        description="Banks by name, in the order in which compute units take them, or in an HBM "
        "their arguments.",
    )
    toolchain: Toolchains
    clock: Clock
    life: Life
    resources: Resources | None = Field(
        default=None, description="What its FPGA has, for estimates; absent: none is compared."
    )
    slrs: int = Field(default=1, ge=1, description="Super logic regions of the part.")
    modes: tuple[Mode, ...] = Field(
        default=("hw_emu", "hw"),
        description="How far the vendor's tools can go: hardware emulation, the card.",
    )
    stops: Line | None = Field(
        default=None, description="Why a mode is missing, and what is left, in one line."
    )

    @model_validator(mode="after")
    def _a_missing_mode_has_a_reason(self) -> Board:
        if len(set(self.modes)) < 2 and self.stops is None:
            raise ValueError("a board that lacks a mode must say why in 'stops'")
        return self

    @model_validator(mode="after")
    def _hosts_need_a_platform_and_memory(self) -> Board:
        needed = ("platforms", "platform_hint", "memories", "spread")
        if missing := [key for key in needed if self.hosts and not getattr(self, key)]:
            raise ValueError(f"a board with hosts must state {' and '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _banks_are_named_once(self) -> Board:
        for names in (self.bank_names, tuple(bank.tag for bank in self.memories)):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two memories are named {twice[0]!r}")
        if unknown := [name for name in self.spread if name not in self.bank_names]:
            raise ValueError(f"spread names {unknown[0]!r}, which is no memory of the board")
        return self

    @property
    def has_port_per_bank(self) -> bool:
        """Whether kernels reach each bank by a port of its own, as the channels of an HBM: then
        each argument of a compute unit takes a bank of its own."""
        kinds = {bank.name: bank.kind for bank in self.memories}
        return all(kinds[name] == "HBM" for name in self.spread)

    @property
    def bank_names(self) -> tuple[str, ...]:
        """The banks' names in v++'s connectivity, by index."""
        return tuple(bank.name for bank in self.memories)

    @classmethod
    def load(cls, file: Traversable) -> Self:
        """Read a board file.

        Raises:
            PluginError: the file is missing, is no TOML, or holds what a board cannot; it names
                the file, the line and the key.
        """
        path = Path(str(file))
        try:
            text = file.read_text(encoding="utf-8")
            said, lines = parsed(path, text), key_lines(text)
            _require_facts(path, said, lines)
            table = _with_every_bank(said)
        except SpecError as refused:
            raise PluginError(*map(_unreadable, refused.problems)) from None
        except (OSError, ValueError) as error:
            problem = Problem(str(error), Where(path), code="plugin.unreadable-board")
            raise PluginError(_unreadable(problem)) from None
        try:
            # Through JSON, whose strict mode takes arrays as tuples but no string as a number.
            return cls.model_validate_json(json.dumps(table, default=str))
        except ValidationError as error:
            raise PluginError(*problems_of(error, cls, path, lines, table)) from None


def _require_facts(path: Path, said: Any, lines: Mapping[KeyPath, int]) -> None:
    """Refuse a table with facts that are still to be filled in.

    Raises:
        PluginError: with all of them.
    """
    missing = [
        Problem(
            "this fact of the board is still to be filled in",
            Where(path, nearest_line(lines, key), key_text(key)),
            expected=expected,
            code="plugin.placeholder",
        )
        for key, expected in _placeholders(said)
    ]
    if missing:
        raise PluginError(*missing)


def _placeholders(said: Any, *path: str | int) -> Iterator[tuple[KeyPath, str]]:
    """The keys whose values are still to be filled in, and what belongs there."""
    if isinstance(said, dict | list):
        items = said.items() if isinstance(said, dict) else enumerate(said)
        for key, value in items:
            yield from _placeholders(value, *path, key)
    elif isinstance(said, str) and (match := _PLACEHOLDER.fullmatch(said)):
        yield path, match[1]


def _unreadable(problem: Problem) -> Problem:
    """What is wrong with a file of TOML, as a problem of a board file."""
    what, got = "the board file cannot be read", problem.what
    return Problem(what, problem.where, problem.expected, got, code="plugin.unreadable-board")


def _with_every_bank(table: Mapping[str, Any]) -> dict[str, Any]:
    """The board's table with a table for each bank; what is no bank is left to the validation."""
    memories = table.get("memories")
    if not isinstance(memories, list):
        return dict(table)
    return {**table, "memories": [bank for memory in memories for bank in _banks(memory)]}


def _banks(memory: Any) -> Iterator[Any]:
    """The banks of a table with a ``count``: alike, one behind the other, numbered from 0.

    Raises:
        ValueError: they are too many.
    """
    numbers = ("count", "base", "size_bytes")
    if not isinstance(memory, dict) or any(type(memory.get(key)) is not int for key in numbers):
        yield memory
        return
    if memory["count"] > _MOST_BANKS:
        raise ValueError(f"a card has at most {_MOST_BANKS} banks, not {memory['count']}")
    for index in range(memory["count"]):
        yield {
            **{key: value for key, value in memory.items() if key != "count"},
            **{key: f"{memory[key]}[{index}]" for key in ("tag", "name") if key in memory},
            "base": memory["base"] + index * memory["size_bytes"],
        }


def version_text(version: tuple[int, ...]) -> str:
    """``2019.2`` for ``(2019, 2)``."""
    return ".".join(map(str, version))
