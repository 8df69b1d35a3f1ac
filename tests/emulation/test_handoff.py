"""Which streams a hardware handoff connects, as the emulated board reads it."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from fpgac.design.contract import contract
from fpgac.emulation.zynq.handoff import stream_nets
from fpgac.targets.board import Board
from fpgac.targets.zynq import hwh_file
from tests.design.cores import SEVERAL

if TYPE_CHECKING:
    from pathlib import Path

BOARD = Board.load(files("fpgac_targets") / "boards" / "pynq-z2.toml")

# For each DMA, the kernel's arguments at the other ends of its streams.
DMAS: dict[str, list[tuple[str | None, str | None]]] = {
    "two and two": [("x_track", "y_charge"), ("x_calo", "y_p_t")],
    "three and one": [("x_a", "y"), ("x_b", None), ("x_c", None)],
    "one and three": [("x", "y_u"), (None, "y_v"), (None, "y_w")],
}


@pytest.mark.parametrize("case", DMAS)
def test_a_stream_is_one_net_with_two_ends(case: str, tmp_path: Path) -> None:
    agreed = contract(SEVERAL[case], name="muon", compute_units=1, interface="axis")
    file = tmp_path / "muon.hwh"
    file.write_bytes(hwh_file(BOARD, agreed, 100.0).content)
    nets = stream_nets(file)
    ends = {net: [end for end, of in nets.items() if of == net] for net in nets.values()}
    expected = [
        [(f"axi_dma_{place}", interface), ("muon_1", argument)]
        for place, arguments in enumerate(DMAS[case])
        for interface, argument in zip(("M_AXIS_MM2S", "S_AXIS_S2MM"), arguments, strict=True)
        if argument
    ]
    assert sorted(map(sorted, ends.values())) == sorted(map(sorted, expected))


def test_what_vivado_writes_of_an_interface_that_is_connected_to_nothing(tmp_path: Path) -> None:
    file = tmp_path / "design.hwh"
    bus = '<BUSINTERFACE BUSNAME="{}" NAME="{}" VLNV="xilinx.com:interface:{}:1.0"/>'
    interfaces = [
        bus.format("__NOC__", "M_AXIS_CNTRL", "axis"),
        bus.format("axi_dma_0_M_AXI_MM2S", "M_AXI_MM2S", "aximm"),
        bus.format("axi_dma_0_M_AXIS_MM2S", "M_AXIS_MM2S", "axis"),
    ]
    module = f'<MODULE FULLNAME="/deep/axi_dma_0">{"".join(interfaces)}</MODULE>'
    file.write_text(f"<EDKSYSTEM><MODULES>{module}</MODULES></EDKSYSTEM>")
    assert stream_nets(file) == {("deep/axi_dma_0", "M_AXIS_MM2S"): "axi_dma_0_M_AXIS_MM2S"}
