"""AMD's AXI DMA 7.1 without scatter-gather, by its registers (PG021, direct register mode)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fpgac.emulation.zynq.memory import BadAddressError, Memory
from fpgac.emulation.zynq.stream import Stream

__all__ = ["AxiDma"]

# The registers of a channel, from its base; S2MM's base is 0x30.
_CONTROL: Final = 0x00
_STATUS: Final = 0x04
_ADDRESS: Final = 0x18
_ADDRESS_HIGH: Final = 0x1C
_LENGTH: Final = 0x28
_TO_MEMORY: Final = 0x30

_RUN, _RESET = 0x1, 0x4
_CONTROL_AFTER_RESET: Final = 0x0001_0002
_HALTED, _IDLE = 0x1, 0x2
_INTERNAL_ERROR, _DECODE_ERROR = 0x10, 0x40
_DONE_INTERRUPT, _ERROR_INTERRUPT = 0x1000, 0x4000
_INTERRUPTS: Final = 0x7000


class _Channel:
    """What both directions share: control, status, and the start of a transfer."""

    direction = ""

    def __init__(self, dma: AxiDma, stream: Stream) -> None:
        self.dma, self.stream = dma, stream
        self.registers: dict[int, int] = {}
        self.length = 0
        self.busy = False
        self.reset()

    def reset(self) -> None:
        self.registers = {_CONTROL: _CONTROL_AFTER_RESET, _STATUS: _HALTED}
        self.length = 0
        self.busy = False

    @property
    def address(self) -> int:
        return self.registers.get(_ADDRESS, 0) | self.registers.get(_ADDRESS_HIGH, 0) << 32

    def read(self, offset: int) -> int:
        return self.registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        if offset == _CONTROL:
            self._control(value)
        elif offset == _STATUS:
            self.registers[_STATUS] &= ~(value & _INTERRUPTS)
        elif offset == _LENGTH:
            self._start(value)
        else:
            self.registers[offset] = value

    def _control(self, value: int) -> None:
        self.registers[_CONTROL] = value
        if value & _RUN:
            # An error can only be left by a reset.
            if not self.registers[_STATUS] & (_INTERNAL_ERROR | _DECODE_ERROR):
                self.registers[_STATUS] &= ~_HALTED
        else:
            self.busy = False
            self.registers[_STATUS] |= _HALTED

    def _start(self, value: int) -> None:
        status = self.registers[_STATUS]
        if status & _HALTED:
            return  # PG021: a length that is written to a halted channel starts nothing
        if self.busy:
            self.dma.report(
                f"{self.dma.name} was given a transfer of {value} bytes {self.direction} while "
                "another was under way"
            )
        length = value & ((1 << self.dma.length_bits) - 1)
        if length != value:
            self.dma.report(
                f"{self.dma.name} was given a transfer of {value} bytes {self.direction}: its "
                f"length register has {self.dma.length_bits} bits, so that {length} are left"
            )
        self.registers[_LENGTH] = length
        self.registers[_STATUS] = status & ~_IDLE
        self.length, self.busy = length, True
        if length == 0:
            self.fail(_INTERNAL_ERROR, f"{self.dma.name} was given a transfer of 0 bytes")
            return
        try:
            self.begin()
        except BadAddressError as error:
            self.fail(_DECODE_ERROR, f"{self.dma.name}, {self.direction}: {error}")

    def begin(self) -> None:
        raise NotImplementedError

    def done(self) -> None:
        self.busy = False
        self.registers[_STATUS] |= _IDLE | _DONE_INTERRUPT

    def fail(self, bit: int, cause: str) -> None:
        """The channel halts with an error bit, as on the board; the run hears the cause."""
        self.busy = False
        self.registers[_STATUS] |= _HALTED | bit | _ERROR_INTERRUPT
        self.dma.report(cause)


class _FromMemory(_Channel):
    """MM2S: memory to stream, with TLAST on the transfer's last word."""

    direction = "from memory"

    def begin(self) -> None:
        self.stream.give(self.dma.memory.read(self.address, self.length), last=True)

    def advance(self) -> None:
        if self.busy and not self.stream.waiting:
            self.done()

    def waits_for(self) -> str:
        return f"{self.dma.name} still holds {self.stream.waiting} bytes that nobody takes"


class _ToMemory(_Channel):
    """S2MM: stream to memory, until TLAST."""

    direction = "to memory"

    def __init__(self, dma: AxiDma, stream: Stream) -> None:
        self.received = 0
        super().__init__(dma, stream)

    def begin(self) -> None:
        self.received = 0
        self.dma.memory.read(self.address, self.length)  # the whole of it must be within a buffer

    def advance(self) -> None:
        while self.busy and self.stream.waiting:
            data, last = self.stream.take(self.length - self.received)
            if not data:
                cause = (
                    f"{self.dma.name} received more than the {self.length} bytes that it was "
                    "told to write: the packet is longer than the transfer"
                )
                self.fail(_INTERNAL_ERROR, cause)
                return
            try:
                self.dma.memory.write(self.address + self.received, data)
            except BadAddressError as error:
                self.fail(_DECODE_ERROR, f"{self.dma.name}, {self.direction}: {error}")
                return
            self.received += len(data)
            if last:
                self.registers[_LENGTH] = self.received
                self.done()

    def waits_for(self) -> str:
        name = self.dma.name
        if self.received == self.length:
            return f"{name} received all {self.length} bytes, but TLAST never ended the packet"
        return f"{name} received {self.received} of {self.length} bytes, and no TLAST"


class AxiDma:
    """``to_logic`` is the stream that the channel MM2S fills, ``from_logic`` S2MM's; None where the
    engine was made without that channel.

    ``length_bits`` is the width of the length registers. ``report`` takes the cause of a failure
    that the board would only show as an error bit, or not at all.
    """

    def __init__(
        self,
        name: str,
        memory: Memory,
        to_logic: Stream | None,
        from_logic: Stream | None,
        length_bits: int,
        report: Callable[[str], None],
    ) -> None:
        self.name, self.memory, self.length_bits, self.report = name, memory, length_bits, report
        self._sending = _FromMemory(self, to_logic) if to_logic else None
        self._receiving = _ToMemory(self, from_logic) if from_logic else None
        self._channels = [each for each in (self._sending, self._receiving) if each]

    def read(self, offset: int) -> int:
        """A register of 32 bits."""
        channel, place = self._channel(offset)
        return channel.read(place) if channel else 0

    def write(self, offset: int, value: int) -> None:
        """A register of 32 bits."""
        channel, place = self._channel(offset)
        if channel is None:
            direction = _ToMemory.direction if offset >= _TO_MEMORY else _FromMemory.direction
            self.report(f"{self.name} was made without a channel {direction}")
        elif place == _CONTROL and value & _RESET:
            # Either channel's reset bit resets the whole engine.
            for each in self._channels:
                each.reset()
        else:
            channel.write(place, value)

    def advance(self) -> None:
        """What the streams allow now."""
        for channel in self._channels:
            channel.advance()

    @property
    def waits(self) -> list[str]:
        """What the transfers under way wait for."""
        return [channel.waits_for() for channel in self._channels if channel.busy]

    def _channel(self, offset: int) -> tuple[_FromMemory | _ToMemory | None, int]:
        if offset >= _TO_MEMORY:
            return self._receiving, offset - _TO_MEMORY
        return self._sending, offset
