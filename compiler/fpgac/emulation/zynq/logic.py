"""The programmable logic of a board: the blocks of a bitstream behind the addresses of its .hwh."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fpgac.emulation.zynq.dma import AxiDma
from fpgac.emulation.zynq.kernel import KernelIp, Program
from fpgac.emulation.zynq.memory import Memory
from fpgac.emulation.zynq.stream import Stream

__all__ = ["BadOverlayError", "Failure", "Logic"]

_DMA: Final = "xilinx.com:ip:axi_dma:"
_LENGTH_BITS: Final = "c_sg_length_width"
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


class Logic:
    """One DMA and one kernel, between streams.

    ``blocks`` are pynq's: for each IP, ``type``, ``phys_addr``, ``addr_range``, ``parameters``.
    ``report`` takes what a user must hear of.

    Raises:
        BadOverlayError: the blocks lack a DMA, or the kernel.
    """

    def __init__(
        self,
        program: Program,
        blocks: Mapping[str, Mapping[str, Any]],
        memory: Memory,
        report: Callable[[Failure], None],
    ) -> None:
        self._lock = threading.RLock()
        self._report = report
        self._reads, self._changed, self._stalled = 0, time.monotonic(), False
        dma_name = _only(blocks, lambda name, block: str(block["type"]).startswith(_DMA), "AXI DMA")
        kernel_name = _only(
            blocks,
            lambda name, block: str(block["type"]).split(":")[2:3] == [program.kernel],
            f"IP {program.kernel}",
        )
        samples, results = Stream(), Stream()
        dma = AxiDma(
            dma_name,
            memory,
            samples,
            results,
            int(blocks[dma_name]["parameters"].get(_LENGTH_BITS, 14)),
            lambda cause: report(Failure("bad_transfer", cause)),
        )
        self._kernel = KernelIp(
            kernel_name,
            program,
            samples,
            results,
            self._lock,
            self._settle,
            self._crashed,
        )
        models: dict[str, _Block] = {dma_name: dma, kernel_name: self._kernel}
        self._blocks = [
            (int(block["phys_addr"]), int(block["addr_range"]), models[name])
            for name, block in blocks.items()
            if name in models
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


def _only(
    blocks: Mapping[str, Mapping[str, Any]],
    fits: Callable[[str, Mapping[str, Any]], bool],
    what: str,
) -> str:
    found = [name for name, block in blocks.items() if fits(name, block)]
    if len(found) != 1:
        raise BadOverlayError(f"the .hwh names {len(found)} blocks that are {what}, not one")
    return found[0]
