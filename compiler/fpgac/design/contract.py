"""The contract between kernel and hosts: what lies where in memory, and who is called.

A kernel with one input and one output takes three arguments, ``(x, y, n_samples)``: the samples,
the results, and how many there are. Several inputs are ``x_NAME`` each, several outputs ``y_NAME``.
Each buffer holds one *row* a sample: the raw words of the tensor's numbers (the last axis fastest),
padded to 8, 16, 32 or 64 bits each, little-endian, then zeros up to a whole number of bus words.

The bus is as wide as gives the fewest bus words a sample, and then the least padding: 27 numbers of
16 bits are one word of 512 bits (5 of its 32 places stay zero), 4 such numbers are one word of 64
bits, and one number of 32 bits is a word of its own. A kernel that takes a sample each cycle can
only do so when a sample is one word; where it must be more, the widest words are the fewest.

How the rows reach the kernel is its *interface*. Through ``m_axi`` it reads and writes the card's
memory itself. Through ``axis`` it takes and gives an AXI4-Stream of bus words for each buffer,
which AXI DMAs carry between memory and kernel: the rows in memory are the same, a bus word is at
most the 64 bits of a Zynq's memory port, one transfer is one batch, and TLAST marks the last word
of the last sample alone.

Where an input has a *scaling*, hosts apply it before the numbers become raw words: the number at
place ``j`` of a sample becomes ``(x - offset[j]) * scale[j]``, as :class:`fpgac.tensors.Scaling`
says. Where all offsets are 0 and all scales powers of two, nothing is multiplied: the scale goes
into the factor by which the type's rule counts last bits.

Where an output has a *decoding*, hosts apply it to the numbers, by the same operations of float64
everywhere, as :mod:`fpgac.decoding` has them: all of them give the same bits.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from fpgac.core.about import About
from fpgac.decoding import Decoding
from fpgac.digest import digest_json
from fpgac.errors import Problem, TargetError
from fpgac.numbers import FixedPoint
from fpgac.plain import from_plain, to_plain
from fpgac.tensors import Layout, Scaling, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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

# The last argument: how many samples a call carries, an unsigned 32-bit number.
COUNT: Final = "n_samples"

# An xclbin holds "kernel:instance" in 64 bytes, the closing zero included.
LONGEST_IP_NAME: Final = 63

# What v++ --connectivity.nk takes for one kernel.
MOST_COMPUTE_UNITS: Final = 60

# The most buffers of a kernel. Its memory ports: as many as the HBM of a card has pseudo-channels.
# Its streams: as many memory ports of DMAs as a SmartConnect has slave interfaces (PG247).
MOST_BUFFERS: Final[Mapping[Interface, int]] = {"m_axi": 32, "axis": 16}

# What a tensor's name is made of where it is part of an argument's.
_IN_IDENTIFIERS: Final = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Buffer(Tensor):
    """One of the kernel's memory arguments: a tensor of one sample, and how its rows lie.

    ``argument`` is its name in C++, ``bundle`` its AXI master port (of a stream: the argument's
    name again), and ``bus_bits`` the width of the port.
    """

    argument: str
    bundle: str
    bus_bits: int

    @property
    def numbers_per_bus_word(self) -> int:
        """Raw words in one bus word."""
        return self.bus_bits // self.type.word_bits

    @property
    def bus_words(self) -> int:
        """Bus words in one row."""
        return ceil(self.size / self.numbers_per_bus_word)

    @property
    def stride(self) -> int:
        """Raw words in one row, the padding included."""
        return self.bus_words * self.numbers_per_bus_word

    @property
    def padding(self) -> int:
        """Raw words at the end of a row that are zero."""
        return self.stride - self.size

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
    ``interface`` how samples and results come and go. ``about`` says what the numbers mean, where
    that is known: it is for people, and no part of the contract's identity.
    """

    name: str
    kernel: str
    instances: tuple[str, ...]
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    core: str
    interface: Interface = "m_axi"
    about: About | None = None

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """The memory arguments, in the kernel's order; :data:`COUNT` follows them."""
        return self.inputs + self.outputs

    @cached_property
    def input_layout(self) -> Layout:
        """How a sample of all inputs lies in a row of numbers, without padding."""
        return Layout(self.inputs)

    @cached_property
    def output_layout(self) -> Layout:
        """How a result of all outputs lies in a row of numbers, without padding."""
        return Layout(self.outputs)

    @property
    def source(self) -> str:
        """The kernel's source file in a design."""
        return f"kernel/src/{self.kernel}.cpp"

    @property
    def entry(self) -> str:
        """The C function that takes a pointer to each buffer's rows, and the number of samples.

        It is in the kernel's library for g++; around streams it is one of the bridge's functions.
        """
        return self.kernel if self.interface == "m_axi" else f"{self.name}_rows"

    @property
    def most_samples(self) -> int:
        """The largest batch: as counted in 32 bits, or as one DMA transfer can carry."""
        if self.interface == "m_axi":
            return 2**32 - 1
        return LONGEST_TRANSFER // max(buffer.row_bytes for buffer in self.buffers)

    @cached_property
    def identity(self) -> str:
        """Digest of the whole contract: two designs that differ in it must not be mixed."""
        return digest_json(self._plain())

    def to_json(self) -> bytes:
        """The contract as JSON text, the same bytes each time."""
        about = {"about": to_plain(self.about)} if self.about else {}
        plain = {**self._plain(), "identity": self.identity, **about}
        return (json.dumps(plain, indent=2) + "\n").encode()

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
                inputs=tuple(map(_buffer, plain["inputs"])),
                outputs=tuple(map(_buffer, plain["outputs"])),
                core=plain["core"],
                interface=_interface(plain["interface"]),
                about=from_plain(About | None, plain.get("about")),
            )
            identity = read.identity
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise TargetError(
                Problem(
                    "this is no contract",
                    got=str(error),
                    hint="run fpgac compile again",
                    code="target.no-contract",
                )
            ) from error
        if plain.get("identity") != identity:
            raise TargetError(
                Problem(
                    "the contract was changed after it was written",
                    expected=f"identity {identity}",
                    got=f"identity {plain.get('identity')}",
                    hint="run fpgac compile again",
                    code="target.changed-contract",
                )
            )
        return read

    def _plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kernel": self.kernel,
            "instances": list(self.instances),
            "inputs": [_plain_buffer(buffer) for buffer in self.inputs],
            "outputs": [_plain_buffer(buffer) for buffer in self.outputs],
            "core": self.core,
            "interface": self.interface,
        }


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
        TargetError: all that the interface does not have: compute units, buffers, names, samples
            so long.
        CoreError: a number format that has no padded raw word.
    """
    kernel = f"{name}_kernel"
    instances = tuple(f"{name}_{place}" for place in range(1, compute_units + 1))
    if problems := [
        *_unit_problems(compute_units, interface),
        *_name_problems(name, f"{kernel}:{name}_{compute_units}"),
        *_port_problems(core, interface),
    ]:
        raise TargetError(*problems)
    buffers = [
        _lay_out(port, argument, f"gmem{place}", interface)
        for place, (port, argument) in enumerate(_arguments(core))
    ]
    agreed = Contract(
        name=name,
        kernel=kernel,
        instances=instances,
        inputs=tuple(buffers[: len(core.inputs)]),
        outputs=tuple(buffers[len(core.inputs) :]),
        core=core.digest,
        interface=interface,
        about=core.about,
    )
    if agreed.most_samples < 1:
        raise TargetError(
            Problem(
                "a sample is too long: one DMA transfer cannot carry it",
                expected=f"at most {LONGEST_TRANSFER} bytes",
                got=f"{max(buffer.row_bytes for buffer in buffers)} bytes",
                code="target.long-sample",
            )
        )
    return agreed


def bus_cycles(tensors: Iterable[Tensor], interface: Interface) -> int:
    """The cycles that a kernel's bus takes for a sample of these inputs and outputs, at least 1.

    Raises:
        CoreError: a number format that has no padded raw word.
    """
    words = (_lay_out(tensor, "", "", interface).bus_words for tensor in tensors)
    return max(words, default=1)


def _unit_problems(compute_units: int, interface: Interface) -> Iterator[Problem]:
    most = MOST_COMPUTE_UNITS if interface == "m_axi" else 1
    if not 1 <= compute_units <= most:
        yield Problem(
            f"a kernel cannot have {compute_units} compute units",
            expected=f"1 to {most}" if most > 1 else "1: its DMAs feed one kernel",
            got=str(compute_units),
            code="target.compute-units",
        )


def _name_problems(name: str, longest: str) -> Iterator[Problem]:
    if len(longest) > LONGEST_IP_NAME:
        yield Problem(
            f"the name {name!r} is too long: an xclbin cannot hold {longest!r}",
            expected=f"at most {LONGEST_IP_NAME} characters",
            got=f"{len(longest)} characters",
            hint="give the spec a shorter name",
            code="target.long-name",
        )


def _port_problems(core: Core, interface: Interface) -> Iterator[Problem]:
    most, count = MOST_BUFFERS[interface], len(core.inputs) + len(core.outputs)
    if count > most:
        yield Problem(
            f"a kernel cannot have {count} inputs and outputs",
            expected=f"at most {most} together",
            got=f"{len(core.inputs)} inputs, {len(core.outputs)} outputs",
            hint="concatenate inputs in one tensor",
            code="target.too-many-buffers",
        )
    for ports in (core.inputs, core.outputs):
        names = [port.name for port in ports] if len(ports) > 1 else []
        for name in names:
            if not _IN_IDENTIFIERS.fullmatch(name):
                yield Problem(
                    f"the tensor {name!r} cannot name an argument of the kernel",
                    expected="letters, digits and _",
                    got=repr(name),
                    code="target.tensor-name",
                )
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Problem(f"two tensors are named {name!r}", code="target.tensor-named-twice")


def _arguments(core: Core) -> Iterator[tuple[Port, str]]:
    """Each port with the name of its argument, in the kernel's order."""
    for ports, letter in ((core.inputs, "x"), (core.outputs, "y")):
        for port in ports:
            yield port, letter if len(ports) == 1 else f"{letter}_{port.name}"


def _interface(text: str) -> Interface:
    for known in get_args(Interface):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise ValueError(f"no interface is called {text!r}")


def _lay_out(port: Tensor, argument: str, bundle: str, interface: Interface) -> Buffer:
    streams = interface == "axis"
    widest = WIDEST_STREAM if streams else WIDEST_BUS
    return Buffer(
        name=port.name,
        shape=port.shape,
        type=port.type,
        argument=argument,
        bundle=argument if streams else bundle,
        bus_bits=bus_width(port.size, port.type.word_bits, widest),
        scaling=port.scaling,
        decoding=port.decoding,
    )


def _plain_buffer(buffer: Buffer) -> dict[str, Any]:
    return {
        "name": buffer.name,
        "argument": buffer.argument,
        "bundle": buffer.bundle,
        "shape": list(buffer.shape),
        "type": str(buffer.type),
        "bus_bits": buffer.bus_bits,
        **({"scaling": asdict(buffer.scaling)} if buffer.scaling else {}),
        **({"decoding": str(buffer.decoding)} if buffer.decoding else {}),
    }


def _buffer(plain: Mapping[str, Any]) -> Buffer:
    return Buffer(
        name=plain["name"],
        shape=tuple(plain["shape"]),
        type=FixedPoint.parse(plain["type"]),
        argument=plain["argument"],
        bundle=plain["bundle"],
        bus_bits=plain["bus_bits"],
        scaling=_scaling(plain["scaling"]) if "scaling" in plain else None,
        decoding=Decoding.parse(plain["decoding"]) if "decoding" in plain else None,
    )


def _scaling(plain: Mapping[str, Any]) -> Scaling:
    return Scaling(tuple(plain["offset"]), tuple(plain["scale"]))
