"""A bitstream and hardware handoff of Vivado's, held against those that the design describes.

A ``.bit`` file begins with a preamble and texts, each behind a letter and its length: the design's
name, the part, a date and a time. A ``.hwh`` is XML, in which each cell is a ``MODULE``, and what
the processing system sees of it a ``MEMRANGE``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from fpgac.errors import BuildError, Problem, Where

__all__ = ["check_bitstream", "check_handoff"]

_PREAMBLE: Final = bytes.fromhex("0009 0ff0 0ff0 0ff0 0ff0 00 0001")
_PART: Final = ord("b")
_CONFIGURATION: Final = ord("e")


def check_bitstream(content: bytes, part: str, where: Where) -> None:
    """See that a ``.bit`` file is whole and for the FPGA ``part``, such as ``xc7z020clg400-1``.

    Raises:
        BuildError: it is not.
    """
    try:
        named, missing = _header(content)
    except (IndexError, struct.error):
        named, missing = "", 0
    # Vivado leaves out the first letters and the speed grade: 7z020clg400.
    if not named or named not in part.replace("-", ""):
        expected, got = f"a bitstream for {part}", f"one for {named}" if named else "no bitstream"
        raise BuildError(_unlike("the bitstream is not of this design", where, expected, got))
    if missing:
        raise BuildError(_unlike("the bitstream is cut off", where, "", f"{missing} bytes less"))


def _header(content: bytes) -> tuple[str, int]:
    """The part, and how many bytes of the configuration are missing."""
    if not content.startswith(_PREAMBLE):
        return "", 0
    place, texts = len(_PREAMBLE), {}
    while (letter := content[place]) != _CONFIGURATION:
        (size,) = struct.unpack_from(">H", content, place + 1)
        text = content[place + 3 : place + 3 + size]
        texts[letter] = text.rstrip(b"\0").decode("ascii", errors="replace")
        place += 3 + size
    (size,) = struct.unpack_from(">I", content, place + 1)
    return texts.get(_PART, "").replace("-", ""), place + 5 + size - len(content)


def check_handoff(content: bytes, described: bytes, where: Where) -> None:
    """See that a ``.hwh`` has the cells of the one that the design ``described``, where they were.

    Raises:
        BuildError: it is no handoff, or a cell is missing, of another kind, or elsewhere.
    """
    try:
        made = dict(_facts(content))
    except ElementTree.ParseError as error:
        got = str(error)
        raise BuildError(
            _unlike("the hardware handoff cannot be read", where, "XML", got)
        ) from None
    problems = [
        _unlike(f"the handoff is not of this design: {fact}", where, said, made.get(fact, ""))
        for fact, said in _facts(described)
        if made.get(fact, "").lower() != said.lower()
    ]
    if problems:
        raise BuildError(*problems)


def _facts(handoff: bytes) -> Iterator[tuple[str, str]]:
    """What each cell is, and where the processing system sees it."""
    for module in ElementTree.fromstring(handoff).iter("MODULE"):
        cell = module.get("FULLNAME", "").lstrip("/")
        yield f"the kind of the cell {cell}", module.get("MODTYPE", "")
        for seen in module.iter("MEMRANGE"):
            if seen.get("MEMTYPE") == "REGISTER":
                yield f"the address of {seen.get('INSTANCE')}", seen.get("BASEVALUE", "")


def _unlike(what: str, where: Where, expected: str, got: str) -> Problem:
    return Problem(
        what,
        where,
        expected=expected,
        got=got or "nothing",
        hint="remove it and build again; what Vivado was given stands in scripts/",
        code="build.other-program",
    )
