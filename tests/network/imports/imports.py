"""Networks imported in tests: with formats by random samples where a file has floats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.choosing import WrittenFormats, choose
from fpgac.network.imports.original import Original, ask
from fpgac.network.imports.reading import draft_of, imported
from fpgac.network.network import Network
from fpgac.numbers import FixedPoint

Floats = npt.NDArray[np.float64]

INPUT = FixedPoint.parse("ap_fixed<14,5,RND,SAT>")


@dataclass(frozen=True, eq=False)
class Imported:
    """A network, its file, and what the original gives for some samples."""

    network: Network
    file: Path
    rows: Floats

    @cached_property
    def original(self) -> Original:
        original = Original.of(self.network)
        assert original is not None
        return original

    @cached_property
    def tensors(self) -> dict[str, Floats]:
        names = [*self.original.origins.values(), *self.original.outputs.values()]
        (found,) = ask(self.network, self.original, self.file, [(self.rows, names)])
        return found

    @property
    def outputs(self) -> Floats:
        names = self.original.outputs.values()
        return np.concatenate([self.tensors[name] for name in names], axis=1)


def import_file(file: Path, bits: int = 16, samples: int = 60) -> Imported:
    """The network in ``file``; floats get formats of so many bits."""
    draft = draft_of(file)
    size = sum(prod(entry.shape) for entry in draft.entries)
    random = np.random.default_rng(3)
    inputs = {entry.name: INPUT for entry in draft.entries}
    samples_ = INPUT.on_grid(random.normal(size=(400, size)) * 1.5)
    chosen = choose(draft, file, "", samples_, bits, inputs)
    network = imported(draft, file, "net", WrittenFormats(chosen, file), inputs)
    return Imported(network, file, samples_[:samples])
