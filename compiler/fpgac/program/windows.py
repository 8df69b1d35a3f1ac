"""Windows that sweep over an image: which elements each holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpgac.numbers import IntArray

__all__ = ["Sweep", "by_channel", "spread"]


@dataclass(frozen=True)
class Sweep:
    """A window of ``size`` over an image of ``image``, both (height, width), with its ``stride``.

    ``before`` is how much padding stands above and left of the image, ``places`` how many windows
    there are. An image without a height has the height 1.
    """

    image: tuple[int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    before: tuple[int, int]
    places: tuple[int, int]

    def pixels(self) -> IntArray:
        """The pixels in each window, shape (windows, pixels); -1 stands for padding."""
        rows, columns = (self._along(axis) for axis in (0, 1))
        pixels = np.where(
            (rows[:, None, :, None] < 0) | (columns[None, :, None, :] < 0),
            -1,
            rows[:, None, :, None] * self.image[1] + columns[None, :, None, :],
        )
        return pixels.reshape(len(rows) * len(columns), -1)

    def _along(self, axis: int) -> IntArray:
        starts = np.arange(self.places[axis]) * self.stride[axis] - self.before[axis]
        found = starts[:, None] + np.arange(self.size[axis])
        return np.where(found < self.image[axis], np.maximum(found, -1), -1)


def spread(pixels: IntArray, channels: int) -> IntArray:
    """The elements of pixels, all channels of one after the other: (windows, pixels · channels)."""
    elements = _elements(pixels, channels)
    return elements.transpose(0, 2, 1).reshape(len(pixels), -1)


def by_channel(pixels: IntArray, channels: int) -> IntArray:
    """The elements of each window's pixels, one channel a row: (windows · channels, pixels)."""
    return _elements(pixels, channels).reshape(-1, pixels.shape[1])


def _elements(pixels: IntArray, channels: int) -> IntArray:
    """The elements of pixels, shape (windows, channels, pixels)."""
    elements = pixels[:, None, :] * channels + np.arange(channels)[:, None]
    return np.where(pixels[:, None, :] < 0, -1, elements)
