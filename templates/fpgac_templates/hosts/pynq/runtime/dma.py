"""The driver for a Zynq: AXI DMAs carry samples and results between memory and the kernel."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from .errors import BAD_PROGRAM, BAD_RUN, HostError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .chip import Slot
    from .contract import Contract, Tensor

__all__ = ["DmaDriver"]

# The kernel's control register, as HLS lays it out.
CONTROL, AP_START, AP_IDLE = 0x00, 0x1, 0x4
# The register that says how many samples a call has.
COUNT = "n_samples"
DMA = "xilinx.com:ip:axi_dma:"


class DmaDriver:
    """Boards with PYNQ, whose program is a bitstream with its .hwh beside it."""

    options: tuple[str, ...] = ("--overlay", "--xclbin")
    program_help = (
        "the board's bitstream (.bit) with its .hwh beside it; --xclbin means the same, as on "
        "other cards"
    )
    list_cards = ""
    setup_hint = "is this a board with PYNQ, and are you root?"

    def check(self, program: Path, magic: bytes) -> None:
        """Refuse what is empty, or has no .hwh."""
        if not magic:
            raise HostError(BAD_PROGRAM, f"{program}: is no bitstream")
        handoff = program.with_suffix(".hwh")
        if program.suffix == ".bit" and not handoff.is_file():
            text = f"{program}: cannot be loaded without {handoff.name} beside it"
            raise HostError(BAD_PROGRAM, text)

    def forget(self) -> None:
        """Have pynq forget the overlay before: 3.0 takes what it knew of a file by that path,
        though it was built anew (pynq's issue 1409).
        """
        with contextlib.suppress(ImportError, OSError):  # pynq 2.7 keeps no such state
            from pynq.pl_server.global_state import clear_global_state

            clear_global_state()

    def unit(self, contract: Contract, overlay: Any, device: int, name: str) -> DmaUnit:
        """What drives the kernel of that name in the overlay, by its DMAs.

        The first DMA carries the first input and the first output, the second one the second ones.
        """
        blocks = overlay.ip_dict
        dmas = [block for block, about in blocks.items() if str(about["type"]).startswith(DMA)]
        kind = str(blocks.get(name, {}).get("type", "")).split(":")
        wanted = max(len(contract.inputs), len(contract.outputs))
        if contract.kernel not in kind or len(dmas) != wanted:
            count = "a DMA" if wanted == 1 else f"{wanted} DMAs"
            text = f"the overlay does not hold {name} of {contract.kernel} and {count}"
            raise HostError(BAD_PROGRAM, text)
        register = blocks[name].get("registers", {}).get(COUNT)
        if register is None:
            text = f"the overlay's .hwh names no register {COUNT} of {name}"
            raise HostError(BAD_PROGRAM, text)
        engines = [getattr(overlay, dma) for dma in sorted(dmas, key=_by_number)]
        channels = (
            _channels(contract.inputs, engines, "sendchannel"),
            _channels(contract.outputs, engines, "recvchannel"),
        )
        kernel, place = getattr(overlay, name), register["address_offset"]
        return DmaUnit(contract, overlay.device, kernel, place, channels, device, name)


class DmaUnit:
    """The kernel, and the DMAs' channels to its inputs and from its outputs: one call at a time."""

    def __init__(
        self,
        contract: Contract,
        board: Any,
        kernel: Any,
        count_register: int,
        channels: tuple[Sequence[Any], Sequence[Any]],
        device: int,
        name: str,
    ) -> None:
        self.device, self.name = device, name
        self._contract, self._board = contract, board
        self._kernel, self._count_register = kernel, count_register
        self._sending, self._receiving = channels
        self._running: Slot | None = None

    def allocate(self, batch: int) -> tuple[list[Any], list[Any]]:
        """Buffers in the board's memory."""
        import pynq

        def buffer(tensor: Tensor) -> Any:
            return pynq.allocate((batch, tensor.stride), tensor.word, target=self._board)

        contract = self._contract
        return list(map(buffer, contract.inputs)), list(map(buffer, contract.outputs))

    def send(self, slot: Slot) -> None:
        """Nothing: pynq flushes what it transfers."""

    def start(self, slot: Slot) -> None:
        """Begin with a slot as soon as the one before it is done."""
        self._wait()
        with _run_errors():
            self._kernel.write(self._count_register, slot.rows)
            self._kernel.write(CONTROL, AP_START)
            # To be ready for results before samples come.
            for channel, buffer in zip(self._receiving, slot.outputs):
                channel.transfer(buffer[: slot.rows])
            for channel, buffer in zip(self._sending, slot.inputs):
                channel.transfer(buffer[: slot.rows])
        self._running = slot

    def wait(self, slot: Slot) -> None:
        """Until the kernel is done with the slot."""
        if slot is self._running:
            self._wait()

    def receive(self, slot: Slot) -> None:
        """Nothing: pynq invalidates what it has transferred."""

    def stop(self) -> None:
        """End the transfers, finished or not."""
        self._running = None
        with contextlib.suppress(RuntimeError):
            for channel in (*self._sending, *self._receiving):
                channel.stop()

    def _wait(self) -> None:
        """Until what runs is done."""
        slot, self._running = self._running, None
        if slot is None:
            return
        with _run_errors():
            for channel in (*self._sending, *self._receiving):
                channel.wait()
        for output, channel in zip(self._contract.outputs, self._receiving):
            expected, received = slot.rows * output.row_bytes, channel.transferred
            if received != expected:
                text = f"the kernel sent {received} bytes for {slot.rows} samples, not {expected}"
                raise HostError(BAD_RUN, text)
        while not self._kernel.read(CONTROL) & AP_IDLE:
            pass


def _by_number(cell: str) -> list[tuple[str, int]]:
    """axi_dma_2 before axi_dma_10."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", cell)]


def _channels(tensors: Sequence[Tensor], engines: Sequence[Any], kind: str) -> list[Any]:
    """The channel of the first DMA for the first tensor, and so on."""
    channels = [getattr(engine, kind) for engine in engines[: len(tensors)]]
    for tensor, channel in zip(tensors, channels):
        if channel is None:
            text = f"the overlay has no DMA channel for the stream {tensor.argument}"
            raise HostError(BAD_PROGRAM, text)
    return channels


@contextlib.contextmanager
def _run_errors() -> Iterator[None]:
    """What pynq's DMA driver raises, as errors of the run."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise HostError(BAD_RUN, f"the transfer failed: {error}") from error
