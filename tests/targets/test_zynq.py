"""A Zynq's address map and its hardware handoff, read by pynq's own parser."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from fpgac.core.core import Core, Port
from fpgac.design.contract import Contract, Interface, contract
from fpgac.errors import TargetError
from fpgac.numbers import FixedPoint
from fpgac.targets.board import Board
from fpgac.targets.zynq import DMA_REGISTERS, KERNEL_REGISTERS, Zynq, hwh_file, zynq
from tests.design.cores import SEVERAL

if TYPE_CHECKING:
    from pathlib import Path


def board(name: str) -> Board:
    return Board.load(files("fpgac_targets") / "boards" / f"{name}.toml")


def agreed(inputs: int = 27, interface: Interface = "axis") -> Contract:
    number = FixedPoint.parse("ap_fixed<16,6>")
    core = Core(
        top="tiny",
        io_type="io_parallel",
        inputs=(Port("x", (inputs,), number, "input_t", 1),),
        outputs=(Port("y", (1,), number, "result_t", 1),),
        initiation_interval=1,
        clock_mhz=150.0,
        files={},
        digest="c0de" * 16,
    )
    return contract(core, name="muon", compute_units=1, interface=interface)


@pytest.fixture(params=["pynq-z2", "zcu102"])
def design(request: pytest.FixtureRequest) -> tuple[Board, Zynq]:
    card = board(request.param)
    return card, zynq(card, agreed(), 150.0)


def parsed(card: Board, tmp_path: Path, said: Contract | None = None) -> Any:
    from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
    from pynqmetadata.frontends import Metadata

    file = tmp_path / "muon.hwh"
    file.write_bytes(hwh_file(card, said or agreed(), 150.0).content)
    return RuntimeMetadataParser(Metadata(input=str(file)))


def test_pynq_finds_kernel_and_dma_where_they_are(
    design: tuple[Board, Zynq], tmp_path: Path
) -> None:
    card, expected = design
    read = parsed(card, tmp_path)
    assert read.family_ps == card.processing_system
    assert set(read.ip_dict) == {"muon_1", "axi_dma_0", expected.system.cell}
    for segment in expected.segments:
        found = read.ip_dict[segment.cell]
        assert found["phys_addr"] == segment.base
        assert found["addr_range"] == segment.size
    assert read.ip_dict["muon_1"]["type"] == "xilinx.com:hls:muon_kernel:1.0"


def test_pynq_takes_its_dma_driver_with_the_right_widths(
    design: tuple[Board, Zynq], tmp_path: Path
) -> None:
    from pynq.lib.dma import DMA

    found = parsed(design[0], tmp_path).ip_dict["axi_dma_0"]
    assert found["type"] in DMA.bindto
    parameters = {name: int(value) for name, value in found["parameters"].items()}
    assert parameters == design[1].dmas[0].settings
    assert (parameters["c_include_sg"], parameters["c_sg_length_width"]) == (0, 26)
    assert parameters["c_m_axis_mm2s_tdata_width"] == 64
    assert parameters["c_s_axis_s2mm_tdata_width"] == 16
    assert parameters["c_m_axi_s2mm_data_width"] == 32, "a memory port has at least 32 bits"


def test_pynq_knows_the_registers_by_name(design: tuple[Board, Zynq], tmp_path: Path) -> None:
    read = parsed(design[0], tmp_path)
    for cell, registers in (("muon_1", KERNEL_REGISTERS), ("axi_dma_0", DMA_REGISTERS)):
        found = read.ip_dict[cell]["registers"]
        assert {name: entry["address_offset"] for name, entry in found.items()} == registers
        assert {entry["size"] for entry in found.values()} == {32}
    bits = read.ip_dict["muon_1"]["registers"]["CTRL"]["fields"]
    assert [bits[name]["bit_offset"] for name in ("AP_START", "AP_DONE", "AP_IDLE")] == [0, 1, 2]


def test_pynq_sees_the_one_clock_that_runs(design: tuple[Board, Zynq], tmp_path: Path) -> None:
    card, expected = design
    clocks = parsed(card, tmp_path).clock_dict
    assert [clock["enable"] for clock in clocks.values()] == [1, 0, 0, 0]
    given = expected.system.pll_mhz / clocks[0]["divisor0"] / clocks[0]["divisor1"]
    assert 120.0 < given <= 150.0


def test_segments_do_not_overlap_and_are_aligned(design: tuple[Board, Zynq]) -> None:
    kernel, dma = design[1].segments
    assert kernel.last < dma.base
    assert kernel.base % kernel.size == dma.base % dma.size == 0


@pytest.mark.parametrize(("name", "interface"), [("aws-f1", "axis"), ("pynq-z2", "m_axi")])
def test_what_has_no_dma_is_refused(name: str, interface: Interface) -> None:
    with pytest.raises(TargetError) as caught:
        zynq(board(name), agreed(interface=interface), 150.0)
    assert caught.value.problems[0].code == "target.no-zynq"


# Which channels each DMA has, and which argument of the kernel is at the other end.
DMAS: dict[str, list[tuple[str | None, str | None]]] = {
    "two and two": [("x_track", "y_charge"), ("x_calo", "y_p_t")],
    "three and one": [("x_a", "y"), ("x_b", None), ("x_c", None)],
    "one and three": [("x", "y_u"), (None, "y_v"), (None, "y_w")],
}


@pytest.mark.parametrize("case", DMAS)
@pytest.mark.parametrize("name", ["pynq-z2", "zcu102"])
def test_several_streams_have_a_dma_a_pair(name: str, case: str, tmp_path: Path) -> None:
    from pynq.lib.dma import DMA

    said = contract(SEVERAL[case], name="muon", compute_units=1, interface="axis")
    expected = zynq(board(name), said, 150.0)
    read = parsed(board(name), tmp_path, said)
    for place, (reads, writes) in enumerate(DMAS[case]):
        cell = f"axi_dma_{place}"
        found = read.ip_dict[cell]
        assert found["phys_addr"] == expected.kernel.base + (1 + place) * 0x1_0000
        assert found["type"] in DMA.bindto
        parameters = {key: int(value) for key, value in found["parameters"].items()}
        assert parameters == expected.dmas[place].settings
        assert parameters["c_include_mm2s"] == (reads is not None)
        assert parameters["c_include_s2mm"] == (writes is not None)
        channels = {channel.kind: channel for channel in expected.dmas[place].channels}
        ends = {"MM2S": reads, "S2MM": writes}
        assert {kind: channel.buffer.argument for kind, channel in channels.items()} == {
            kind: argument for kind, argument in ends.items() if argument
        }
