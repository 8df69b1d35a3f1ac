"""Files such as the vendor's tools leave for a board, but for what would configure it."""

from __future__ import annotations

import struct
from typing import Final

from fpgac.emulation import CardDescription, Section, read_xclbin, write_xclbin

__all__ = ["CHECKPOINT", "board_bitstream", "card_xclbin", "f1_xclbin"]

# A checkpoint of Vivado's is a zip file.
CHECKPOINT: Final = b"PK\x03\x04: stands for a routed design"

# Where an xclbin's header says what it is for (``m_mode`` in XRT's xclbin.h): 0 is a card.
_MODE: Final = 332


def card_xclbin(card: CardDescription) -> bytes:
    """An xclbin for a card, with the sections that the design asks for."""
    content = bytearray(write_xclbin(card, b"\x7fELF: stands for a bitstream"))
    struct.pack_into("<H", content, _MODE, 0)
    return bytes(content)


def board_bitstream(part: str) -> bytes:
    """A .bit file as Vivado's begins, for the FPGA ``part`` as Vivado writes it: 7z020clg400."""
    name = "system_wrapper;UserID=0XFFFFFFFF;Version=2022.2"
    texts = zip(b"abcd", (name, part, "2026/01/01", "12:00:00"), strict=True)
    header = b"".join(
        struct.pack(">BH", letter, len(text) + 1) + text.encode() + b"\0" for letter, text in texts
    )
    configuration = b"\xff" * 16
    preamble = bytes.fromhex("0009 0ff0 0ff0 0ff0 0ff0 00 0001")
    return preamble + header + struct.pack(">BI", ord("e"), len(configuration)) + configuration


def f1_xclbin(card: CardDescription) -> bytes:
    """An xclbin as v++ leaves it for F1: a routed design, three clocks, and who made it.

    The kinds of sections are those of XRT's xclbin.h; 20 and 22 describe partitions and system.
    """
    content = card_xclbin(card)
    clocks = ((250, 3, b"SYSTEM"), (250, 1, b"DATA_CLK"), (500, 2, b"KERNEL_CLK"))
    sections: dict[int, bytes] = {
        **read_xclbin(content).sections,
        Section.BITSTREAM: CHECKPOINT,
        Section.CLOCK_FREQ_TOPOLOGY: struct.pack("<h", len(clocks))
        + b"".join(struct.pack("<HB5x128s", *clock) for clock in clocks),
        Section.BUILD_METADATA: b'{"build_metadata": {"xclbin": {"generated_by": '
        b'{"name": "v++", "version": "2021.2", "cl": "3363252"}}}}',
        20: b'{"partition": 1}',
        22: b'{"system": 1}',
    }
    fixed, entry = 456, struct.Struct("<I16s4xQQ")
    start = fixed + entry.size * len(sections)
    table = body = b""
    for kind, data in sections.items():
        table += entry.pack(kind, b"section", start + len(body), len(data))
        body += data
    made = bytearray(content[:fixed] + table + body)
    struct.pack_into("<Q", made, 304, len(made))  # axlf_header.m_length
    struct.pack_into("<I", made, fixed - 8, len(sections))  # m_numSections
    return bytes(made)
