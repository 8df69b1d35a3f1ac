"""What a target delivers, run by the engine that the target brings; and what nobody has run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from fpgac.design.contract import Contract
from fpgac.engines import engine as engines
from fpgac.errors import EmulationError, Problem
from fpgac.numbers import IntArray
from fpgac.targets.delivery import DeliveryEngine

__all__ = ["Delivered", "covered", "not_run"]

# What is for people, and what describes a build: nothing of it could be run.
_TEXTS: Final = (".md", ".txt", ".ipynb", ".json", ".hwh", ".rst")


@dataclass(frozen=True, eq=False)
class Delivered(engines.Engine):
    """The build in ``folder``, as the target's own ``engine`` runs it."""

    folder: Path
    contract: Contract
    engine: DeliveryEngine

    @property
    def name(self) -> str:
        """See :attr:`Engine.name`."""
        return self.engine.name

    @property
    def covers(self) -> tuple[str, ...]:
        """See :attr:`Engine.covers`."""
        return self.engine.covers

    def missing(self) -> str | None:
        """See :meth:`Engine.missing`."""
        return self.engine.missing()

    def words(
        self, vectors: engines.Vectors, progress: engines.Fraction = engines.ignored
    ) -> IntArray:
        """See :meth:`Engine.words`."""
        words = self.engine.words(self.folder, self.contract, vectors.words)
        wanted = (len(vectors), self.contract.output_layout.size)
        if words.shape != wanted or not np.issubdtype(words.dtype, np.integer):
            raise EmulationError(
                Problem(
                    f"{self.name} gives no raw words of the results",
                    expected=f"integers of shape {wanted}",
                    got=f"{words.dtype} of shape {words.shape}",
                    code="emulation.no-words",
                )
            )
        return words.astype(np.int64)


def covered(path: str, covers: Iterable[str]) -> bool:
    """Whether ``path`` is one of the files in ``covers``, or below one of the folders.

    >>> covered("rtl/top.v", ("rtl/",)), covered("rtl.v", ("rtl/",))
    (True, False)
    """
    return any(path == each or (each.endswith("/") and path.startswith(each)) for each in covers)


def not_run(paths: Iterable[str], asked: Iterable[engines.Engine]) -> tuple[str, ...]:
    """The files of a design, of these ``paths``, that no engine of those ``asked`` has run.

    Texts and descriptions, which nothing runs, are not among them.
    """
    covers = [path for engine in asked for path in engine.covers]
    rest = (path for path in paths if not path.endswith(_TEXTS) and not covered(path, covers))
    return tuple(sorted(rest))
