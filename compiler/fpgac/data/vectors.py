"""The vectors on which all engines must agree: data, random samples, and the corners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint

__all__ = ["ANSWERS", "EXPECTED", "INPUTS", "INPUT_WORDS", "corner_numbers", "make_vectors"]

# Where a build keeps them: floats, their raw words, the raw words that every engine gives, and
# what the data set says of its own samples, the first ones.
INPUTS = "vectors/inputs.npy"
INPUT_WORDS = "vectors/inputs_raw.npy"
EXPECTED = "vectors/expected_raw.npy"
ANSWERS = "vectors/answers.npy"

Floats = npt.NDArray[np.float64]


def make_vectors(to: FixedPoint, data: Floats, random: int, seed: int) -> Floats:
    """Floats for every engine, shape (samples, inputs): first ``data`` as it is, then ``random``
    samples over the range of ``to`` and a quarter beyond it, then the corners of the conversion.

    Each corner number stands once in all inputs together, and once in each input of a sample of
    the data, so that no input can hide it.
    """
    generator = np.random.default_rng(seed)
    edge = 1.25 * to.step * max(to.highest, -to.lowest)
    anywhere = generator.uniform(-edge, edge, (random, data.shape[1]))
    return np.concatenate([data, anywhere, _corners(to, data)])


def corner_numbers(to: FixedPoint) -> Floats:
    """Floats at which conversions go wrong: ties, extremes, out of range, not finite."""
    ties = (np.arange(-4, 4) + 0.5) * to.step
    ends = np.array([to.lowest - 1, to.lowest, to.lowest + 1, to.highest - 1, to.highest])
    beyond = np.array([to.lowest - 0.5, to.highest + 0.5, to.highest + 1, 3 * to.highest + 2])
    special = [0.0, -0.0, 5e-324, -5e-324, 1e-30, -1e-30, 1e30, -1e30, 1e300, -1e300]
    infinite = [np.inf, -np.inf, np.nan, np.copysign(np.nan, -1.0)]
    near = np.nextafter(0.5 * to.step, [0.0, 1e9])
    numbers = [ties, ends * to.step, beyond * to.step, near, -near, special, infinite]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in numbers])


def _corners(to: FixedPoint, data: Floats) -> Floats:
    numbers, inputs = corner_numbers(to), data.shape[1]
    everywhere = np.repeat(numbers[:, None], inputs, axis=1)
    # One corner number in one input, the rest a sample of the data.
    one = np.resize(data, (len(numbers) * inputs, inputs)).copy()
    rows = np.arange(len(one))
    one[rows, rows % inputs] = np.repeat(numbers, inputs)
    return np.concatenate([everywhere, one])
