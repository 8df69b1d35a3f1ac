"""What features and targets are scaled by: as a table says, or as the training part has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.decoding import Decoding
from fpgac.errors import Problem, SpecError, Where, nearest
from fpgac.spec.models import FeatureScaling, ScalingKind
from fpgac.tensors import Layout, Scaling, pieces

__all__ = ["check_table", "fitted", "from_table", "inverse", "undone"]

Floats = npt.NDArray[np.floating[Any]]
# The relative width of a feature that does not vary.
_LEAST: Final = 2.0**-48

Columns = npt.NDArray[np.float64]


def fitted(kind: ScalingKind, layout: Layout, features: Floats) -> dict[str, Scaling]:
    """The scaling of each tensor of ``layout``, by its name, for rows of features or targets.

    ``standard`` gives each feature a mean of 0 and a standard deviation of 1, ``minmax`` the range
    from 0 to 1. ``power-of-two`` halves or doubles it until it lies just within -1 and 1, which is
    exact. A feature that never varies is only moved.
    """
    offset, scale = _KINDS[kind](features)
    return _by_tensor(layout, offset, scale)


def from_table(
    table: Mapping[str, FeatureScaling], layout: Layout, names: Sequence[str], where: Where
) -> dict[str, Scaling]:
    """The scaling of each tensor, by its name, by a table of columns; others stay as they are.

    Raises:
        SpecError: see :func:`check_table`.
    """
    check_table(table, names, where)
    rows = [table.get(name, FeatureScaling()) for name in names]
    offset, scale = np.array([row.offset for row in rows]), np.array([row.scale for row in rows])
    return _by_tensor(layout, offset, scale)


def check_table(table: Mapping[str, FeatureScaling], names: Sequence[str], where: Where) -> None:
    """Refuse a table of scalings with a column that the data do not have.

    Raises:
        SpecError: a column is not among ``names``, those of the rows.
    """
    for name in table:
        if name not in names:
            raise SpecError(
                Problem(
                    f"the data have no column {name!r} to be scaled",
                    where,
                    expected=", ".join(names[:8]),
                    hint=nearest(name, names),
                    code="spec.unknown-feature",
                )
            )


def inverse(scaling: Scaling) -> Decoding:
    """What makes numbers of the network from scaled targets: ``y / scale + offset``."""
    factor, offset = tuple((1 / np.array(scaling.scale)).tolist()), scaling.offset
    alone = len(factor) == 1
    values = {"factor": factor[0] if alone else factor, "offset": offset[0] if alone else offset}
    return Decoding("linear", tuple(values.items()))


def undone(rows: Columns, layout: Layout, scaling: Mapping[str, Scaling]) -> Columns:
    """Rows of a network's numbers, by its outputs ``layout``, as the targets were unscaled."""
    decoded = layout.with_decoding({name: inverse(each) for name, each in scaling.items()})
    parts = decoded.named(rows)
    return np.concatenate(
        [tensor.meant(parts[tensor.name]).reshape(len(rows), -1) for tensor in decoded.tensors],
        axis=1,
    )


def _by_tensor(layout: Layout, offset: Columns, scale: Columns) -> dict[str, Scaling]:
    return {
        tensor.name: Scaling(tuple(offset[columns].tolist()), tuple(scale[columns].tolist()))
        for tensor, columns in layout.places
    }


def _standard(features: Floats) -> tuple[Columns, Columns]:
    mean = _mean(_pieces(features), len(features))
    variance = _mean(((piece - mean) ** 2 for piece in _pieces(features)), len(features))
    return mean, _inverse(np.sqrt(variance), features)


def _minmax(features: Floats) -> tuple[Columns, Columns]:
    low, high = _ends(features)
    return low, _inverse(high - low, features)


def _power_of_two(features: Floats) -> tuple[Columns, Columns]:
    largest = np.abs(_ends(features)).max(axis=0)
    _, exponent = np.frexp(np.where(largest > 0, largest, 1.0))
    return np.zeros(len(largest)), np.ldexp(1.0, -exponent)


def _pieces(features: Floats) -> Iterator[Columns]:
    """The features as float64, some samples at a time."""
    return (features[piece].astype(np.float64) for piece in pieces(len(features)))


def _mean(parts: Iterable[Columns], count: int) -> Columns:
    """The mean of each column of ``count`` rows."""
    sums = np.stack([part.sum(axis=0) for part in parts])
    return np.asarray(sums.sum(axis=0) / count)


def _ends(features: Floats) -> Columns:
    """The least and the greatest number of each feature."""
    ends = np.stack([features.min(axis=0), features.max(axis=0)])
    return np.asarray(ends, dtype=np.float64)


def _inverse(widths: Columns, features: Floats) -> Columns:
    """1 over each feature's width; 1 of those that do not vary, but for rounding."""
    low, high = _ends(features)
    varies = high - low > _LEAST * np.maximum(np.abs(low), np.abs(high))
    return np.divide(1.0, widths, out=np.ones(len(widths)), where=varies)


_KINDS: Final[Mapping[str, Callable[[Floats], tuple[Columns, Columns]]]] = {
    "standard": _standard,
    "minmax": _minmax,
    "power-of-two": _power_of_two,
}
