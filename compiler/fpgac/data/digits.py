"""Handwritten digits: 1,797 images of 8 by 8 pixels; scikit-learn's copy of a UCI data set."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from fpgac.data.scikit import ScikitProvider

__all__ = ["DigitsProvider"]

SIDE = 8
WHITE = 16  # the largest value of a pixel


class DigitsProvider(ScikitProvider):
    """Pixels from 0 to 1 in steps of 1/16, row by row; as images, they have one channel."""

    name = "digits"
    description = "handwritten digits, from scikit-learn: images of 8 x 8 pixels, 10 digits"
    version = "1"
    size = 1797
    feature_names = tuple(f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE))
    target_names = tuple("0123456789")

    @staticmethod
    def read(datasets: Any) -> tuple[npt.ArrayLike, npt.ArrayLike]:
        """See :meth:`ScikitProvider.read`."""
        pixels, digits = datasets.load_digits(return_X_y=True)
        return pixels / WHITE, digits
