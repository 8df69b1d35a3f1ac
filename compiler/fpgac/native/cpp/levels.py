"""What a processor offers beyond plain C++: the width of its registers, and dot products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

__all__ = ["LEVELS", "PORTABLE", "TILE", "Form", "Level"]


class Form(Enum):
    """How a value lies in memory; its number is how many elements share a lane of 32 bits."""

    PLAIN = 1
    """Row by row, one element of all samples each, in the narrowest type that holds it."""
    PAIRS = 2
    """Two signed elements of 16 bits in each sample's lane."""
    QUADS = 4
    """Four unsigned elements of 8 bits in each sample's lane."""


# Registers of samples that share a weight once it is loaded: more would make more code, not speed.
TILE: Final = 2


@dataclass(frozen=True)
class Level:
    """A set of instructions.

    ``flags`` make g++ use them; ``supported`` is a C++ condition that the processor has them.
    ``register_bytes`` is the width of a register. A tile of sums that are kept in registers is
    ``filters`` by ``TILE`` registers of samples.

    ``dots`` are the forms that are multiplied as a whole: instructions that add, to each 32-bit
    lane of the sum a, the dot product of its elements in x and in t, where ``broadcast`` has put
    a lane from byte ``at`` of the weights w; p is free to use. ``steered`` tells that an
    instruction on floats can be told how to round, and that there is ``vrangeps``. Tables of up to
    ``permuted`` registers are looked up by permutations.
    """

    name: str
    supported: str
    flags: tuple[str, ...] = ()
    register_bytes: int = 16
    filters: int = 4
    broadcast: str = "vpbroadcastd %c[at](%[w]), %[t]"
    dots: Mapping[Form, str] = field(default_factory=dict)
    steered: bool = False
    permuted: int = 0


# The sum of two products overflows a lane for four times -2^15 only, and wraps as all sums may.
_MULTIPLY_ADD: Final = {
    Form.PAIRS: "vpmaddwd %[t], %[x{i}], %[p]; vpaddd %[p], %[a{i}], %[a{i}]",
}
_AVX512: Final = ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl")

PORTABLE: Final = Level("portable", supported="true")

# From the quickest to what runs everywhere.
LEVELS: Final = (
    Level(
        "avx512vnni",
        supported='__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")'
        ' && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")',
        flags=(*_AVX512, "-mavx512vnni", "-mprefer-vector-width=512"),
        register_bytes=64,
        filters=8,
        steered=True,
        permuted=16,
        dots={
            Form.PAIRS: "vpdpwssd %[t], %[x{i}], %[a{i}]",
            Form.QUADS: "vpdpbusd %[t], %[x{i}], %[a{i}]",
        },
    ),
    Level(
        "avx512",
        supported='__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")'
        ' && __builtin_cpu_supports("avx512vl")',
        flags=(*_AVX512, "-mprefer-vector-width=512"),
        register_bytes=64,
        filters=8,
        steered=True,
        permuted=16,
        dots=_MULTIPLY_ADD,
    ),
    Level(
        "avx2",
        supported='__builtin_cpu_supports("avx2")',
        flags=("-mavx2",),
        register_bytes=32,
        permuted=4,
        dots=_MULTIPLY_ADD,
    ),
    Level(
        "sse2",
        supported='__builtin_cpu_supports("sse2")',
        broadcast="movd %c[at](%[w]), %[t]; pshufd $0, %[t], %[t]",
        dots={
            Form.PAIRS: "movdqa %[x{i}], %[p]; pmaddwd %[t], %[p]; paddd %[p], %[a{i}]",
        },
    ),
    PORTABLE,
)
