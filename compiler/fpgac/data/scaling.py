"""What features are scaled by: as a table says, or as the training part of the data has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.errors import Problem, SpecError, Where, nearest
from fpgac.spec.models import FeatureScaling, ScalingKind
from fpgac.tensors import Layout, Scaling

__all__ = ["fitted", "from_table"]

Floats = npt.NDArray[np.floating[Any]]
# The relative width of a feature that does not vary.
_LEAST: Final = 2.0**-48

Columns = npt.NDArray[np.float64]


def fitted(kind: ScalingKind, layout: Layout, features: Floats) -> dict[str, Scaling]:
    """The scaling of each input of ``layout``, by its name, for rows of features.

    ``standard`` gives each feature a mean of 0 and a standard deviation of 1, ``minmax`` the range
    from 0 to 1. ``power-of-two`` halves or doubles it until it lies just within -1 and 1, which is
    exact. A feature that never varies is only moved.
    """
    offset, scale = _KINDS[kind](features.astype(np.float64, copy=False))
    return _by_input(layout, offset, scale)


def from_table(
    table: Mapping[str, FeatureScaling], layout: Layout, names: Sequence[str], where: Where
) -> dict[str, Scaling]:
    """The scaling of each input, by its name, by a table of features; others stay as they are.

    Raises:
        SpecError: a feature is not among ``names``, those of the rows.
    """
    for name in table:
        if name not in names:
            raise SpecError(
                Problem(
                    f"the data have no feature {name!r} to be scaled",
                    where,
                    expected="features of the data",
                    hint=nearest(name, names),
                    code="spec.unknown-feature",
                )
            )
    rows = [table.get(name, FeatureScaling()) for name in names]
    offset, scale = np.array([row.offset for row in rows]), np.array([row.scale for row in rows])
    return _by_input(layout, offset, scale)


def _by_input(layout: Layout, offset: Columns, scale: Columns) -> dict[str, Scaling]:
    return {
        tensor.name: Scaling(tuple(offset[columns].tolist()), tuple(scale[columns].tolist()))
        for tensor, columns in layout.places
    }


def _standard(features: Columns) -> tuple[Columns, Columns]:
    return features.mean(axis=0), _inverse(features.std(axis=0), features)


def _minmax(features: Columns) -> tuple[Columns, Columns]:
    return features.min(axis=0), _inverse(np.ptp(features, axis=0), features)


def _power_of_two(features: Columns) -> tuple[Columns, Columns]:
    largest = np.abs(features).max(axis=0)
    _, exponent = np.frexp(np.where(largest > 0, largest, 1.0))
    return np.zeros(len(largest)), np.ldexp(1.0, -exponent)


def _inverse(widths: Columns, features: Columns) -> Columns:
    """1 over each feature's width; 1 of those that do not vary, but for rounding."""
    varies = np.ptp(features, axis=0) > _LEAST * np.abs(features).max(axis=0)
    return np.divide(1.0, widths, out=np.ones(len(widths)), where=varies)


_KINDS: Final[Mapping[str, Callable[[Columns], tuple[Columns, Columns]]]] = {
    "standard": _standard,
    "minmax": _minmax,
    "power-of-two": _power_of_two,
}
