"""The vectors on which all engines must agree: data, random samples, and the corners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint
from fpgac.tensors import Layout

__all__ = ["ANSWERS", "EXPECTED", "INPUTS", "INPUT_WORDS", "corner_numbers", "make_vectors"]

# Where a build keeps them: floats, their raw words, the raw words that every engine gives, and
# the data set's answers to its own samples, the first ones.
INPUTS = "vectors/inputs"
INPUT_WORDS = "vectors/inputs_raw"
EXPECTED = "vectors/expected_raw"
ANSWERS = "vectors/answers.npy"

Floats = npt.NDArray[np.float64]


def make_vectors(layout: Layout, data: Floats, random: int, seed: int) -> Floats:
    """Rows of numbers for every engine, shape (samples, numbers): first ``data`` as it is, then
    ``random`` samples over each type's range and a quarter beyond it, then the corners of the
    conversion, each tensor's own in its columns.

    Each corner stands once in all columns together, and once in each column of a sample of the
    data, so that no input can hide it.
    """
    edges = np.concatenate([np.full(tensor.size, _edge(tensor.type)) for tensor in layout.tensors])
    anywhere = np.random.default_rng(seed).uniform(-edges, edges, (random, layout.size))
    return np.concatenate([data, _unscaled(layout, anywhere), _corners(layout, data)])


def _unscaled(layout: Layout, rows: Floats) -> Floats:
    """What becomes ``rows`` where inputs are scaled."""
    parts = [
        tensor.scaling.undo(rows[:, columns]) if tensor.scaling else rows[:, columns]
        for tensor, columns in layout.places
    ]
    return np.concatenate(parts, axis=1)


def corner_numbers(to: FixedPoint) -> Floats:
    """Floats at which conversions go wrong: ties, extremes, out of range, not finite; as many for
    every type."""
    ties = (np.arange(-4, 4) + 0.5) * to.step
    ends = np.array([to.lowest - 1, to.lowest, to.lowest + 1, to.highest - 1, to.highest])
    beyond = np.array([to.lowest - 0.5, to.highest + 0.5, to.highest + 1, 3 * to.highest + 2])
    special = [0.0, -0.0, 5e-324, -5e-324, 1e-30, -1e-30, 1e30, -1e30, 1e300, -1e300]
    infinite = [np.inf, -np.inf, np.nan, np.copysign(np.nan, -1.0)]
    near = np.nextafter(0.5 * to.step, [0.0, 1e9])
    numbers = [ties, ends * to.step, beyond * to.step, near, -near, special, infinite]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in numbers])


def _edge(to: FixedPoint) -> float:
    return 1.25 * to.step * max(to.highest, -to.lowest)


def _corners(layout: Layout, data: Floats) -> Floats:
    columns = [np.repeat(corner_numbers(t.type)[:, None], t.size, axis=1) for t in layout.tensors]
    everywhere = _unscaled(layout, np.concatenate(columns, axis=1))
    # One corner in one column, the rest a sample of the data.
    one = np.resize(data, (everywhere.size, layout.size)).copy()
    rows = np.arange(len(one))
    one[rows, rows % layout.size] = everywhere.ravel()
    return np.concatenate([everywhere, one])
