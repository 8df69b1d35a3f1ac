"""The programmable logic of a board: the blocks of a bitstream behind the addresses of its .hwh."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fpgac.emulation.zynq.dma import AxiDma
from fpgac.emulation.zynq.kernel import KernelIp, Port, Program
from fpgac.emulation.zynq.memory import Memory
from fpgac.emulation.zynq.stream import Stream

__all__ = ["BadOverlayError", "Failure", "Logic"]

_DMA: Final = "xilinx.com:ip:axi_dma:"
_LENGTH_BITS: Final = "c_sg_length_width"
# The interfaces of a DMA's channels from memory and to it.
_TO_LOGIC, _FROM_LOGIC = "M_AXIS_MM2S", "S_AXIS_S2MM"
# A host that asks and asks while nothing can happen any more is told so after this time.
_STALL_SECONDS: Final = 2.0
_STALL_READS: Final = 100


class BadOverlayError(Exception):
    """The .hwh does not describe what the bitstream holds."""


@dataclass(frozen=True)
class Failure:
    """What went wrong: an event's name, and its cause for people."""

    event: str
    cause: str


class _Block(Protocol):
    """What has registers."""

    def read(self, offset: int) -> int: ...
    def write(self, offset: int, value: int) -> None: ...
    def advance(self) -> None: ...
    @property
    def waits(self) -> list[str]: ...


# pynq's description of an IP: ``type``, ``phys_addr``, ``addr_range``, ``parameters``.
Block = Mapping[str, Any]
# The net that each stream of each cell is on.
Nets = Mapping[tuple[str, str], str]


class Logic:
    """DMAs and one kernel, between streams.

    ``blocks`` are pynq's, by name, and ``nets`` those of
    :func:`fpgac.emulation.zynq.handoff.stream_nets`. ``report`` takes what a user must hear of.

    Raises:
        BadOverlayError: the blocks lack the kernel, or one of its streams goes to no DMA.
    """

    def __init__(
        self,
        program: Program,
        blocks: Mapping[str, Block],
        nets: Nets,
        memory: Memory,
        report: Callable[[Failure], None],
    ) -> None:
        self._lock = threading.RLock()
        self._report = report
        self._reads, self._changed, self._stalled = 0, time.monotonic(), False
        cell = _kernel_cell(program, blocks)
        streams = {net: Stream() for net in nets.values()}
        dmas = {
            name: _dma(name, block, _Streams(name, nets, streams), memory, self._fail_transfer)
            for name, block in blocks.items()
            if str(block["type"]).startswith(_DMA)
        }
        driven = {nets.get((name, _TO_LOGIC)) for name in dmas}
        taken = {nets.get((name, _FROM_LOGIC)) for name in dmas}
        self._kernel = KernelIp(
            cell,
            program,
            [streams[_net(cell, port, nets, driven)] for port in program.inputs],
            [streams[_net(cell, port, nets, taken)] for port in program.outputs],
            self._lock,
            self._settle,
            self._crashed,
        )
        models: dict[str, _Block] = {**dmas, cell: self._kernel}
        self._blocks = [
            (int(blocks[name]["phys_addr"]), int(blocks[name]["addr_range"]), model)
            for name, model in models.items()
        ]

    def read(self, address: int, size: int) -> bytes:
        """Registers from ``address``: whole words of 32 bits."""
        with self._lock:
            self._watch()
            words = [self._word(address + place) for place in range(0, size, 4)]
        return b"".join(word.to_bytes(4, "little") for word in words)

    def write(self, address: int, data: bytes) -> None:
        """Registers from ``address``: whole words of 32 bits."""
        with self._lock:
            for place in range(0, len(data), 4):
                block, offset = self._find(address + place)
                block.write(offset, int.from_bytes(data[place : place + 4], "little"))
            self._settle()

    def close(self) -> None:
        """End what computes."""
        self._kernel.close()

    def _word(self, address: int) -> int:
        block, offset = self._find(address)
        return block.read(offset)

    def _find(self, address: int) -> tuple[_Block, int]:
        for base, size, block in self._blocks:
            if base <= address < base + size:
                return block, address - base
        cause = f"no block of the programmable logic answers at {address:#x}"
        self._report(Failure("bus_error", cause))
        raise RuntimeError(f"bus error: {cause}")

    def _settle(self) -> None:
        """Let everything happen that can, after a change."""
        self._reads, self._changed = 0, time.monotonic()
        # Once so that data moves, and once more so that those who waited for that see it.
        for _ in range(2):
            for _, _, block in self._blocks:
                block.advance()

    def _watch(self) -> None:
        """On a board a host would ask for ever: tell, once, what everything waits for."""
        self._reads += 1
        if self._stalled or self._kernel.computing or self._reads < _STALL_READS:
            return
        if time.monotonic() - self._changed < _STALL_SECONDS:
            return
        waits = [text for _, _, block in self._blocks for text in block.waits]
        if waits:
            self._stalled = True
            self._report(Failure("stalled", "nothing moves any more: " + "; ".join(waits)))

    def _crashed(self, cause: str, n_samples: int) -> None:
        kernel = self._kernel.program.kernel
        what = f"kernel {kernel} crashed: {cause} (n_samples = {n_samples})"
        self._report(Failure("kernel_crash", what))

    def _fail_transfer(self, cause: str) -> None:
        self._report(Failure("bad_transfer", cause))


@dataclass(frozen=True)
class _Streams:
    """The streams of one cell, by interface."""

    cell: str
    nets: Nets
    streams: Mapping[str, Stream]

    def of(self, interface: str) -> Stream | None:
        """The interface's stream; None where it is connected to nothing."""
        net = self.nets.get((self.cell, interface))
        return None if net is None else self.streams[net]


def _dma(
    name: str, block: Block, streams: _Streams, memory: Memory, fail: Callable[[str], None]
) -> AxiDma:
    length_bits = int(block["parameters"].get(_LENGTH_BITS, 14))
    return AxiDma(name, memory, streams.of(_TO_LOGIC), streams.of(_FROM_LOGIC), length_bits, fail)


def _kernel_cell(program: Program, blocks: Mapping[str, Block]) -> str:
    found = [
        name
        for name, block in blocks.items()
        if str(block["type"]).split(":")[2:3] == [program.kernel]
    ]
    if len(found) != 1:
        raise BadOverlayError(
            f"the .hwh names {len(found)} blocks that are IP {program.kernel}, not one"
        )
    return found[0]


def _net(cell: str, port: Port, nets: Nets, dmas: set[str | None]) -> str:
    net = nets.get((cell, port.name))
    if net is None or net not in dmas:
        raise BadOverlayError(f"the .hwh connects {port.name} of {cell} to no AXI DMA")
    return net
