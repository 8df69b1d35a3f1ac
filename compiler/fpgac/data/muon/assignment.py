"""The classical momentum assignment: look-up tables from bending to pT, as the baseline.

As in the barrel Level-1 trigger, the difference in azimuth between two stations, or the bending
angle in one, addresses a table that gives pT. Each table also holds its resolution at that
address, and of the tables that a muon's segments can address, the most precise one is used: mostly
that of stations 1 and 2, then the bending angle in station 1. This is better than the fixed order
of pairs in the first track finders (68 % width 10.5 against 12.1 %, standard deviation 20 against
95 %, on 100,000 muons), because a pair of outer stations alone hardly measures pT at all.

The tables are calibrated on separate simulated muons, never on a user's samples: they hold the mean
of log2(pT) in bins of the bending, which is also the target that a network is trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fpgac.data.muon.primitives import Segments

__all__ = ["PAIRS", "Assignment"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Station pairs, from 0, in the order of the features.
PAIRS = tuple(combinations(range(4), 2))
LONGEST = 2048  # bending words that a table distinguishes
FEWEST = 25  # muons in a bin before it is used
_RATIO = 1.06  # width of the bins where they are wider than one word


@dataclass(frozen=True, eq=False)
class Assignment:
    """Tables over the bending words 0 to 2047; one row for each of ten measures of it.

    ``mean`` is log2(pT/GeV) and ``spread`` its standard deviation, both of shape (10, 2048);
    the spread of a bin with too few muons is infinite.
    """

    mean: Floats
    spread: Floats

    @classmethod
    def calibrate(cls, segments: Segments, pt: Floats) -> Assignment:
        """Fill the tables from muons of known ``pt`` (GeV)."""
        bins = _bins()
        words, usable = _bendings(segments)
        rows = [
            _moments(bins[words[use, way]], np.log2(pt[use])) for way, use in enumerate(usable.T)
        ]
        mean, spread = np.stack(rows, axis=1)
        return cls(mean[:, bins], spread[:, bins])

    def pt(self, segments: Segments) -> Floats:
        """Transverse momentum in GeV, shape (muons,)."""
        words, usable = _bendings(segments)
        ways = np.arange(words.shape[1])
        spread = np.where(usable, self.spread[ways, words], np.inf)
        best = spread.argmin(axis=1)
        row = np.arange(len(words))
        pt: Floats = np.exp2(self.mean[best, words[row, best]])
        return pt


def _bendings(segments: Segments) -> tuple[Ints, Bools]:
    """The size of the bending by ten measures, and whether its stations have segments.

    Both of shape (muons, 10): the six pairs' differences in azimuth, then the four angles.
    """
    inner, outer = np.array(PAIRS).T
    present = segments.present
    words = np.hstack([segments.phi[:, outer] - segments.phi[:, inner], segments.bend])
    usable = np.hstack([present[:, inner] & present[:, outer], present])
    return np.minimum(np.abs(words), LONGEST - 1), usable


def _bins() -> Ints:
    """The bin of each bending word: single words first, then steps of six per cent."""
    words = np.arange(LONGEST)
    edge = 1 / (_RATIO - 1)
    geometric = edge + np.log(np.maximum(words, edge) / edge) / np.log(_RATIO)
    bins: Ints = np.where(words < edge, words, geometric).astype(np.int64)
    return bins


def _moments(bins: Ints, values: Floats) -> Floats:
    """Mean and standard deviation of the values in each bin, shape (2, bins)."""
    size = int(_bins()[-1]) + 1
    count = np.bincount(bins, minlength=size)
    filled = np.maximum(count, 1)
    mean = np.bincount(bins, values, size) / filled
    variance = np.bincount(bins, values**2, size) / filled - mean**2
    spread = np.where(count < FEWEST, np.inf, np.sqrt(np.maximum(variance, 0.0)))
    return np.stack([mean, spread])
