"""The processing system of a Zynq, as far as pynq asks for it: the registers of its clocks.

They hold what is written to them, so that ``pynq.ps.Clocks`` reads what it has set. Nothing is
clocked by them. UG585 (SLCR) and UG1087 (CRL_APB, CRF_APB) give addresses and fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["BadPeripheralError", "ProcessingSystem", "processing_system"]


class BadPeripheralError(Exception):
    """No such register of the processing system is emulated."""


@dataclass(frozen=True)
class ProcessingSystem:
    """``machine`` is what Linux calls such a processor; ``clocks`` maps the base addresses of the
    clocks' registers to their bytes; what is not in ``words`` is 0."""

    machine: str
    addresses: range
    clocks: Mapping[int, int]
    words: dict[int, int] = field(default_factory=dict)

    def holds(self, address: int) -> bool:
        """Whether the address is one of the processing system's peripherals."""
        return address in self.addresses

    def read(self, address: int, size: int) -> bytes:
        """Whole words of 32 bits from ``address``.

        Raises:
            BadPeripheralError: there are no clocks.
        """
        self._check(address, size)
        words = (self.words.get(address + place, 0) for place in range(0, size, 4))
        return b"".join(word.to_bytes(4, "little") for word in words)

    def write(self, address: int, data: bytes) -> None:
        """Whole words of 32 bits from ``address``.

        Raises:
            BadPeripheralError: there are no clocks.
        """
        self._check(address, len(data))
        for place in range(0, len(data), 4):
            self.words[address + place] = int.from_bytes(data[place : place + 4], "little")

    def _check(self, address: int, size: int) -> None:
        for base, length in self.clocks.items():
            if base <= address and address + size <= base + length:
                return
        raise BadPeripheralError(
            f"of the processing system only the clocks are emulated, not what is at {address:#x}"
        )


def _clock(divisor0: int, divisor1: int, *, shift: int, active: int = 0) -> int:
    """The control register of a clock for the logic, from the IO PLL."""
    return divisor0 << 8 | divisor1 << shift | active << 24


_SLCR: Final = 0xF800_0000
# As PYNQ's boards start, with a reference of 50 MHz: ARM 1300 MHz, DDR 1050, IO 1000; CPU 650.
_SLCR_WORDS: Final[Mapping[int, int]] = {
    _SLCR + 0x100: 26 << 12,
    _SLCR + 0x104: 21 << 12,
    _SLCR + 0x108: 20 << 12,
    _SLCR + 0x120: 2 << 8,
    **{_SLCR + offset: _clock(5, 2, shift=20) for offset in (0x170, 0x180, 0x190, 0x1A0)},
}
_CRL, _CRF = 0xFF5E_0000, 0xFD1A_0000
_HALVED: Final = 1 << 16
# With a reference of 33.333 MHz: IO 1500 MHz, RPLL 1067, APLL (the CPU's) 1200, DPLL 1067.
_CRX_WORDS: Final[Mapping[int, int]] = {
    _CRL + 0x20: 90 << 8 | _HALVED,
    _CRL + 0x30: 64 << 8 | _HALVED,
    **{_CRL + offset: _clock(15, 1, shift=16, active=1) for offset in (0xC0, 0xC4, 0xC8, 0xCC)},
    _CRF + 0x20: 72 << 8 | _HALVED,
    _CRF + 0x2C: 64 << 8 | _HALVED,
    _CRF + 0x38: 90 << 8 | _HALVED,
    _CRF + 0x60: 1 << 8,
}


def processing_system(part: str) -> ProcessingSystem:
    """The processing system of the FPGA called ``part``, as it is after the boot."""
    if part.startswith("xc7z"):
        addresses = range(0xE000_0000, 0x1_0000_0000)
        return ProcessingSystem("armv7l", addresses, {_SLCR: 0x1000}, dict(_SLCR_WORDS))
    addresses = range(0xF900_0000, 0x1_0000_0000)
    clocks = {_CRL: 0x1000, _CRF: 0x1000}
    return ProcessingSystem("aarch64", addresses, clocks, dict(_CRX_WORDS))
