"""The contract between kernel and hosts: what lies where in memory, and who is called.

A kernel takes three arguments, ``(x, y, n_samples)``: the samples, the results, and how many there
are. Both buffers hold one *row* a sample: the raw words of the sample's numbers in the order of the
tensor (the last axis fastest), padded to 8, 16, 32 or 64 bits each, little-endian, then zeros up to
a whole number of bus words.

The bus is as wide as gives the fewest bus words a sample, and then the least padding: 27 numbers of
16 bits are one word of 512 bits (5 of its 32 places stay zero), 4 such numbers are one word of 64
bits, and one number of 32 bits is a word of its own. A kernel that takes a sample each cycle can
only do so when a sample is one word; where it must be more, the widest words are the fewest.

How the rows reach the kernel is its *interface*. Through ``m_axi`` it reads and writes the card's
memory itself. Through ``axis`` it takes and gives AXI4-Streams of bus words, which an AXI DMA
carries between memory and kernel: the rows in memory are the same, a bus word is at most the 64
bits of a Zynq's memory port, one transfer is one batch, and TLAST marks the last word of the last
sample alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from math import ceil, prod
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from fpgac.digest import digest_json
from fpgac.errors import Problem, TargetError
from fpgac.numbers import FixedPoint
from fpgac.tensors import Layout, Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpgac.core.core import Core, Port

__all__ = [
    "COUNT",
    "DMA_LENGTH_BITS",
    "WIDEST_BUS",
    "WIDEST_STREAM",
    "Buffer",
    "Contract",
    "Interface",
    "bus_width",
    "contract",
]

Interface = Literal["m_axi", "axis"]

# AXI4 allows 1024 bits, but the memory controllers of the cards take at most 512.
WIDEST_BUS: Final = 512

# What the memory ports of a Zynq's processing system (S_AXI_HP0) carry at once.
WIDEST_STREAM: Final = 64

# The width of an AXI DMA's length register, at its most: a transfer has at most 2^26 - 1 bytes.
DMA_LENGTH_BITS: Final = 26
LONGEST_TRANSFER: Final = (1 << DMA_LENGTH_BITS) - 1

# The third argument: how many samples a call carries, an unsigned 32-bit number.
COUNT: Final = "n_samples"

# An xclbin holds "kernel:instance" in 64 bytes, the closing zero included.
LONGEST_IP_NAME: Final = 63

# What v++ --connectivity.nk takes for one kernel.
MOST_COMPUTE_UNITS: Final = 60


@dataclass(frozen=True)
class Buffer:
    """One of the kernel's two memory arguments.

    ``argument`` is its name in C++ (``x`` or ``y``), ``bundle`` its AXI master port (of a stream:
    the argument's name again), ``shape`` the tensor of one sample, ``type`` that of each number,
    and ``bus_bits`` the width of the port.
    """

    argument: str
    bundle: str
    shape: tuple[int, ...]
    type: FixedPoint
    bus_bits: int

    @property
    def elements(self) -> int:
        """Numbers in one sample."""
        return prod(self.shape)

    @property
    def elements_per_bus_word(self) -> int:
        """Raw words in one bus word."""
        return self.bus_bits // self.type.word_bits

    @property
    def bus_words(self) -> int:
        """Bus words in one row."""
        return ceil(self.elements / self.elements_per_bus_word)

    @property
    def stride(self) -> int:
        """Raw words in one row, the padding included."""
        return self.bus_words * self.elements_per_bus_word

    @property
    def padding(self) -> int:
        """Raw words at the end of a row that are zero."""
        return self.stride - self.elements

    @property
    def row_bytes(self) -> int:
        """Bytes in one row."""
        return self.bus_words * self.bus_bits // 8

    @property
    def bus_type(self) -> str:
        """What the bus carries at once, as Vitis HLS spells it: ``ap_uint<512>``."""
        return f"ap_uint<{self.bus_bits}>"


@dataclass(frozen=True)
class Contract:
    """Everything that a kernel and its hosts agree on.

    ``name`` is the design's (``muon``), ``kernel`` the C++ function's (``muon_kernel``), and
    ``instances`` its compute units' (``muon_1``, ``muon_2``). ``core`` is the core's digest, and
    ``interface`` how samples and results come and go.
    """

    name: str
    kernel: str
    instances: tuple[str, ...]
    input: Buffer
    output: Buffer
    core: str
    interface: Interface = "m_axi"

    @property
    def buffers(self) -> tuple[Buffer, Buffer]:
        """The memory arguments, in the kernel's order; :data:`COUNT` follows them."""
        return (self.input, self.output)

    @cached_property
    def input_layout(self) -> Layout:
        """How a sample of all inputs lies in a row."""
        return Layout((Tensor(self.input.argument, self.input.shape, self.input.type),))

    @cached_property
    def output_layout(self) -> Layout:
        """How a result of all outputs lies in a row."""
        return Layout((Tensor(self.output.argument, self.output.shape, self.output.type),))

    @property
    def source(self) -> str:
        """The kernel's source file in a design."""
        return f"kernel/src/{self.kernel}.cpp"

    @property
    def entry(self) -> str:
        """The C function ``(const void* x, void* y, unsigned n_samples)`` over rows in memory.

        In the kernel's library for g++; around streams it is one of the bridge's functions.
        """
        return self.kernel if self.interface == "m_axi" else f"{self.name}_rows"

    @property
    def most_samples(self) -> int:
        """The largest batch: as counted in 32 bits, or as one DMA transfer can carry."""
        if self.interface == "m_axi":
            return 2**32 - 1
        longest: int = max(buffer.row_bytes for buffer in self.buffers)
        return LONGEST_TRANSFER // longest

    @cached_property
    def identity(self) -> str:
        """Digest of the whole contract: two designs that differ in it must not be mixed."""
        return digest_json(self._plain())

    def to_json(self) -> bytes:
        """The contract as JSON text, the same bytes each time."""
        return (json.dumps(self._plain() | {"identity": self.identity}, indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, text: bytes) -> Contract:
        """Read what :meth:`to_json` wrote.

        Raises:
            TargetError: the text is no contract, or was changed by hand.
        """
        try:
            plain = json.loads(text)
            read = cls(
                name=plain["name"],
                kernel=plain["kernel"],
                instances=tuple(plain["instances"]),
                input=_buffer(plain["input"]),
                output=_buffer(plain["output"]),
                core=plain["core"],
                interface=_interface(plain.get("interface", "m_axi")),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise TargetError(
                Problem("this is no contract", got=str(error), hint="run fpgac compile again")
            ) from error
        if plain.get("identity") != read.identity:
            raise TargetError(
                Problem(
                    "the contract was changed after it was written",
                    expected=f"identity {read.identity}",
                    got=f"identity {plain.get('identity')}",
                    hint="run fpgac compile again",
                )
            )
        return read

    def _plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kernel": self.kernel,
            "instances": list(self.instances),
            "input": _plain_buffer(self.input),
            "output": _plain_buffer(self.output),
            "core": self.core,
        } | ({} if self.interface == "m_axi" else {"interface": self.interface})


def bus_width(elements: int, word_bits: int, widest: int = WIDEST_BUS) -> int:
    """The bus width in bits for samples of ``elements`` raw words of ``word_bits`` each.

    A power of two, at least one raw word and at most ``widest``: the fewest bus words a sample,
    then the least padding.

    >>> bus_width(27, 16), bus_width(4, 16), bus_width(1, 32), bus_width(100, 32)
    (512, 64, 32, 512)
    >>> bus_width(27, 16, WIDEST_STREAM)
    64
    """
    bits = elements * word_bits
    widths = [w for w in (8, 16, 32, 64, 128, 256, 512) if word_bits <= w <= widest]
    return min(widths, key=lambda width: (ceil(bits / width), width))


def contract(
    core: Core, *, name: str, compute_units: int, interface: Interface = "m_axi"
) -> Contract:
    """What the kernel of ``core`` and its hosts agree on.

    Raises:
        TargetError: a number of compute units that the interface does not have, a name too long
            for an xclbin, or a sample too long for a DMA transfer.
        CoreError: a number format that has no padded raw word.
    """
    most_units = MOST_COMPUTE_UNITS if interface == "m_axi" else 1
    if not 1 <= compute_units <= most_units:
        raise TargetError(
            Problem(
                "the number of compute units cannot be",
                expected=f"1 to {most_units}" if most_units > 1 else "1: one DMA feeds one kernel",
                got=str(compute_units),
            )
        )
    kernel = f"{name}_kernel"
    instances = tuple(f"{name}_{place}" for place in range(1, compute_units + 1))
    longest = f"{kernel}:{instances[-1]}"
    if len(longest) > LONGEST_IP_NAME:
        raise TargetError(
            Problem(
                f"the name {name!r} is too long: an xclbin cannot hold {longest!r}",
                expected=f"at most {LONGEST_IP_NAME} characters",
                got=f"{len(longest)} characters",
                hint="give the spec a shorter name",
            )
        )
    agreed = Contract(
        name=name,
        kernel=kernel,
        instances=instances,
        input=_lay_out(core.input, "x", "gmem0", interface),
        output=_lay_out(core.output, "y", "gmem1", interface),
        core=core.digest,
        interface=interface,
    )
    if agreed.most_samples < 1:
        raise TargetError(
            Problem(
                "a sample is too long: one DMA transfer cannot carry it",
                expected=f"at most {LONGEST_TRANSFER} bytes",
                got=f"{max(buffer.row_bytes for buffer in agreed.buffers)} bytes",
            )
        )
    return agreed


def _interface(text: str) -> Interface:
    for known in get_args(Interface):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise ValueError(f"no interface is called {text!r}")


def _lay_out(port: Port, argument: str, bundle: str, interface: Interface) -> Buffer:
    streams = interface == "axis"
    widest = WIDEST_STREAM if streams else WIDEST_BUS
    return Buffer(
        argument=argument,
        bundle=argument if streams else bundle,
        shape=port.shape,
        type=port.type,
        bus_bits=bus_width(port.size, port.type.word_bits, widest),
    )


def _plain_buffer(buffer: Buffer) -> dict[str, Any]:
    return {
        "argument": buffer.argument,
        "bundle": buffer.bundle,
        "shape": list(buffer.shape),
        "type": str(buffer.type),
        "bus_bits": buffer.bus_bits,
    }


def _buffer(plain: Mapping[str, Any]) -> Buffer:
    return Buffer(
        argument=plain["argument"],
        bundle=plain["bundle"],
        shape=tuple(plain["shape"]),
        type=FixedPoint.parse(plain["type"]),
        bus_bits=plain["bus_bits"],
    )
