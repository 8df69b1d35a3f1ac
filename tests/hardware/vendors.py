"""Files such as the vendor's tools leave for a board, but for what would configure it."""

from __future__ import annotations

import struct
from typing import Final

from fpgac.emulation import CardDescription, write_xclbin

__all__ = ["board_bitstream", "card_xclbin"]

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
