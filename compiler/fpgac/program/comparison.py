"""Whether a core computes what a network means: two programs, compared layer by layer.

Programs that differ in form may still give the same words: another order of accumulation, copies,
padding. Normal forms decide where they can. Where they cannot, a few samples may show a difference;
if they show none, it is undecided, and larger vectors must decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

import numpy as np

from fpgac.errors import Problem, Where
from fpgac.numbers import IntArray
from fpgac.program.interpreter import values
from fpgac.program.normal import Identities, identify
from fpgac.program.program import (
    Accumulate,
    Dot,
    Gather,
    Operation,
    Program,
    Terminal,
    Value,
    kind,
)

__all__ = ["Comparison", "Difference", "Verdict", "compare"]

# Samples that are tried, if the memory allows.
_SAMPLES: Final = 256
_NUMBERS: Final = 1 << 23

_NAMES: Final = {
    "to": "format",
    "accumulator": "accumulator's format",
    "bias": "biases",
    "product_fraction": "products' bits behind the point",
    "how": "operation",
}


class Verdict(StrEnum):
    """What a comparison found."""

    SAME = "same"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Difference:
    """What of a layer differs: its format, its weights, its order of accumulation."""

    what: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.what}: {self.expected} became {self.got}"


@dataclass(frozen=True)
class Comparison:
    """Whether two programs give the same words.

    Where they differ, ``layer`` is the first whose numbers do, or the output or input of this name,
    and ``differences`` are what distinguishes it. ``undecided`` are the layers whose forms differ,
    and which no sample that was tried tells apart.
    """

    verdict: Verdict
    layer: str = ""
    differences: tuple[Difference, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def problem(self) -> Problem | None:
        """What is wrong, if they differ: expected is the meaning, got is what the core computes."""
        if self.verdict is not Verdict.DIFFERENT:
            return None
        return Problem(
            f"the core does not compute what the network means: {self.layer!r} differs",
            where=Where(key=f"layers.{self.layer}"),
            expected="; ".join(f"{each.what}: {each.expected}" for each in self.differences),
            got="; ".join(f"{each.what}: {each.got}" for each in self.differences),
            code="core.other-program",
        )


def compare(meaning: Program, claim: Program) -> Comparison:
    """Compare what a network means with what a core is said to compute.

    Layers are compared where both have one of the name; either may have more of them. Inputs and
    outputs are compared in order, by type and size.
    """
    if meaning.digest == claim.digest:
        return Comparison(Verdict.SAME)
    if found := next(_other_edges(meaning, claim), None):
        return found
    suspects = _suspects(meaning, claim)
    if not suspects:
        return Comparison(Verdict.SAME)
    first = _distinguished(meaning, claim)
    if first is None:
        return Comparison(Verdict.UNDECIDED, undecided=suspects)
    name, ours, theirs = first
    differences = _differences(_operations(meaning, ours), _operations(claim, theirs))
    return Comparison(Verdict.DIFFERENT, name, tuple(differences))


def _other_edges(meaning: Program, claim: Program) -> Iterator[Comparison]:
    """Inputs and outputs that cannot be the same."""
    for what in ("inputs", "outputs"):
        ours: Sequence[Terminal] = getattr(meaning, what)
        theirs: Sequence[Terminal] = getattr(claim, what)
        if len(ours) != len(theirs):
            yield _differ(what, Difference("number", str(len(ours)), str(len(theirs))))
            return
        for one, other in zip(ours, theirs, strict=True):
            if one.tensor.type != other.tensor.type:
                types = str(one.tensor.type), str(other.tensor.type)
                yield _differ(one.tensor.name, Difference("format", *types))
            if one.value.size != other.value.size:
                sizes = str(one.value.size), str(other.value.size)
                yield _differ(one.tensor.name, Difference("numbers", *sizes))


def _differ(name: str, difference: Difference) -> Comparison:
    return Comparison(Verdict.DIFFERENT, name, (difference,))


def _common(meaning: Program, claim: Program) -> Iterator[tuple[str, Value, Value]]:
    """The layers that both have, by name, and the outputs, by place: the value of each in both."""
    theirs = dict(claim.layers)
    for name, value in meaning.layers:
        if name in theirs and theirs[name].size == value.size:
            yield name, value, theirs[name]
    for one, other in zip(meaning.outputs, claim.outputs, strict=True):
        yield f"output {one.tensor.name}", one.value, other.value


def _suspects(meaning: Program, claim: Program) -> tuple[str, ...]:
    """Layers and outputs whose normal forms differ, each as if those before it did not."""
    known = Identities()
    ours, common = identify(meaning, known), list(_common(meaning, claim))
    names: dict[Value, list[tuple[str, Value]]] = {}
    for name, one, other in common:
        names.setdefault(other, []).append((name, one))
    suspects: set[str] = set()

    def agreed(value: Value, found: IntArray) -> IntArray:
        for name, one in names.get(value, ()):
            if not np.array_equal(found, ours[one]):
                suspects.add(name)
                found = ours[one]
        return found

    identify(claim, known, agreed)
    return tuple(name for name, *_ in common if name in suspects)


def _distinguished(meaning: Program, claim: Program) -> tuple[str, Value, Value] | None:
    """The first layer or output whose numbers differ for some sample."""
    samples = max(2, min(_SAMPLES, _NUMBERS // max(_widest(meaning), _widest(claim))))
    rows = _samples(meaning, samples)
    ours, theirs = values(meaning, rows), values(claim, rows)
    for name, one, other in _common(meaning, claim):
        if not _equal((ours[one], one.fraction), (theirs[other], other.fraction)):
            return name, one, other
    return None


def _widest(program: Program) -> int:
    """About how many numbers a sample takes at a time."""
    sizes = (
        op.windows.size if isinstance(op, Dot | Accumulate) else op.result.size
        for op in program.operations
    )
    return max(sizes, default=1)


def _samples(program: Program, count: int) -> IntArray:
    """Rows of raw words of all sizes: a range's ends, small numbers, and any."""
    rng = np.random.default_rng(0)
    parts = []
    for x in program.inputs:
        lowest, highest = x.value.interval
        shape = count, x.value.size
        drawn = rng.integers(lowest, highest, shape, endpoint=True)
        # Each sample of one magnitude: sums that saturate and sums that do not.
        small = drawn >> rng.integers(0, max(x.value.bits, 1), (count, 1))
        ends = np.where(rng.integers(0, 2, shape) == 0, lowest, highest)
        which = rng.integers(0, 8, (count, 1))
        parts.append(np.where(which == 0, ends, np.where(which < 5, small, drawn)))
    return np.concatenate(parts, axis=1)


# Words, and the bits behind their point.
Numbers = tuple[IntArray, int]


def _equal(one: Numbers, other: Numbers) -> bool:
    """Whether they are the same numbers: words of a finer grid must end in zeros."""
    (words, fraction), (others, other_fraction) = sorted(
        (one, other), key=lambda numbers: numbers[1]
    )
    cut = other_fraction - fraction
    if cut > 62:
        return not words.any() and not others.any()
    return np.array_equal(words, others >> cut) and not (others & ((1 << cut) - 1)).any()


# --- what differs


def _differences(ours: Sequence[Operation], theirs: Sequence[Operation]) -> Iterator[Difference]:
    """What distinguishes the operations of a layer; what they read, if nothing else does."""
    if [kind(op) for op in ours] != [kind(op) for op in theirs]:
        yield Difference("operations", *(", ".join(map(kind, ops)) for ops in (ours, theirs)))
        return
    pairs = zip(ours, theirs, strict=True)
    found = [difference for pair in pairs for difference in _unlike(*pair)]
    yield from found or [Difference("what it reads", _read(ours), _read(theirs))]


def _operations(program: Program, value: Value) -> list[Operation]:
    """Those of the layer that makes a value which compute something."""
    layer = next((op.layer for op in program.operations if op.result is value), None)
    return [op for op in program.operations if op.layer == layer and not isinstance(op, Gather)]


def _read(operations: Sequence[Operation]) -> str:
    return "; ".join(str(op.result) for op in operations) or "nothing"


def _unlike(one: Operation, other: Operation) -> Iterator[Difference]:
    """The parameters in which two operations of one kind differ."""
    if isinstance(one, Accumulate) and isinstance(other, Accumulate) and _reordered(one, other):
        orders = (_order(op) for op in (one, other))
        yield Difference("order of accumulation", *orders)
        return
    for field in fields(one):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name == "layer" or isinstance(ours, Value | tuple):
            continue
        name = _NAMES.get(field.name, field.name)
        if isinstance(ours, np.ndarray):
            yield from _unlike_arrays(name, ours, theirs)
        elif ours != theirs:
            yield Difference(name, str(ours), str(theirs))


def _reordered(one: Accumulate, other: Accumulate) -> bool:
    """Whether both add the same products, one after the other in another order."""
    if one.windows.shape != other.windows.shape or one.weights.shape != other.weights.shape:
        return False
    first, second = (np.lexsort(op.windows) for op in (one, other))
    return (
        not np.array_equal(one.windows, other.windows)
        and np.array_equal(one.windows[:, first], other.windows[:, second])
        and np.array_equal(one.weights[:, first], other.weights[:, second])
    )


def _order(operation: Accumulate) -> str:
    taps = operation.windows[0]
    return f"{', '.join(map(str, taps[:8]))}{', ...' * (len(taps) > 8)}"


def _unlike_arrays(name: str, ours: Any, theirs: Any) -> Iterator[Difference]:
    if ours.shape != theirs.shape:
        yield Difference(name, f"shape {ours.shape}", f"shape {theirs.shape}")
    elif (wrong := np.argwhere(ours != theirs)).size:
        place = tuple(wrong[0].tolist())
        which = f"{name} ({len(wrong)} of {ours.size} differ, the first at {list(place)})"
        yield Difference(which, str(ours[place]), str(theirs[place]))
