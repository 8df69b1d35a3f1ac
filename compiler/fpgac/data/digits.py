"""Handwritten digits: 1,797 pictures of 8 by 8 pixels; scikit-learn's copy of a UCI data set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset, Provider
from fpgac.errors import DataError, Problem, ToolchainError

__all__ = ["DigitsProvider"]

SAMPLES = 1797
SIDE = 8
WHITE = 16  # the greatest value of a pixel


class DigitsProvider(Provider):
    """Pixels from 0 to 1 in steps of 1/16, row by row; as pictures, they have one channel."""

    name = "digits"
    description = "handwritten digits, from scikit-learn: pictures of 8 x 8 pixels, 10 digits"
    version = "1"
    task = "classification"
    feature_names = tuple(f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE))
    target_names = tuple("0123456789")

    def load(self, samples: int | None, seed: int) -> Dataset:
        """All 1,797 pictures, or ``samples`` of them; ``seed`` shuffles (and so chooses) them."""
        if samples is not None and samples > SAMPLES:
            raise DataError(
                Problem(
                    "the data set 'digits' does not hold that many samples",
                    expected=f"at most {SAMPLES}",
                    got=f"samples = {samples}",
                    hint="leave out samples under [data] to have them all",
                )
            )
        pixels, digits = _pictures()
        order = np.random.default_rng(seed).permutation(SAMPLES)[:samples]
        return Dataset(
            name=self.name,
            task=self.task,
            features=pixels[order] / WHITE,
            targets=np.eye(len(self.target_names))[digits[order]],
            feature_names=self.feature_names,
            target_names=self.target_names,
        )


def _pictures() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The pixels, shape (1797, 64), and the digits, shape (1797,)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ToolchainError(
            Problem(
                "the data set 'digits' comes with scikit-learn, which is not installed",
                hint="pip install 'fpgac[data]'",
            )
        ) from None
    pixels, digits = load_digits(return_X_y=True)
    return np.asarray(pixels, dtype=np.float64), np.asarray(digits, dtype=np.int64)
