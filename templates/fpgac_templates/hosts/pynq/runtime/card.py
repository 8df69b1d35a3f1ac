"""The driver for cards under XRT: pynq calls the kernel, whose buffers lie in the card's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import BAD_PROGRAM, BAD_RUN, HostError

if TYPE_CHECKING:
    from pathlib import Path

    from .chip import Slot
    from .contract import Contract, Tensor

__all__ = ["XrtDriver"]


class XrtDriver:
    """Cards under XRT, whose program is an xclbin."""

    options: tuple[str, ...] = ("--xclbin",)
    program_help = "the card's program (.xclbin, on AWS .awsxclbin)"
    list_cards = "; list them with: xbutil examine"
    setup_hint = "is XRT set up?"

    def check(self, program: Path, magic: bytes) -> None:
        """Refuse what is no xclbin."""
        if magic != b"xclbin2\0":
            raise HostError(BAD_PROGRAM, f"{program}: is no xclbin")

    def forget(self) -> None:
        """Nothing: pynq keeps no state of cards under XRT."""

    def unit(self, contract: Contract, overlay: Any, device: int, name: str) -> XrtUnit:
        """What drives the compute unit that an xclbin names so."""
        if overlay.ip_dict.get(name, {}).get("cu_name") != f"{contract.kernel}:{name}":
            text = f"the xclbin does not hold compute unit {name} of {contract.kernel}"
            raise HostError(BAD_PROGRAM, text)
        return XrtUnit(contract, overlay.device, getattr(overlay, name), device, name)


class XrtUnit:
    """A compute unit, driven by pynq."""

    def __init__(self, contract: Contract, card: Any, kernel: Any, device: int, name: str) -> None:
        self.device, self.name = device, name
        self._contract, self._card, self._kernel = contract, card, kernel

    def allocate(self, batch: int) -> tuple[list[Any], list[Any]]:
        """Buffers in the memories that the xclbin connects the arguments to."""
        import pynq

        def buffer(tensor: Tensor) -> Any:
            tag = self._kernel.args[tensor.argument].mem
            memory = self._card if tag is None else self._card.get_memory_by_name(tag)
            return pynq.allocate((batch, tensor.stride), tensor.word, target=memory)

        contract = self._contract
        return list(map(buffer, contract.inputs)), list(map(buffer, contract.outputs))

    def send(self, slot: Slot) -> None:
        """Copy the samples to the card."""
        for buffer in slot.inputs:
            buffer[: slot.rows].sync_to_device()

    def start(self, slot: Slot) -> None:
        """Begin to compute."""
        slot.handle = self._kernel.start(*slot.inputs, *slot.outputs, slot.rows)

    def wait(self, slot: Slot) -> None:
        """Until the kernel is done."""
        handle, slot.handle = slot.handle, None
        if handle is None:
            return
        handle.wait()
        # pynq keeps a failure in the handle, and only there.
        future = getattr(handle, "_future", None)
        if future is not None and future.exception() is not None:
            raise HostError(BAD_RUN, f"the kernel did not complete: {future.exception()}")

    def receive(self, slot: Slot) -> None:
        """Copy the results from the card."""
        for buffer in slot.outputs:
            buffer[: slot.rows].sync_from_device()

    def stop(self) -> None:
        """Nothing: a call that was started ends by itself."""
