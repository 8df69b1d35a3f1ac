"""What a training came to: its curves, how accurate each form of the network is, its zeros.

It lies beside the network's file as ``NAME.training.json``, and says of which network it tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fpgac.plain import PlainError, dumps, loads

__all__ = ["FORMS", "Epoch", "FormAccuracy", "TrainingReport", "report_path"]

# The forms of one network, from what is learnt to what is built.
FORMS: Final = {
    "float": "float baseline, neither quantised nor pruned",
    "quantised": "quantised, in Keras",
    "chip": "exact program of the chip",
}


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch, counted from 1; ``sparsity`` is the part of the weights at zero."""

    epoch: int
    loss: float | None
    val_loss: float | None
    sparsity: float | None


@dataclass(frozen=True)
class FormAccuracy:
    """How accurate a form of the network is on the test part: one line, and its figures."""

    summary: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingReport:
    """A training's curves and accuracy by the form of the network, and its zeros by the layer.

    ``network`` is the digest of the network of which it tells. ``accuracy`` has keys of
    :data:`FORMS`, ``curves`` has ``quantised`` and ``float``; the float baseline may be missing.
    """

    name: str
    network: str
    accuracy: Mapping[str, FormAccuracy]
    sparsity: Mapping[str, float]
    curves: Mapping[str, tuple[Epoch, ...]]

    @property
    def lines(self) -> tuple[str, ...]:
        """The accuracy of each form, for people."""
        return tuple(f"{FORMS[form]}: {each.summary}" for form, each in self.accuracy.items())

    def json(self) -> bytes:
        """It as JSON text, which :meth:`read` reads."""
        return dumps(self)

    @classmethod
    def read(cls, path: Path, network: str) -> TrainingReport | None:
        """The report at ``path``, if it tells of the network with this digest."""
        try:
            report = loads(cls, path.read_bytes())
        except (OSError, PlainError):
            return None
        return report if report.network == network else None


def report_path(network: Path) -> Path:
    """Where the report of the network in this file lies.

    >>> report_path(Path("specs/iris.network.json"))
    PosixPath('specs/iris.training.json')
    """
    name = network.name.removesuffix(".json").removesuffix(".network")
    return network.with_name(f"{name}.training.json")
