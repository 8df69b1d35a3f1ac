"""The bitstream of the emulated board: a .bit file whose configuration is the kernel's C++.

The file is built like Vivado's: a preamble, four texts (the design's name, the part, a date and a
time), and a length before the configuration. That is, here, one line of JSON, the kernel as a
shared library, and zeros up to whole words of 32 bits.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fpgac.build.folder import write_whole
from fpgac.design.contract import Contract
from fpgac.emulation.overlay import BoardDescription
from fpgac.emulation.zynq.kernel import Port
from fpgac.errors import EmulationError, FpgacError

__all__ = ["BadBitstreamError", "Bitstream", "read_bitstream", "write_bitstream"]

_PREAMBLE: Final = bytes.fromhex("0009 0ff0 0ff0 0ff0 0ff0 00 0001")
_NAME, _PART, _DATE, _TIME, _CONFIGURATION = b"abcde"
# The same design gives the same bytes: it has no date.
_NO_DATE, _NO_TIME = "1970/01/01", "00:00:00"
_FORMAT: Final = "fpgac"


class BadBitstreamError(Exception):
    """This .bit file is none, or none for the emulated board."""


@dataclass(frozen=True)
class Bitstream:
    """What an emulated bitstream holds; see :class:`fpgac.emulation.zynq.kernel.Program`.

    ``identity`` is the contract's.
    """

    design: str
    part: str
    kernel: str
    function: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    identity: str
    library: bytes


def write_bitstream(contract: Contract, part: str, library: bytes) -> bytes:
    """The bitstream with the kernel's shared ``library`` for g++, for the FPGA called ``part``."""
    about = {
        "made_by": _FORMAT,
        "kernel": contract.kernel,
        "function": f"{contract.name}_stream",
        "inputs": [[buffer.argument, buffer.row_bytes] for buffer in contract.inputs],
        "outputs": [[buffer.argument, buffer.row_bytes] for buffer in contract.outputs],
        "identity": contract.identity,
        "size": len(library),
    }
    configuration = json.dumps(about).encode() + b"\n" + library
    configuration += bytes(-len(configuration) % 4)
    name = f"{contract.name};UserID=0XFFFFFFFF;Version={_FORMAT}"
    texts = zip((_NAME, _PART, _DATE, _TIME), (name, part, _NO_DATE, _NO_TIME), strict=True)
    return b"".join(
        [
            _PREAMBLE,
            *(_text(letter, text) for letter, text in texts),
            struct.pack(">BI", _CONFIGURATION, len(configuration)),
            configuration,
        ]
    )


def read_bitstream(content: bytes) -> Bitstream:
    """Read what :func:`write_bitstream` wrote.

    Raises:
        BadBitstreamError: it is no .bit file, damaged, or one for a board.
    """
    texts, configuration = _parts(content)
    if not configuration.startswith(b'{"made_by"'):
        raise BadBitstreamError("this bitstream is for a board, not for the emulated one")
    line, _, rest = configuration.partition(b"\n")
    about: dict[str, Any] = json.loads(line)
    return Bitstream(
        design=texts[_NAME].partition(";")[0],
        part=texts[_PART],
        kernel=about["kernel"],
        function=about["function"],
        inputs=tuple(Port(*port) for port in about["inputs"]),
        outputs=tuple(Port(*port) for port in about["outputs"]),
        identity=about["identity"],
        library=rest[: about["size"]],
    )


def _text(letter: int, text: str) -> bytes:
    data = text.encode("ascii") + b"\0"
    return struct.pack(">BH", letter, len(data)) + data


def _parts(content: bytes) -> tuple[dict[int, str], bytes]:
    """The texts by their letters, and the configuration."""
    if not content.startswith(_PREAMBLE):
        raise BadBitstreamError("this is no .bit file")
    place, texts = len(_PREAMBLE), {}
    try:
        while (letter := content[place]) != _CONFIGURATION:
            (size,) = struct.unpack_from(">H", content, place + 1)
            place += 3
            texts[letter] = content[place : place + size].rstrip(b"\0").decode("ascii")
            place += size
        (size,) = struct.unpack_from(">I", content, place + 1)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise BadBitstreamError("this .bit file is damaged") from None
    configuration = content[place + 5 :]
    if len(configuration) != size:
        raise BadBitstreamError(
            f"this .bit file is cut off: {len(configuration)} of {size} bytes are there"
        )
    return texts, configuration


def main(arguments: Sequence[str]) -> int:
    """``card.json contract.json libkernel.so out.bit``: 0, or one line on stderr and a code."""
    if len(arguments) != 4:
        sys.stderr.write(
            "usage: python -m fpgac.emulation bitstream CARD.json CONTRACT.json LIBRARY.so "
            "OUT.bit\n"
        )
        return 2
    card, agreed, library, out = map(Path, arguments)
    try:
        part = BoardDescription.read(card).part
        contract = Contract.from_json(agreed.read_bytes())
        write_whole(out, write_bitstream(contract, part, library.read_bytes()))
    except FpgacError as error:
        sys.stderr.write(f"error: {'; '.join(str(error).split(chr(10)))}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"error: {error.filename}: {error.strerror}\n")
        return EmulationError.exit_code
    return 0
