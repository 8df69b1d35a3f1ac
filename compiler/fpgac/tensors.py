"""Tensors at the edge of a network, and rows: all the numbers of one sample, end to end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.decoding import Decoding
from fpgac.errors import DataError, Problem, Where, nearest
from fpgac.numbers import FixedPoint, IntArray

__all__ = ["Layout", "Scaling", "Tensor", "exact_floats", "float_type", "pieces"]

Array = npt.NDArray[Any]

# Every whole number up to here is a float64.
_LARGEST_EXACT: Final = 1 << 53

_PIECE: Final = 1 << 14


@dataclass(frozen=True)
class Scaling:
    """What becomes of a user's numbers before they are put on an input's grid.

    The number ``x`` at each place of a sample becomes ``(x - offset) * scale``, in float64: two
    operations, each rounded to the nearest, which no compiler may fuse, so that Python and C++ give
    the same bits. Both have a number for each place, all finite, and each scale is above zero.

    Where the scaling :attr:`is_shift`, it only moves the binary point of the type at each place,
    which costs nothing: numbers are then never scaled on their way to raw words.
    """

    offset: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = np.array([*self.offset, *self.scale])
        if len(self.offset) != len(self.scale) or not np.isfinite(numbers).all():
            raise ValueError("a scaling needs as many finite offsets as scales")
        if min(self.scale, default=1.0) <= 0:
            raise ValueError("a scale must be above zero")

    def apply(self, rows: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Rows of a user's numbers, shape (samples, size), as rows for the grid."""
        with np.errstate(invalid="ignore", over="ignore"):
            scaled: npt.NDArray[np.float64] = (
                np.asarray(rows, dtype=np.float64) - np.array(self.offset)
            ) * np.array(self.scale)
        return scaled

    @cached_property
    def is_shift(self) -> bool:
        """Whether every scale is a power of two and no offset is taken away."""
        mantissas, _ = np.frexp(self.scale)
        return not np.any(self.offset) and bool((mantissas == 0.5).all())

    def undo(self, rows: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The numbers that :meth:`apply` takes to ``rows``, but for rounding."""
        with np.errstate(invalid="ignore", over="ignore"):
            given: npt.NDArray[np.float64] = np.asarray(rows, dtype=np.float64) / np.array(
                self.scale
            ) + np.array(self.offset)
        return given


@dataclass(frozen=True)
class Tensor:
    """One input or output of a network: ``shape`` is that of one sample, channels last.

    ``scaling`` is what an input's numbers undergo before they become raw words, and ``decoding``
    what an output's undergo before a user gets them, if anything.
    """

    name: str
    shape: tuple[int, ...]
    type: FixedPoint
    scaling: Scaling | None = field(default=None, kw_only=True)
    decoding: Decoding | None = field(default=None, kw_only=True)

    @property
    def size(self) -> int:
        """Numbers in one sample."""
        return prod(self.shape)

    def raw(self, numbers: Array) -> IntArray:
        """The raw words of a user's numbers, shape (samples, size): scaled, then by the type."""
        if self.scaling is None:
            return self.type.raw(numbers)
        if self.scaling.is_shift:
            return self.type.raw(numbers, self.scaling.scale)
        return self.type.raw(self.scaling.apply(numbers))

    @property
    def shifted_types(self) -> tuple[FixedPoint, ...]:
        """The type of a user's number at each place, where a scaling only moves the point."""
        if self.scaling is None or not self.scaling.is_shift:
            return ()
        _, exponents = np.frexp(self.scaling.scale)
        moved = (exponents - 1).tolist()  # a scale is 2 to this power
        return tuple(replace(self.type, integer=self.type.integer - power) for power in moved)

    def meant(self, numbers: Array) -> Array:
        """What numbers of shape (n, \\*shape) mean: themselves where there is no decoding."""
        return self.decoding.apply(numbers) if self.decoding else numbers

    def __str__(self) -> str:
        return f"{self.name}: {'x'.join(map(str, self.shape))} of {self.type}"


@dataclass(frozen=True)
class Layout:
    """Tensors in their order, and the rows that hold a sample of each of them.

    A row is the numbers of all tensors end to end, each tensor's last axis fastest. Arrays of rows
    have shape (samples, size).
    """

    tensors: tuple[Tensor, ...]

    @cached_property
    def size(self) -> int:
        """Numbers in a row."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def places(self) -> Iterator[tuple[Tensor, slice]]:
        """Each tensor, and which columns of the rows are its own."""
        start = 0
        for tensor in self.tensors:
            yield tensor, slice(start, start + tensor.size)
            start += tensor.size

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest integers that hold every padded raw word of a row."""
        signed = any(tensor.type.signed for tensor in self.tensors)
        bits = max(t.type.word_bits + (signed and not t.type.signed) for t in self.tensors)
        held = next(size for size in (8, 16, 32, 64, 128) if size >= bits)
        # A raw word has at most 53 bits, so that 64 hold it with any sign.
        return np.dtype(f"<{'i' if signed else 'u'}{min(held, 64) // 8}")

    @cached_property
    def float_dtype(self) -> np.dtype[Any]:
        """The narrowest float that holds every number of a row exactly."""
        return max((tensor.type.float_dtype for tensor in self.tensors), key=lambda d: d.itemsize)

    def raw(self, rows: npt.ArrayLike) -> IntArray:
        """The raw words of rows of numbers, each tensor's by its scaling and its type's rule."""
        given = np.asarray(rows)
        words = np.empty(given.shape, self.dtype)
        for tensor, columns in self.places:
            words[:, columns] = tensor.raw(given[:, columns])
        return words

    def scaled(self, rows: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Rows of numbers scaled, yet on no grid: what a network of real numbers would be given."""
        numbers = np.array(rows, np.float64)
        for tensor, columns in self.places:
            if tensor.scaling:
                numbers[:, columns] = tensor.scaling.apply(numbers[:, columns])
        return numbers

    @property
    def is_scaled(self) -> bool:
        """Whether a tensor has a scaling."""
        return any(tensor.scaling for tensor in self.tensors)

    def with_scaling(self, scaling: Mapping[str, Scaling]) -> Layout:
        """The same tensors with these scalings, by their names."""
        return Layout(tuple(replace(t, scaling=scaling.get(t.name)) for t in self.tensors))

    def number(self, words: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The numbers that rows of raw words stand for: exact."""
        given = np.asarray(words)
        numbers = np.empty(given.shape, np.float64)
        for tensor, columns in self.places:
            numbers[:, columns] = tensor.type.number(given[:, columns])
        return numbers

    @property
    def is_decoded(self) -> bool:
        """Whether a tensor has a decoding."""
        return any(tensor.decoding for tensor in self.tensors)

    def meant(self, words: Array) -> dict[str, Array]:
        """What rows of raw words mean, by each tensor's name; what has no decoding is numbers."""
        parts = self.named(self.number(words))
        return {tensor.name: tensor.meant(parts[tensor.name]) for tensor in self.tensors}

    def with_decoding(self, decoding: Mapping[str, Decoding]) -> Layout:
        """The same tensors with these decodings, by their names."""
        return Layout(tuple(replace(t, decoding=decoding.get(t.name)) for t in self.tensors))

    def rows(self, samples: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> Array:
        """Rows from what people give: an array for one tensor, for several a mapping by name.

        An array has shape (n, \\*shape), or (n, numbers); rows of all tensors will do as well.

        Raises:
            DataError: a tensor is missing, unknown, of another shape or number of samples.
        """
        if not isinstance(samples, Mapping):
            return self._row_of(np.asarray(samples), "the samples do not fit the network")
        self.check_names(list(samples))
        parts = [
            Layout((t,))._row_of(
                np.asarray(samples[t.name]), f"the samples of {t.name!r} do not fit the network"
            )
            for t in self.tensors
        ]
        self.check_counts([len(part) for part in parts])
        return self.joined(parts)

    def joined(self, parts: Sequence[Array]) -> Array:
        """Rows of arrays that hold the columns in order, each of shape (n, numbers).

        Raises:
            DataError: the arrays differ in type, and no float64 holds one of the numbers.
        """
        if len(parts) == 1:
            return parts[0]
        alike = len({part.dtype for part in parts}) == 1
        return np.concatenate(parts if alike else [exact_floats(part) for part in parts], axis=1)

    def on_grid(self, rows: npt.ArrayLike) -> npt.NDArray[np.floating[Any]]:
        """Rows of numbers scaled and put on each tensor's grid: what the chip sees of them.

        They are the narrowest floats that hold each of them, and nothing wider is kept beside.
        """
        given = np.asarray(rows)
        numbers = np.empty(given.shape, self.float_dtype)
        for piece in pieces(len(given)):
            numbers[piece] = self.number(self.raw(given[piece]))
        return numbers

    def named(self, rows: Array) -> dict[str, Array]:
        """Each tensor's part of the rows by its name, of shape (n, \\*shape)."""
        return {
            tensor.name: rows[:, columns].reshape(len(rows), *tensor.shape)
            for tensor, columns in self.places
        }

    def given(self, rows: Array) -> Array | dict[str, Array]:
        """What people are given: the array of one tensor, of several a mapping by name."""
        parts = self.named(rows)
        return parts if len(parts) > 1 else next(iter(parts.values()))

    @property
    def sample_shapes(self) -> frozenset[tuple[int, ...]]:
        """The shapes that one sample may have in a single array."""
        alone = [tensor.shape for tensor in self.tensors] if len(self.tensors) == 1 else []
        single = [()] if self.size == 1 else []
        return frozenset([(self.size,), *alone, *single])

    @property
    def array_shape(self) -> str:
        """The shape of an array of samples, for messages: ``(n, 8, 8, 1)``."""
        shape = self.tensors[0].shape if len(self.tensors) == 1 else (self.size,)
        return f"(n, {', '.join(map(str, shape))})"

    def check_names(self, names: Sequence[str], where: Where | None = None) -> None:
        """Refuse ``names`` that are not those of the tensors, each once, in any order.

        Raises:
            DataError: a tensor is missing, or there is one that the network has not.
        """
        known = [tensor.name for tensor in self.tensors]
        if sorted(names) == sorted(known):
            return
        unknown = [name for name in names if name not in known]
        raise DataError(
            Problem(
                "the samples are not those of the network's inputs",
                where,
                expected=", ".join(known),
                got=", ".join(names) or "nothing",
                hint=nearest(unknown[0], known) if unknown else "",
                code="data.wrong-inputs",
            )
        )

    def check_counts(self, counts: Sequence[int], where: Where | None = None) -> None:
        """Refuse tensors of different numbers of samples.

        Raises:
            DataError: they differ.
        """
        if len(set(counts)) > 1:
            named = zip(self.tensors, counts, strict=True)
            raise DataError(
                Problem(
                    "the inputs have different numbers of samples",
                    where,
                    expected="as many of each",
                    got=", ".join(f"{count} of {tensor.name}" for tensor, count in named),
                    code="data.unequal-counts",
                )
            )

    def _row_of(self, array: Array, misfit: str) -> Array:
        if array.shape[1:] not in self.sample_shapes:
            names = [tensor.name for tensor in self.tensors]
            raise DataError(
                Problem(
                    misfit,
                    expected=f"shape {self.array_shape}",
                    got=str(array.shape),
                    hint=f"or a mapping with {', '.join(names)}" if len(names) > 1 else "",
                    code="data.wrong-shape",
                )
            )
        return array.reshape(len(array), self.size)


def pieces(samples: int) -> Iterator[slice]:
    """All samples in order, some thousands at a time: what is made of them takes little memory."""
    for first in range(0, samples, _PIECE):
        yield slice(first, first + _PIECE)


def float_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The float that holds every number of ``dtype``, or the widest there is."""
    narrow = dtype.itemsize <= (4 if dtype.kind == "f" else 2)
    return np.dtype(np.float32 if narrow else np.float64)


def exact_floats(x: Array, dtype: np.dtype[Any] | None = None) -> Array:
    """``x`` as ``dtype``, by default float32 or float64, whichever holds its numbers.

    Raises:
        DataError: no numbers, or one that no float64 holds.
    """
    if x.dtype.kind not in "fiub":
        raise DataError(
            Problem(
                "the samples are not numbers",
                expected="floats or integers",
                got=f"an array of {x.dtype}",
                code="data.not-numbers",
            )
        )
    floats = x.astype(dtype or float_type(x.dtype), copy=False)
    if x.dtype.kind in "iu" and x.dtype.itemsize == 8:
        inexact = (x > _LARGEST_EXACT) | (x < -_LARGEST_EXACT if x.dtype.kind == "i" else False)
    elif x.dtype.itemsize > 8:
        inexact = (floats != x) & ~np.isnan(x)
    else:
        return floats
    if inexact.any():
        raise DataError(
            Problem(
                "a number is too long to be converted exactly",
                expected="numbers that a float64 holds",
                got=str(x[inexact][0]),
                code="data.inexact-number",
            )
        )
    return floats
