"""An xclbin of v++'s, held against the card that its design describes.

The layout of the sections is that of ``xclbin.h`` in XRT.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from fpgac.emulation import Section, read_xclbin
from fpgac.errors import BuildError, EmulationError, Problem, Where

if TYPE_CHECKING:
    from fpgac.emulation import CardDescription, Xclbin

__all__ = ["Clock", "check_xclbin", "clocks_of"]

_MEMORY = struct.Struct("<BB6xQQ16s")
_IP = struct.Struct("<IIQ64s")
_CONNECTION = struct.Struct("<iii")
_CLOCK = struct.Struct("<HB5x128s")
_IP_KERNEL: Final = 1
# Values of the header's mode: what was linked for an emulator cannot be loaded into a card.
_EMULATED: Final = {4: "hardware emulation", 5: "software emulation", 6: "hardware emulation"}


@dataclass(frozen=True)
class Clock:
    """A clock of an xclbin, as XRT will set it; kernels run at the one called ``DATA_CLK``."""

    name: str
    mhz: float


def check_xclbin(content: bytes, card: CardDescription, where: Where) -> Xclbin:
    """The xclbin, whose kernels, arguments, compute units and banks are those of ``card``.

    Raises:
        BuildError: it is damaged, for an emulator, or of another design; with all that differs.
    """
    try:
        xclbin = read_xclbin(content, where)
        made = dict(_facts_of_xclbin(xclbin.sections))
    except EmulationError as error:
        raise BuildError(*error.problems) from None
    except (struct.error, ElementTree.ParseError, KeyError, ValueError, IndexError) as error:
        damaged = _unlike("a section of the xclbin is damaged", where, "", str(error))
        raise BuildError(damaged) from None
    wanted = dict(_facts_of_card(card, known=frozenset(made.values())))
    problems = [
        _unlike(f"the xclbin is not of this design: {fact} differ", where, said, made.get(fact, ""))
        for fact, said in wanted.items()
        if made.get(fact, "") != said
    ]
    if xclbin.mode in _EMULATED:
        got = f"one for {_EMULATED[xclbin.mode]}"
        problems.append(_unlike("the xclbin cannot be loaded", where, "one for a card", got))
    if problems:
        raise BuildError(*problems)
    return xclbin


def clocks_of(xclbin: Xclbin) -> tuple[Clock, ...]:
    """The clocks that XRT will set; none where the platform's clocks are fixed ones."""
    data = xclbin.sections.get(Section.CLOCK_FREQ_TOPOLOGY, b"\0\0")
    return tuple(Clock(_text(name), mhz) for mhz, _, name in _records(data, "<h", _CLOCK))


def _facts_of_card(card: CardDescription, known: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What an xclbin of the card says: each fact by its name.

    A bank is left out where the platform calls its memories by names that the board file does not
    have: ``known`` are the names in the xclbin.
    """
    tags = [memory.tag for memory in card.memories]
    yield "kernels", ", ".join(kernel.name for kernel in card.kernels)
    for kernel in card.kernels:
        yield f"arguments of {kernel.name}", ", ".join(each.name for each in kernel.arguments)
        yield f"compute units of {kernel.name}", ", ".join(sorted(u.name for u in kernel.instances))
        for unit in kernel.instances:
            for argument, banks in unit.memories.items():
                if not known.isdisjoint(tags):
                    yield f"banks of {unit.name}.{argument}", ", ".join(tags[b] for b in banks)


def _facts_of_xclbin(sections: Mapping[int, bytes]) -> Iterator[tuple[str, str]]:
    arguments = dict(_arguments(sections[Section.EMBEDDED_METADATA]))
    yield "kernels", ", ".join(arguments)
    for kernel, names in arguments.items():
        yield f"arguments of {kernel}", ", ".join(names)
    units = [
        tuple(_text(name).split(":", 1)) if kind == _IP_KERNEL else ()
        for kind, _, _, name in _records(sections[Section.IP_LAYOUT], "<i4x", _IP)
    ]
    for kernel in arguments:
        names = sorted(unit[-1] for unit in units if unit and unit[0] == kernel)
        yield f"compute units of {kernel}", ", ".join(names)
    yield from _banks(sections, arguments, units)


def _arguments(metadata: bytes) -> Iterator[tuple[str, list[str]]]:
    """Each kernel with its arguments in their order; those without a number are not a host's."""
    for kernel in ElementTree.fromstring(metadata.rstrip(b"\0")).iter("kernel"):
        numbered = {
            int(a.attrib["id"]): a.attrib["name"] for a in kernel.iter("arg") if a.get("id")
        }
        yield kernel.attrib["name"], [numbered[place] for place in sorted(numbered)]


def _banks(
    sections: Mapping[int, bytes],
    arguments: Mapping[str, list[str]],
    units: list[tuple[str, ...]],
) -> Iterator[tuple[str, str]]:
    """The banks of each unit's arguments, by their tags."""
    memories = _records(sections.get(Section.MEM_TOPOLOGY, bytes(8)), "<i4x", _MEMORY)
    tags = [_text(tag) for *_, tag in memories]
    banks: dict[str, list[str]] = {}
    connectivity = sections.get(Section.CONNECTIVITY, bytes(4))
    for place, unit, memory in _records(connectivity, "<i", _CONNECTION):
        kernel, name = units[unit]
        banks.setdefault(f"{name}.{arguments[kernel][place]}", []).append(tags[memory])
    for argument, names in banks.items():
        yield f"banks of {argument}", ", ".join(names)


def _records(section: bytes, count_format: str, record: struct.Struct) -> Iterator[tuple[Any, ...]]:
    """The records of a section behind their number."""
    (count,) = struct.unpack_from(count_format, section)
    start = struct.calcsize(count_format)
    return (record.unpack_from(section, start + place * record.size) for place in range(count))


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode(errors="replace")


def _unlike(what: str, where: Where, expected: str, got: str) -> Problem:
    return Problem(
        what,
        where,
        expected=expected,
        got=got or "nothing",
        hint="remove it and build again; what v++ was given stands in scripts/",
        code="build.other-program",
    )
