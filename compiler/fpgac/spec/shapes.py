"""The shapes of tensors, channels last, and what each kind of layer makes of them.

A shape has no axis for samples: ``(8, 8, 1)`` is a picture of 8 by 8 pixels in one channel, and
``(64,)`` a flat list of numbers. Paddings are Keras's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

__all__ = [
    "MOST_NUMBERS",
    "MisfitError",
    "Padding",
    "Shape",
    "Sides",
    "averaged",
    "concatenated",
    "convolved",
    "cropped",
    "enlarged",
    "flattened",
    "globally_averaged",
    "globally_pooled",
    "held",
    "merged",
    "padded",
    "pads",
    "permuted",
    "pooled",
    "require_power_of_two",
    "reshaped",
    "shape_text",
    "summed",
    "swept",
]

Shape = tuple[int, ...]
Padding = Literal["valid", "same"]

# How much before and behind, for each axis of space.
Sides = tuple[tuple[int, int], ...]


# A tensor's numbers at the most: far more than any chip holds, and no danger to a machine's memory.
MOST_NUMBERS = 1 << 22


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


def held(shape: Shape) -> Shape:
    """``shape``, unless a tensor of it is too large for any core.

    Raises:
        MisfitError: it is.
    """
    if (numbers := prod(shape)) > MOST_NUMBERS:
        what = f"the tensor has {numbers:,} numbers, {shape_text(shape)}: {MOST_NUMBERS:,} at most"
        raise MisfitError("kind", what, None)
    return shape


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


def swept(shape: Shape, pool: Sequence[int], strides: Sequence[int], sides: Sides) -> Shape:
    """What pools give that go over an image with margins, in steps of their own.

    Raises:
        MisfitError: the axes are not as many, or a pool is larger than what it goes over.
    """
    *space, channels = _with_axes(shape, len(pool), "a pooling layer")
    wide = [before + size + behind for size, (before, behind) in zip(space, sides, strict=True)]
    steps = zip(wide, pool, strides, strict=True)
    sizes = tuple((size - reach) // step + 1 for size, reach, step in steps)
    if any(reach > size for size, reach in zip(wide, pool, strict=True)):
        what = f"the pool, {shape_text(tuple(pool))}, is larger than its {shape_text(shape)}"
        raise MisfitError("pool", what, (*(max(size, 1) for size in sizes), channels))
    return (*sizes, channels)


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
    require_power_of_two("pool_size", prod(pool), sizes)
    return sizes


def require_power_of_two(key: str, count: int, shape: Shape) -> None:
    """Refuse the mean of ``count`` numbers that is not exact; ``shape`` is what it would give.

    Raises:
        MisfitError: the count is no power of two: thirds have no fixed-point form.
    """
    if count & (count - 1):
        what = f"the mean of {count} numbers is not exact: take 2, 4, 8 ... numbers"
        raise MisfitError(key, what, shape)


def globally_pooled(shape: Shape, axes: int) -> Shape:
    """What pooling over all of space gives: one number for each channel.

    Raises:
        MisfitError: the axes are not as many.
    """
    return _with_axes(shape, axes, "a pooling layer")[-1:]


def globally_averaged(shape: Shape, axes: int) -> Shape:
    """What the mean over all of space gives.

    Raises:
        MisfitError: the axes are not as many, or the count of places is no power of two.
    """
    sizes = globally_pooled(shape, axes)
    require_power_of_two("kind", prod(shape[:-1]), sizes)
    return sizes


def padded(shape: Shape, sides: Sides) -> Shape:
    """What zeros on all sides of space make.

    Raises:
        MisfitError: the axes are not as many.
    """
    *space, channels = _with_axes(shape, len(sides), "zero padding")
    sizes = zip(space, sides, strict=True)
    return (*(before + size + behind for size, (before, behind) in sizes), channels)


def cropped(shape: Shape, sides: Sides) -> Shape:
    """What is left without the sides.

    Raises:
        MisfitError: the axes are not as many, or nothing is left.
    """
    *space, channels = _with_axes(shape, len(sides), "cropping")
    sizes = [size - sum(side) for size, side in zip(space, sides, strict=True)]
    if min(sizes) < 1:
        what = f"cropping leaves nothing of {shape_text(shape)}"
        raise MisfitError("cropping", what, (*(max(size, 1) for size in sizes), channels))
    return (*sizes, channels)


def enlarged(shape: Shape, factors: Sequence[int]) -> Shape:
    """What repeating each place so many times along each axis of space gives.

    Raises:
        MisfitError: the axes are not as many.
    """
    *space, channels = _with_axes(shape, len(factors), "upsampling")
    return (*(size * factor for size, factor in zip(space, factors, strict=True)), channels)


def reshaped(shape: Shape, wanted: Shape) -> Shape:
    """The same numbers under another shape.

    Raises:
        MisfitError: there are more or fewer of them.
    """
    if prod(shape) != prod(wanted):
        what = f"{shape_text(shape)} has {prod(shape)} numbers, {shape_text(wanted)} {prod(wanted)}"
        raise MisfitError("shape", what, wanted)
    return wanted


def permuted(shape: Shape, order: Sequence[int]) -> Shape:
    """The axes in another order, counted from 1 as Keras does.

    Raises:
        MisfitError: the order does not name each axis once.
    """
    if sorted(order) != list(range(1, len(shape) + 1)):
        axes = ", ".join(map(str, range(1, len(shape) + 1)))
        what = f"the order of the axes of {shape_text(shape)} must name each of {axes} once"
        raise MisfitError("order", what, None)
    return tuple(shape[axis - 1] for axis in order)


def merged(shapes: Sequence[Shape]) -> Shape:
    """What tensors give that are combined element by element.

    Raises:
        MisfitError: their shapes differ.
    """
    if len(set(shapes)) > 1:
        what = f"its inputs differ in shape: {' and '.join(map(shape_text, shapes))}"
        raise MisfitError("inputs", what, shapes[0])
    return shapes[0]


def concatenated(shapes: Sequence[Shape], axis: int) -> Shape:
    """What tensors give that are laid end to end along ``axis``: from 1, or from -1 backwards.

    Raises:
        MisfitError: there is no such axis, or the shapes differ along another.
    """
    first = shapes[0]
    if not (1 <= axis <= len(first) or -len(first) <= axis <= -1):
        axes = f"1 to {len(first)}, or -1 to -{len(first)}"
        what = f"{shape_text(first)} has no axis {axis}: its axes are {axes}"
        raise MisfitError("axis", what, None)
    place = axis - 1 if axis > 0 else len(first) + axis
    rests = {(*shape[:place], *shape[place + 1 :]) for shape in shapes}
    if len(rests) > 1 or len({len(shape) for shape in shapes}) > 1:
        texts = " and ".join(map(shape_text, shapes))
        what = f"its inputs differ along other axes than {axis}: {texts}"
        raise MisfitError("inputs", what, first)
    return (*first[:place], sum(shape[place] for shape in shapes), *first[place + 1 :])


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
