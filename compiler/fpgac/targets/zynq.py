"""The processing systems of Zynq chips, and what they see at which address.

The cells of a design on a Zynq are the processing system, the kernel, and AXI DMAs in simple mode:
one for the kernel's first input and first output, another for the second ones, and so on. Where
there are more of one kind, the DMA has a channel in one direction only. Vivado's Tcl and the
emulation's ``.hwh`` are both rendered from what stands here.

Sources: AMD's product guides PG082 (processing_system7), PG201 (zynq_ultra_ps_e), PG021 (AXI DMA),
and UG1399 (the control registers of an HLS kernel).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil
from types import MappingProxyType
from typing import Final, Literal

from fpgac.design.contract import COUNT, DMA_LENGTH_BITS, Buffer, Contract
from fpgac.design.design import File
from fpgac.design.render import render
from fpgac.errors import Problem, TargetError
from fpgac.targets.board import Board

__all__ = [
    "DMA_REGISTERS",
    "KERNEL_REGISTERS",
    "PROCESSING_SYSTEMS",
    "Channel",
    "Dma",
    "ProcessingSystem",
    "Segment",
    "Zynq",
    "hwh_file",
    "zynq",
]

# The cells of the AXI DMAs, by number; in Python the first is ``overlay.axi_dma_0``.
_DMA: Final = "axi_dma_{}"

# Each slave of the processing system has so many bytes of addresses.
SEGMENT_BYTES: Final = 0x1_0000

# By name, at its offset in bytes; each has 32 bits.
KERNEL_REGISTERS: Final[Mapping[str, int]] = MappingProxyType(
    {"CTRL": 0x00, "GIER": 0x04, "IP_IER": 0x08, "IP_ISR": 0x0C, COUNT: 0x10}
)
DMA_REGISTERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "MM2S_DMACR": 0x00,
        "MM2S_DMASR": 0x04,
        "MM2S_SA": 0x18,
        "MM2S_SA_MSB": 0x1C,
        "MM2S_LENGTH": 0x28,
        "S2MM_DMACR": 0x30,
        "S2MM_DMASR": 0x34,
        "S2MM_DA": 0x48,
        "S2MM_DA_MSB": 0x4C,
        "S2MM_LENGTH": 0x58,
    }
)


@dataclass(frozen=True)
class ProcessingSystem:
    """One kind of processing system, as Vivado's IP catalogue and pynq know it.

    ``master`` drives the slaves' registers and ``memory_port`` takes the DMA to the memory, whose
    first bank is the address segment ``memory_segment``. ``clock`` and ``reset`` go to the logic,
    whose clock goes back to ``clock_inputs``. ``automation`` has Vivado apply the board's preset,
    ``settings`` switch on all of the above, and ``clock_setting`` takes the clock in MHz.
    ``pll_mhz`` feeds the clocks' dividers, whose parameters are ``divisors`` of a clock's number,
    as ``enable`` is its switch.
    """

    vlnv: str
    cell: str
    master: str
    memory_port: str
    memory_segment: str
    clock: str
    reset: str
    clock_inputs: tuple[str, ...]
    automation: Mapping[str, str]
    settings: Mapping[str, str]
    clock_setting: str
    first_address: int
    pll_mhz: float
    divisors: tuple[str, str]
    enable: str
    architecture: Literal["zynq", "zynquplus"]

    @property
    def module(self) -> str:
        """The IP's name: ``processing_system7``."""
        return self.vlnv.split(":")[2]


PROCESSING_SYSTEMS: Final[Mapping[str, ProcessingSystem]] = MappingProxyType(
    {
        system.module: system
        for system in (
            ProcessingSystem(
                vlnv="xilinx.com:ip:processing_system7:5.5",
                cell="processing_system7_0",
                master="M_AXI_GP0",
                memory_port="S_AXI_HP0",
                memory_segment="S_AXI_HP0/HP0_DDR_LOWOCM",
                clock="FCLK_CLK0",
                reset="FCLK_RESET0_N",
                clock_inputs=("M_AXI_GP0_ACLK", "S_AXI_HP0_ACLK"),
                automation=MappingProxyType(
                    {"make_external": "FIXED_IO, DDR", "apply_board_preset": "1"}
                ),
                settings=MappingProxyType(
                    {
                        "PCW_USE_M_AXI_GP0": "1",
                        "PCW_USE_S_AXI_HP0": "1",
                        "PCW_S_AXI_HP0_DATA_WIDTH": "64",
                        "PCW_EN_CLK0_PORT": "1",
                        "PCW_EN_RST0_PORT": "1",
                    }
                ),
                clock_setting="PCW_FPGA0_PERIPHERAL_FREQMHZ",
                first_address=0x4000_0000,
                pll_mhz=1000.0,
                divisors=("PCW_FCLK{}_PERIPHERAL_DIVISOR0", "PCW_FCLK{}_PERIPHERAL_DIVISOR1"),
                enable="PCW_FPGA_FCLK{}_ENABLE",
                architecture="zynq",
            ),
            ProcessingSystem(
                vlnv="xilinx.com:ip:zynq_ultra_ps_e:3.5",
                cell="zynq_ultra_ps_e_0",
                master="M_AXI_HPM0_FPD",
                memory_port="S_AXI_HP0_FPD",
                memory_segment="SAXIGP2/HP0_DDR_LOW",
                clock="pl_clk0",
                reset="pl_resetn0",
                clock_inputs=("maxihpm0_fpd_aclk", "saxihp0_fpd_aclk"),
                automation=MappingProxyType({"apply_board_preset": "1"}),
                settings=MappingProxyType(
                    {
                        "PSU__USE__M_AXI_GP0": "1",
                        "PSU__USE__M_AXI_GP1": "0",
                        "PSU__USE__M_AXI_GP2": "0",
                        "PSU__USE__S_AXI_GP2": "1",
                        "PSU__SAXIGP2__DATA_WIDTH": "64",
                        "PSU__FPGA_PL0_ENABLE": "1",
                    }
                ),
                clock_setting="PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ",
                first_address=0xA000_0000,
                pll_mhz=1500.0,
                divisors=(
                    "PSU__CRL_APB__PL{}_REF_CTRL__DIVISOR0",
                    "PSU__CRL_APB__PL{}_REF_CTRL__DIVISOR1",
                ),
                enable="PSU__FPGA_PL{}_ENABLE",
                architecture="zynquplus",
            ),
        )
    }
)


@dataclass(frozen=True)
class Segment:
    """What the processing system sees of a cell: its AXI4-Lite ``interface`` at ``base``."""

    cell: str
    interface: str
    base: int
    size: int

    @property
    def last(self) -> int:
        """Its last address."""
        return self.base + self.size - 1


@dataclass(frozen=True)
class Channel:
    """One direction of a DMA: ``MM2S`` from memory to the kernel, ``S2MM`` the other way round.

    ``buffer`` is the kernel's argument at the other end of its stream.
    """

    cell: str
    kind: Literal["MM2S", "S2MM"]
    buffer: Buffer

    @property
    def memory(self) -> str:
        """Its port to the memory."""
        return f"M_AXI_{self.kind}"

    @property
    def stream(self) -> str:
        """The interface of its stream."""
        return f"M_AXIS_{self.kind}" if self.kind == "MM2S" else f"S_AXIS_{self.kind}"

    @property
    def clock(self) -> str:
        """The pin of its clock."""
        return f"m_axi_{self.kind.lower()}_aclk"

    @property
    def space(self) -> str:
        """The addresses that it sees."""
        return f"Data_{self.kind}"

    @property
    def settings(self) -> dict[str, int]:
        """Its parameters; its port to the memory has at least 32 bits, a stream may be narrower."""
        kind, bits = self.kind.lower(), self.buffer.bus_bits
        return {
            f"c_m_axi_{kind}_data_width": max(32, bits),
            f"c_{'m' if kind == 'mm2s' else 's'}_axis_{kind}_tdata_width": bits,
            f"c_{kind}_burst_size": 16,
        }


@dataclass(frozen=True)
class Dma:
    """An AXI DMA: its registers, and the channels that it has."""

    registers: Segment
    channels: tuple[Channel, ...]

    @property
    def cell(self) -> str:
        """Its cell."""
        return self.registers.cell

    @property
    def settings(self) -> dict[str, int]:
        """Its parameters, as Vivado's Tcl sets them and pynq's driver reads them."""
        kinds = [channel.kind for channel in self.channels]
        settings = {
            "c_include_sg": 0,
            "c_sg_length_width": DMA_LENGTH_BITS,
            "c_sg_include_stscntrl_strm": 0,
            "c_addr_width": 32,
            "c_include_mm2s": int("MM2S" in kinds),
            "c_include_s2mm": int("S2MM" in kinds),
        }
        for channel in self.channels:
            settings |= channel.settings
        return settings


@dataclass(frozen=True)
class Zynq:
    """A design on a Zynq: the processing system, the kernel's cell and the DMAs at their places.

    ``memory_bytes`` of the system's memory, from address 0, are within the DMAs' reach.
    """

    system: ProcessingSystem
    kernel: Segment
    dmas: tuple[Dma, ...]
    memory_bytes: int
    clock_mhz: float

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Those of all DMAs, in the order of their ports to the memory."""
        return tuple(channel for dma in self.dmas for channel in dma.channels)

    @property
    def system_settings(self) -> dict[str, str]:
        """The processing system's parameters that differ from the board's own."""
        return {**self.system.settings, self.system.clock_setting: f"{self.clock_mhz:g}"}

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All that the processing system can address in the logic."""
        return (self.kernel, *(dma.registers for dma in self.dmas))


def zynq(board: Board, contract: Contract, clock_mhz: float) -> Zynq:
    """The design of ``contract``'s kernel on ``board``, with all its logic at ``clock_mhz``.

    Raises:
        TargetError: the board has no processing system, or the kernel no streams.
    """
    system = PROCESSING_SYSTEMS.get(board.processing_system or "")
    if system is None or contract.interface != "axis":
        raise TargetError(
            Problem(
                f"{board.name} is no board for {contract.kernel} with an AXI DMA",
                expected="a board with a processing system, a kernel with AXI4-Streams",
                got=f"{board.processing_system or 'no processing system'}, {contract.interface}",
                code="target.no-zynq",
            )
        )
    (instance,) = contract.instances
    return Zynq(
        system,
        kernel=Segment(instance, "s_axi_control", system.first_address, SEGMENT_BYTES),
        dmas=tuple(
            _dma(place, system, reads, writes)
            for place, (reads, writes) in enumerate(zip_longest(contract.inputs, contract.outputs))
        ),
        memory_bytes=board.memories[0].size_bytes,
        clock_mhz=clock_mhz,
    )


def _dma(place: int, system: ProcessingSystem, reads: Buffer | None, writes: Buffer | None) -> Dma:
    """The DMA of that number: what it reads goes to the kernel, what it writes comes from it."""
    cell = _DMA.format(place)
    base = system.first_address + (1 + place) * SEGMENT_BYTES
    channels = (
        *([Channel(cell, "MM2S", reads)] if reads else []),
        *([Channel(cell, "S2MM", writes)] if writes else []),
    )
    return Dma(Segment(cell, "S_AXI_LITE", base, SEGMENT_BYTES), channels)


def hwh_file(board: Board, contract: Contract, clock_mhz: float) -> File:
    """The hardware handoff that pynq reads beside a bitstream, for the emulated board.

    It tells of the cells what pynq wants to know: addresses, registers, parameters, the clock; and
    which streams are connected. A bitstream for the board comes with the handoff that Vivado
    writes, which tells more.
    """
    design = zynq(board, contract, clock_mhz)
    context = {
        "zynq": design,
        "contract": contract,
        "board": board,
        "system_settings": design.system_settings | _dividers(design),
        "kernel_registers": KERNEL_REGISTERS,
        "dma_registers": DMA_REGISTERS,
    }
    return File(render("emulation/system.hwh.j2", context))


def _dividers(design: Zynq) -> dict[str, str]:
    """The parameters of the four clocks, of which the first one runs."""
    system = design.system
    divisor, rest = system.divisors
    settings = {}
    for number in range(4):
        settings[system.enable.format(number)] = str(int(number == 0))
        settings[divisor.format(number)] = str(ceil(system.pll_mhz / design.clock_mhz))
        settings[rest.format(number)] = "1"
    return settings
