"""The ``.xclbin`` container (AXLF) for software emulation: written whole, read with care.

The layout is that of ``xclbin.h`` in XRT: a 456-byte header with the magic ``xclbin2``, 40-byte
section headers, then the sections. ``BITSTREAM`` holds the kernel's shared library. Nothing in the
file depends on when or where it was written.

``python -m fpgac.emulation xclbin card.json libkernel.so out.xclbin`` writes one.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

from fpgac.build.folder import write_whole
from fpgac.digest import digest_bytes, digest_json
from fpgac.emulation.description import (
    MEMORY_KINDS,
    Argument,
    CardDescription,
    Instance,
    Kernel,
)
from fpgac.errors import EmulationError, FpgacError, Problem, Where

__all__ = [
    "Section",
    "Xclbin",
    "bank_ranges",
    "main",
    "read_xclbin",
    "write_xclbin",
]


class Section(IntEnum):
    """Kinds of sections (``axlf_section_kind``) that this module writes."""

    BITSTREAM = 0
    EMBEDDED_METADATA = 2
    MEM_TOPOLOGY = 6
    CONNECTIVITY = 7
    IP_LAYOUT = 8
    CLOCK_FREQ_TOPOLOGY = 11
    BUILD_METADATA = 14
    USER_METADATA = 16
    GROUP_TOPOLOGY = 26
    GROUP_CONNECTIVITY = 27


MAGIC: Final = b"xclbin2\0"
MODE_SW_EMU: Final = 5
XRT_VERSION: Final = (2, 13, 466)
# Where control registers begin on the platforms' address map, and how far units are apart.
FIRST_UNIT: Final = 0x1400000
UNIT_RANGE: Final = 0x10000
FIRST_ARGUMENT: Final = 0x10
# A fixed moment (2000-01-01), so that equal inputs give equal bytes.
TIMESTAMP: Final = 946684800
DESCRIPTION_KEY: Final = "fpgac_card"

# axlf up to the header: magic, signature length, reserved, key block, unique id.
_PREFIX = struct.Struct("<8si28s256sQ")
# axlf_header: length, timestamp, rom timestamp, version, mode, ..., platform, uuid, ..., sections.
_HEADER = struct.Struct("<QQQHBBHH16s64s16s16sI4x")
_SECTION = struct.Struct("<I16s4xQQ")
_MEMORY = struct.Struct("<BB6xQQ16s")
_IP = struct.Struct("<IIQ64s")
_CONNECTION = struct.Struct("<iii")
_CLOCK = struct.Struct("<HB5x128s")
_IP_KERNEL: Final = 1
# MEM_TYPE of a stream between kernels, and what IP_LAYOUT says of a kernel without registers.
_STREAM_CONNECTION: Final = 9
_NO_REGISTERS: Final = 0xFFFF_FFFF_FFFF_FFFF
_NO_CONTROL: Final = 2 << 8
_IP_INTERRUPT: Final = 1
_CLOCK_DATA, _CLOCK_KERNEL = 1, 2


@dataclass(frozen=True)
class Xclbin:
    """What an xclbin holds. ``description`` is None for one that fpgac did not write."""

    uuid: uuid.UUID
    platform: str
    mode: int
    sections: Mapping[int, bytes]
    description: CardDescription | None


def bank_ranges(card: CardDescription) -> tuple[range, ...]:
    """The device addresses of each memory as XRT's emulation gives them out.

    XRT's shim knows the sizes only (from ``emconfig.json``) and lays the banks end to end from
    zero, whatever the base addresses of the real card are.
    """
    ranges: list[range] = []
    start = 0
    for memory in card.memories:
        ranges.append(range(start, start + memory.size_bytes))
        start += memory.span_bytes
    return tuple(ranges)


def write_xclbin(card: CardDescription, library: bytes) -> bytes:
    """The bytes of the ``.xclbin`` whose compute units run the functions in ``library``.

    Raises:
        EmulationError: ``library`` is no shared library.
    """
    if library[:4] != b"\x7fELF":
        raise EmulationError(
            Problem(
                "the kernel is no shared library",
                expected="an ELF file",
                got=repr(library[:4]),
                code="emulation.no-library",
            )
        )
    units = tuple(_units(card))
    connectivity = _connectivity(card)
    topology = _topology(card)
    sections = {
        Section.BITSTREAM: library,
        Section.EMBEDDED_METADATA: _metadata(card),
        Section.MEM_TOPOLOGY: topology,
        Section.IP_LAYOUT: _counted("<i4x", units),
        Section.CONNECTIVITY: connectivity,
        Section.CLOCK_FREQ_TOPOLOGY: _clocks(card),
        Section.BUILD_METADATA: _build_metadata(card),
        Section.USER_METADATA: _json({DESCRIPTION_KEY: card.to_data()}),
        Section.GROUP_TOPOLOGY: topology,
        Section.GROUP_CONNECTIVITY: connectivity,
    }
    return _axlf(card, _identity(card, library), sections)


def _axlf(card: CardDescription, identity: uuid.UUID, sections: Mapping[Section, bytes]) -> bytes:
    start = _aligned(_PREFIX.size + _HEADER.size + _SECTION.size * len(sections))
    table, body = bytearray(), bytearray()
    for kind, data in sections.items():
        table += _SECTION.pack(kind, kind.name.lower()[:15].encode(), start + len(body), len(data))
        body += data.ljust(_aligned(len(data)), b"\0")
    major, minor, patch = XRT_VERSION
    header = _HEADER.pack(
        start + len(body), TIMESTAMP, 0, patch, major, minor, MODE_SW_EMU, 0, bytes(16),
        card.platform.encode(), identity.bytes, b"", len(sections),
    )  # fmt: skip
    prefix = _PREFIX.pack(MAGIC, -1, b"\xff" * 28, b"\xff" * 256, TIMESTAMP)
    return (prefix + header + bytes(table)).ljust(start, b"\0") + bytes(body)


def _aligned(size: int) -> int:
    return (size + 7) & ~7


def _identity(card: CardDescription, library: bytes) -> uuid.UUID:
    digest = digest_json([card.identity, card.to_data(), digest_bytes(library)])
    return uuid.UUID(hex=digest[:32], version=4)


def _json(data: object) -> bytes:
    return json.dumps(data, sort_keys=True).encode()


def _counted(count_format: str, records: Sequence[bytes]) -> bytes:
    return struct.pack(count_format, len(records)) + b"".join(records)


def _topology(card: CardDescription) -> bytes:
    used = {
        index
        for kernel in card.kernels
        for instance in kernel.instances
        for indices in instance.memories.values()
        for index in indices
    }
    return _counted(
        "<i4x",
        [
            _MEMORY.pack(
                MEMORY_KINDS[memory.kind], index in used, memory.size_bytes // 1024, memory.base,
                memory.tag.encode(),
            )
            for index, memory in enumerate(card.memories)
        ]
        + [
            _MEMORY.pack(_STREAM_CONNECTION, 1, 0, 0, f"dc_{number}".encode())
            for number in range(len(card.streams))
        ],
    )  # fmt: skip


def _addresses(card: CardDescription) -> Iterator[tuple[Kernel, int]]:
    """Each kernel with the address of its first compute unit's registers."""
    address = FIRST_UNIT
    for kernel in card.kernels:
        yield kernel, address
        address += UNIT_RANGE * len(kernel.instances)


def _units(card: CardDescription) -> Iterator[bytes]:
    for kernel, address in _addresses(card):
        for index, instance in enumerate(kernel.instances):
            name = f"{kernel.name}:{instance.name}".encode()
            if kernel.free_running:
                yield _IP.pack(_IP_KERNEL, _NO_CONTROL, _NO_REGISTERS, name)
                continue
            yield _IP.pack(_IP_KERNEL, _IP_INTERRUPT, address + index * UNIT_RANGE, name)


def _connectivity(card: CardDescription) -> bytes:
    instances = [(kernel, instance) for kernel in card.kernels for instance in kernel.instances]
    return _counted(
        "<i",
        [
            _CONNECTION.pack(position, unit, memory)
            for unit, (kernel, instance) in enumerate(instances)
            for position, argument in enumerate(kernel.arguments)
            for memory in _reached(card, instance, argument)
        ],
    )


def _reached(card: CardDescription, instance: Instance, argument: Argument) -> Sequence[int]:
    """The entries of MEM_TOPOLOGY that an argument is connected to: streams come last in it."""
    if argument.stream:
        return [len(card.memories) + _channel(card, instance, argument)]
    return instance.memories.get(argument.name, ())


def _channel(card: CardDescription, instance: Instance, argument: Argument) -> int:
    """The number of the stream that an argument is an end of."""
    end = instance.name, argument.name
    return next(i for i, each in enumerate(card.streams) if end in (each.source, each.sink))


def _clocks(card: CardDescription) -> bytes:
    megahertz = round(card.clock_mhz)
    clocks = [(_CLOCK_DATA, b"DATA_CLK"), (_CLOCK_KERNEL, b"KERNEL_CLK")]
    return _counted("<h", [_CLOCK.pack(megahertz, kind, name) for kind, name in clocks])


def _build_metadata(card: CardDescription) -> bytes:
    tool = {"name": "fpgac", "version": ".".join(map(str, XRT_VERSION)), "cl": "0"}
    return _json(
        {
            "build_metadata": {
                "dsa": {"vendor": "xilinx", "name": card.platform, "board_id": card.platform},
                "xclbin": {
                    "generated_by": tool | {"time_stamp": ""},
                    "packaged_by": tool | {"time_stamp": ""},
                },
            }
        }
    )


def _metadata(card: CardDescription) -> bytes:
    platform, clock = quoteattr(card.platform), f'"{card.clock_mhz:g}MHz"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<project name="fpgac">',
        f'<platform vendor="xilinx" boardid={platform} name={platform} featureRomTime="0">',
        '<version major="1" minor="0"/>',
        "<description/>",
        '<device name="fpga0" fpgaDevice="" addrWidth="0">',
        f'<core name="OCL_REGION_0" target="csim" type="clc_region" clockFreq={clock}'
        ' numComputeUnits="60">',
        f'<kernelClocks><clock port="KERNEL_CLK" frequency={clock}/>'
        f'<clock port="DATA_CLK" frequency={clock}/></kernelClocks>',
    ]
    for kernel, address in _addresses(card):
        lines += _kernel_lines(card, kernel, address)
    lines += ["</core>", "</device>", "</platform>", "</project>", ""]
    return "\n".join(lines).encode()


def _kernel_lines(card: CardDescription, kernel: Kernel, address: int) -> Iterator[str]:
    name, vlnv = quoteattr(kernel.name), quoteattr(f"xilinx.com:hls:{kernel.name}:1.0")
    yield (
        f'<kernel name={name} language="c" vlnv={vlnv} attributes=""'
        ' preferredWorkGroupSizeMultiple="0" workGroupSize="1" interrupt="true"'
        f' hwControlProtocol="{"ap_ctrl_none" if kernel.free_running else "ap_ctrl_hs"}">'
    )
    for port, width in _masters(kernel).items():
        yield (
            f'<port name={quoteattr(port)} mode="master" range="0xFFFFFFFFFFFFFFFF"'
            f' dataWidth="{width}" portType="addressable" base="0x0"/>'
        )
    sources = {each.source for each in card.streams}
    for argument in filter(lambda argument: argument.stream, kernel.arguments):
        ends = {(instance.name, argument.name) for instance in kernel.instances}
        mode = "write_only" if ends & sources else "read_only"
        yield (
            f'<port name={quoteattr(argument.name)} mode="{mode}" dataWidth="{argument.width}"'
            ' portType="stream"/>'
        )
    if not kernel.free_running:
        yield (
            f'<port name="S_AXI_CONTROL" mode="slave" range="0x{UNIT_RANGE:X}" dataWidth="32"'
            ' portType="addressable" base="0x0"/>'
        )
    yield from _argument_lines(kernel)
    ranges = bank_ranges(card)
    for index, instance in enumerate(kernel.instances):
        yield f"<instance name={quoteattr(instance.name)}>"
        if not kernel.free_running:
            yield (
                f'<addrRemap base="0x{address + index * UNIT_RANGE:X}" port="S_AXI_CONTROL"'
                f' range="0x{UNIT_RANGE:X}"/>'
            )
        # Not of Xilinx's format, and passed over by XRT: for the device process, which checks that
        # a buffer lies in a memory that the compute unit reaches.
        for wired, banks in instance.memories.items():
            for bank in banks:
                tag = quoteattr(card.memories[bank].tag)
                yield (
                    f"<wire argument={quoteattr(wired)} bank={tag}"
                    f' base="0x{ranges[bank].start:X}" size="0x{len(ranges[bank]):X}"/>'
                )
        for argument in filter(lambda argument: argument.stream, kernel.arguments):
            channel = _channel(card, instance, argument)
            yield f'<stream argument={quoteattr(argument.name)} channel="{channel}"/>'
        yield "</instance>"
    yield "</kernel>"


def _port(argument: Argument) -> str:
    if argument.stream:
        return argument.name
    return f"M_AXI_{argument.bundle.upper()}" if argument.memory else "S_AXI_CONTROL"


def _masters(kernel: Kernel) -> dict[str, int]:
    """Width in bits of each AXI master port; arguments of one bundle share a port."""
    widths: dict[str, int] = {}
    for argument in kernel.arguments:
        if argument.memory:
            port = _port(argument)
            widths[port] = max(argument.width, widths.get(port, 0))
    return widths


def _argument_lines(kernel: Kernel) -> Iterator[str]:
    offset = FIRST_ARGUMENT
    for index, argument in enumerate(kernel.arguments):
        if argument.stream:
            yield (
                f'<arg name={quoteattr(argument.name)} addressQualifier="4" id="{index}"'
                f' port={quoteattr(_port(argument))} size="0x0" offset="0x0" hostOffset="0x0"'
                f' hostSize="0x0" type={quoteattr(argument.c_type)}/>'
            )
            continue
        size = 8 if argument.memory else argument.size
        # XRT's map of the registers has as many whole words as the last argument's end gives.
        words = size + 3 & ~3
        yield (
            f"<arg name={quoteattr(argument.name)}"
            f' addressQualifier="{int(argument.memory)}" id="{index}"'
            f' port={quoteattr(_port(argument))} size="0x{words:X}" offset="0x{offset:X}"'
            f' hostOffset="0x0" hostSize="0x{size:X}" type={quoteattr(argument.c_type)}/>'
        )
        # As Vitis HLS lays them out: whole words, then one reserved word.
        offset += words + 4


def read_xclbin(data: bytes, where: Where | None = None) -> Xclbin:
    """The sections of an xclbin, checked for what a damaged or foreign file gets wrong.

    Raises:
        EmulationError: not an xclbin, truncated, or with sections outside the file.
    """
    if data[:8] != MAGIC:
        raise _refused("this is not an xclbin", where, repr(MAGIC), repr(data[:8]))
    fixed = _PREFIX.size + _HEADER.size
    if len(data) < fixed:
        raise _refused("the xclbin is truncated", where, f"{fixed} bytes or more", f"{len(data)}")
    header = _HEADER.unpack_from(data, _PREFIX.size)
    length, mode, platform, identity, count = (header[i] for i in (0, 6, 9, 10, 12))
    if len(data) != length:
        what = "is truncated" if len(data) < length else "has bytes behind its end"
        raise _refused(f"the xclbin {what}", where, f"{length} bytes", f"{len(data)} bytes")
    if fixed + count * _SECTION.size > length:
        raise _refused("the xclbin's header is damaged", where, "", f"{count} sections")
    sections: dict[int, bytes] = {}
    for index in range(count):
        kind, _, start, size = _SECTION.unpack_from(data, fixed + index * _SECTION.size)
        if start < fixed or start + size > length:
            raise _refused(
                "a section lies outside the xclbin", where, f"within {length} bytes",
                f"section of kind {kind} at {start}, {size} bytes",
            )  # fmt: skip
        sections[kind] = data[start : start + size]
    for needed in (Section.BITSTREAM, Section.EMBEDDED_METADATA, Section.IP_LAYOUT):
        if not sections.get(needed):
            raise _refused(f"the xclbin has no section {needed.name}", where, "", "")
    return Xclbin(
        uuid=uuid.UUID(bytes=identity),
        platform=platform.split(b"\0")[0].decode(errors="replace"),
        mode=mode,
        sections=sections,
        description=_described(sections, where),
    )


def _described(sections: Mapping[int, bytes], where: Where | None) -> CardDescription | None:
    try:
        user = json.loads(sections.get(Section.USER_METADATA, b"{}"))
    except ValueError as error:
        raise _refused("the xclbin's user metadata are damaged", where, "JSON", "") from error
    if not isinstance(user, dict) or DESCRIPTION_KEY not in user:
        return None
    return CardDescription.from_data(user[DESCRIPTION_KEY], where)


def _refused(what: str, where: Where | None, expected: str, got: str) -> EmulationError:
    return EmulationError(
        Problem(
            what,
            where,
            expected,
            got,
            hint="build it again: the file is of no use",
            code="emulation.bad-xclbin",
        )
    )


def main(arguments: Sequence[str]) -> int:
    """``card.json libkernel.so out.xclbin``: 0, or one line on stderr and the error's exit code."""
    if len(arguments) != 3:
        sys.stderr.write(
            "usage: python -m fpgac.emulation xclbin CARD.json LIBRARY.so OUT.xclbin\n"
        )
        return 2
    description, library, out = (Path(os.fspath(argument)) for argument in arguments)
    try:
        card = CardDescription.read(description)
        write_whole(out, write_xclbin(card, library.read_bytes()))
    except FpgacError as error:
        sys.stderr.write(f"error: {_one_line(str(error))}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or out}: {error.strerror}\n")
        return EmulationError.exit_code
    return 0


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines())
