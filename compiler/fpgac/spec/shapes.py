"""The shapes of tensors, channels last, and what each kind of layer makes of them.

A shape has no axis for samples: ``(8, 8, 1)`` is a picture of 8 by 8 pixels in one channel, and
``(64,)`` a flat list of numbers. Paddings are Keras's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

__all__ = [
    "MisfitError",
    "Padding",
    "Shape",
    "averaged",
    "convolved",
    "flattened",
    "pads",
    "pooled",
    "shape_text",
    "summed",
]

Shape = tuple[int, ...]
Padding = Literal["valid", "same"]


class MisfitError(ValueError):
    """A layer cannot take the shape that comes to it.

    ``key`` is what in the layer is at odds, and ``shape`` what it would most likely give, or None
    where nobody can tell.
    """

    def __init__(self, key: str, what: str, shape: Shape | None) -> None:
        super().__init__(what)
        self.key = key
        self.shape = shape


def shape_text(shape: Shape) -> str:
    """
    >>> shape_text((8, 8, 1))
    '8x8x1'
    """
    return "x".join(map(str, shape))


def summed(shape: Shape, units: int) -> Shape:
    """What a dense layer gives.

    Raises:
        MisfitError: it is given no flat list of numbers.
    """
    if len(shape) != 1:
        what = f"a dense layer needs a flat list of numbers, not {shape_text(shape)}: put a layer "
        raise MisfitError("kind", what + "of kind 'flatten' before it", (units,))
    return (units,)


def convolved(
    shape: Shape, kernel: Sequence[int], strides: Sequence[int], padding: Padding, filters: int
) -> Shape:
    """What a convolution gives; ``kernel`` and ``strides`` have an entry for each axis of space.

    Raises:
        MisfitError: the axes are not as many, or the kernel is larger than what it goes over.
    """
    *space, _ = _with_axes(shape, len(kernel), "a convolution")
    if padding == "same":
        return (*(-(-size // step) for size, step in zip(space, strides, strict=True)), filters)
    steps = zip(space, kernel, strides, strict=True)
    sizes = tuple((size - reach) // step + 1 for size, reach, step in steps)
    if any(reach > size for size, reach in zip(space, kernel, strict=True)):
        what = f"the kernel, {shape_text(tuple(kernel))}, is larger than its {shape_text(shape)}"
        raise MisfitError("kernel_size", what, (*(max(size, 1) for size in sizes), filters))
    return (*sizes, filters)


def pads(shape: Shape, kernel: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """How many zeros the padding ``same`` puts before and behind, for each axis of space."""
    sides = []
    for size, reach, step in zip(shape, kernel, strides, strict=False):
        extra = max((-(-size // step) - 1) * step + reach - size, 0)
        sides.append((extra // 2, extra - extra // 2))
    return sides


def pooled(shape: Shape, pool: Sequence[int]) -> Shape:
    """What a pooling layer gives whose pools lie side by side.

    Raises:
        MisfitError: the axes are not as many, or the pools do not divide them.
    """
    *space, channels = _with_axes(shape, len(pool), "a pooling layer")
    sizes = (*(max(size // side, 1) for size, side in zip(space, pool, strict=True)), channels)
    if any(size % side for size, side in zip(space, pool, strict=True)):
        pools = shape_text(tuple(pool))
        raise MisfitError("pool_size", f"pools of {pools} do not divide {shape_text(shape)}", sizes)
    return sizes


def averaged(shape: Shape, pool: Sequence[int]) -> Shape:
    """What average pooling gives.

    Raises:
        MisfitError: as for :func:`pooled`, or a pool's size is no power of two: thirds have no
            fixed-point form.
    """
    sizes = pooled(shape, pool)
    if (count := prod(pool)) & (count - 1):
        what = f"the mean of {count} numbers is not exact: take pools of 2, 4, 8 ... numbers"
        raise MisfitError("pool_size", what, sizes)
    return sizes


def flattened(shape: Shape) -> Shape:
    """All numbers in one list, the channels' index running fastest.

    Raises:
        MisfitError: they are in one list already.
    """
    if len(shape) == 1:
        raise MisfitError(
            "kind", f"there is nothing to flatten: a list of {shape[0]} numbers", shape
        )
    return (prod(shape),)


def _with_axes(shape: Shape, axes: int, what: str) -> Shape:
    if len(shape) == axes + 1:
        return shape
    need = f"{what} over {axes} axes needs {axes + 1} with that of the channels, such as "
    example = "inputs = [8, 8, 1]" if axes == 2 else "inputs = [100, 3]"
    raise MisfitError("kind", f"{need}{example}, not {shape_text(shape)}", None)
