"""A training between two epochs, as a file: what an interrupted one goes on from."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Best", "Checkpoint"]

Array = npt.NDArray[Any]
_DAMAGES = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


@dataclass(frozen=True, eq=False)
class Best:
    """The model's weights, as Keras lists them, after the best ``epoch`` so far (from 1)."""

    weights: Sequence[Array] = ()
    epoch: int = 0
    loss: float = float("inf")
    val_loss: float = float("inf")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that the next epoch depends on, after ``epoch`` epochs of ``step`` steps in all.

    ``model`` and ``optimiser`` are the values of their variables, in Keras's order; ``curve`` has
    what was reported at the end of each epoch.
    """

    epoch: int = 0
    step: int = 0
    model: Sequence[Array] = ()
    optimiser: Sequence[Array] = ()
    best: Best = field(default_factory=Best)
    curve: tuple[Mapping[str, Any], ...] = ()

    def write(self, path: Path) -> None:
        """Put it at ``path``, whole or not at all."""
        about = {
            "epoch": self.epoch,
            "step": self.step,
            "best": [self.best.epoch, self.best.loss, self.best.val_loss],
            "curve": self.curve,
        }
        draft = path.with_name(f"{path.name}.{os.getpid()}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            np.savez(
                stream,
                about=np.array(json.dumps(about)),
                **_numbered("model", self.model),
                **_numbered("optimiser", self.optimiser),
                **_numbered("best", self.best.weights),
            )
        draft.replace(path)

    @classmethod
    def read(cls, path: Path | None) -> Checkpoint:
        """The one at ``path``; that of a training not yet begun where there is none, or damage."""
        if path is None:
            return cls()
        try:
            with np.load(path, allow_pickle=False) as archive:
                about = json.loads(str(archive["about"]))
                return cls(
                    about["epoch"],
                    about["step"],
                    _listed("model", archive),
                    _listed("optimiser", archive),
                    Best(_listed("best", archive), *about["best"]),
                    tuple(about["curve"]),
                )
        except _DAMAGES:
            return cls()


def _numbered(name: str, arrays: Sequence[Array]) -> dict[str, Any]:
    return {f"{name}.{place}": array for place, array in enumerate(arrays)}


def _listed(name: str, archive: Any) -> list[Array]:
    count = sum(member.startswith(f"{name}.") for member in archive.files)
    return [archive[f"{name}.{place}"] for place in range(count)]
