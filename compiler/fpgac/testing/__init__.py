"""The conformance suite: what fpgac asks of any target, as tests for pytest.

A target's test module, whole::

    from fpgac.testing import TargetConformance
    from fpgac_kv260.target import Kv260


    class TestKv260(TargetConformance):
        target = Kv260()

Everything is real: hls4ml, g++, the shell, XRT and the target's own hosts on the emulated card.
Vivado and Vitis HLS alone are played: by a recorder that knows their commands.
"""

from __future__ import annotations

from fpgac.testing.conformance import (
    HOSTILE_NAMES,
    HOSTILE_TEXT,
    TargetConformance,
    tiny_core,
    tiny_network,
)
from fpgac.testing.parsing import code_of, parse_errors
from fpgac.testing.tcl import SHIM

__all__ = [
    "HOSTILE_NAMES",
    "HOSTILE_TEXT",
    "SHIM",
    "TargetConformance",
    "code_of",
    "parse_errors",
    "tiny_core",
    "tiny_network",
]
