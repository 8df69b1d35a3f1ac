"""What the numbers of a core mean: names, classes, units and ranges, for whoever uses a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["About", "Column"]


@dataclass(frozen=True)
class Column:
    """A number of a sample or of a result, and its range in the training data, if that is known.

    ``unit`` is empty where none is known.
    """

    name: str
    low: float | None = None
    high: float | None = None
    unit: str = ""

    @property
    def label(self) -> str:
        """Its name, with its unit in brackets if it has one."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True)
class About:
    """What a network was made for.

    ``data`` is the data set and ``task`` what it asks for. ``features`` are the numbers of a
    sample, of all inputs end to end, in order; ``results`` are those of a result, which of a
    classification are the classes. ``quantity`` is what results encode: see
    :attr:`fpgac.data.dataset.Dataset.about_answers`. ``accuracy`` says in lines how good the
    network is, in floats, quantised and on the chip.
    """

    data: str
    task: str
    features: tuple[Column, ...]
    results: tuple[Column, ...]
    quantity: Mapping[str, Any] | None = None
    accuracy: tuple[str, ...] = ()
