"""Confidence intervals of figures that were found with few samples; all are of 95 %."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["FEW", "Interval", "of_auc", "of_fraction", "of_root_mean_square"]

Interval = tuple[float, float]

# With fewer samples than this, figures are printed with their intervals.
FEW = 1000

_DEVIATIONS = 1.959964  # of a normal distribution, around its central 95 %
_DRAWS = 400


def of_fraction(hits: int, samples: int) -> Interval:
    """Wilson's score interval of ``hits`` in ``samples``; (0, 1) without any."""
    if not samples:
        return 0.0, 1.0
    part, z2 = hits / samples, _DEVIATIONS**2
    centre = part + z2 / (2 * samples)
    half = _DEVIATIONS * math.sqrt(part * (1 - part) / samples + z2 / (4 * samples**2))
    whole = 1 + z2 / samples
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


def of_auc(auc: float, positives: int, negatives: int) -> Interval:
    """Of the area under a ROC curve: Hanley and McNeil, Radiology 143 (1982) 29."""
    if not positives or not negatives:
        return 0.0, 1.0
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc)
    spread += (positives - 1) * (first - auc**2) + (negatives - 1) * (second - auc**2)
    half = _DEVIATIONS * math.sqrt(max(spread, 0.0) / (positives * negatives))
    return max(0.0, auc - half), min(1.0, auc + half)


def of_root_mean_square(errors: npt.NDArray[np.float64]) -> Interval:
    """Of the root mean square of ``errors``, shape (samples,), by the bootstrap."""
    drawn = np.random.default_rng(0).integers(0, len(errors), (_DRAWS, len(errors)))
    low, high = np.quantile(np.sqrt(np.mean(errors[drawn] ** 2, axis=1)), [0.025, 0.975])
    return float(low), float(high)
