"""The target passes the conformance suite of fpgac in both of its flows: see fpgac.testing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from fpgac_kv260.target import Kv260

from fpgac.plugins import load_plugins
from fpgac.testing import TargetConformance, tiny_core


class TestKv260(TargetConformance):
    target = Kv260()


class TestKv260ByVitis(TargetConformance):
    target = Kv260()
    options: ClassVar[Mapping[str, object]] = {"flow": "vitis"}


def test_fpgac_finds_it() -> None:
    plugins = load_plugins()
    assert isinstance(plugins.target("kv260"), Kv260), plugins.failures


def test_the_module_is_plugged_into_its_carrier_card() -> None:
    target = Kv260()
    design = target.design("tiny", tiny_core(100.0), target.options({}))
    script = design.files["scripts/vivado.tcl"].content.decode()
    part, board, carrier = map(
        script.index,
        ("xck26-sfvc784-2LV-c", "xilinx.com:kv260_som:part0:1.4", "xilinx.com:kv260_carrier:"),
    )
    assert part < board < carrier < script.index("create_bd_design")
