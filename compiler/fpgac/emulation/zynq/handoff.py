"""What the hardware handoff (.hwh) says of AXI4-Streams, which pynq's own parser leaves out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

__all__ = ["stream_nets"]

# Vivado's name for the net of an interface that is connected to nothing.
_UNCONNECTED = "__NOC__"


def stream_nets(handoff: Path) -> Mapping[tuple[str, str], str]:
    """The net that each streaming interface of each cell is on, by cell and interface.

    Raises:
        ET.ParseError: the file is no XML.
    """
    return {
        (module.get("FULLNAME", "").lstrip("/"), interface.get("NAME", "")): net
        for module in ET.parse(handoff).iter("MODULE")
        for interface in module.iter("BUSINTERFACE")
        if ":axis:" in interface.get("VLNV", "")
        and (net := interface.get("BUSNAME", _UNCONNECTED)) != _UNCONNECTED
    }
