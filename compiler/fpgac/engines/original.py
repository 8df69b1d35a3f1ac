"""An imported network's original, run by its own framework: every layer, and all answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fpgac.engines.engine import Engine, Fraction, Vectors, ignored
from fpgac.errors import Problem, ProofError, Where
from fpgac.network.imports.comparison import Deviation, require_alike
from fpgac.network.imports.files import model_path
from fpgac.network.imports.original import Original, ask, missing
from fpgac.network.network import Network
from fpgac.numbers import IntArray
from fpgac.tensors import Layout

__all__ = ["OriginalAnswers", "OriginalModel", "require_close", "study"]

Floats = npt.NDArray[np.float64]

# Of the vectors' first and last ones so many are followed through all layers, fewer in large nets.
_FOLLOWED = 96
_MOST_NUMBERS = 20_000_000


@dataclass(frozen=True, eq=False)
class OriginalAnswers:
    """What the original answers: ``outputs`` are rows for each sample that was asked, and
    ``layers`` how close each layer is to it.
    """

    outputs: Floats
    layers: tuple[Deviation, ...]


def study(
    network: Network, file: Path, vectors: Sequence[Vectors], *, trust: bool = False
) -> OriginalAnswers:
    """Ask the original in ``file`` for its answers to ``vectors``, and follow some of them through
    all layers. Program code in the file runs only where there is ``trust``.

    Raises:
        ProofError: a layer does not do what the original's does.
        ToolchainError: the framework is not installed.
        NetworkError: it refuses the file.
    """
    original = _original(network)
    layout = network.input_layout
    rows = layout.number(np.concatenate([each.words for each in vectors]))
    followed = _followed(network, layout.number(vectors[0].words))
    outputs = [original.outputs[output.name] for output in network.outputs]
    origins = list(original.origins.values())
    model = model_path(file)
    questions = [(rows, outputs), (followed, origins)]
    answers, tensors = ask(network, original, model, questions, trust=trust)
    layers = require_alike(network, original, followed, tensors)
    return OriginalAnswers(np.concatenate([answers[name] for name in outputs], axis=1), layers)


def _original(network: Network) -> Original:
    original = Original.of(network)
    if original is None:
        raise ValueError("the network has no original")
    return original


def _followed(network: Network, rows: Floats) -> Floats:
    """Some of the first and of the last rows: data come first, random samples and corners last."""
    size = sum(node.output.size for node in network.nodes)
    count = min(max(_MOST_NUMBERS // size // 2, 4), _FOLLOWED)
    return np.concatenate([rows[:count], rows[-count:]])


@dataclass(frozen=True, eq=False)
class OriginalModel(Engine):
    """The original's answers as raw words of ``layout``: rows of numbers, for the vectors at hand.

    Where the original's own arithmetic is the network's, they must be equal; floats that were given
    formats are approximated.
    """

    network: Network
    layout: Layout
    outputs: Floats | None = None

    @property
    def name(self) -> str:
        """See :attr:`Engine.name`."""
        original = _original(self.network)
        return f"{original.framework} with {original.file}"

    @property
    def approximate(self) -> frozenset[str]:
        """See :attr:`Engine.approximate`."""
        exactly = _original(self.network).gives_exactly(self.network)
        return frozenset(name for name, is_exact in exactly.items() if not is_exact)

    def missing(self) -> str | None:
        """See :meth:`Engine.missing`."""
        return missing(_original(self.network).framework) or None

    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        """See :meth:`Engine.words`.

        Raises:
            ValueError: the vectors are not those whose answers are known.
        """
        if self.outputs is None or len(vectors) != len(self.outputs):
            raise ValueError(f"{self.name} has answers to other vectors")
        return self.layout.raw(self._on_grids(self.outputs))

    def _on_grids(self, numbers: Floats) -> Floats:
        """Numbers that are as good as on the network's own grids, on them: floats are sums."""
        every_bit = Layout(self.network.output_tensors)
        snapped = numbers.copy()
        for tensor, columns in every_bit.places:
            if tensor.name not in self.approximate:
                words = np.rint(numbers[:, columns] / tensor.type.step)
                close = np.abs(numbers[:, columns] / tensor.type.step - words) < 0.25
                snapped[:, columns] = np.where(close, words * tensor.type.step, numbers[:, columns])
        return snapped


def require_close(
    network: Network, answers: Floats, words: IntArray, layout: Layout, most: float
) -> None:
    """Refuse a network whose approximate outputs are too far from the original's.

    Args:
        network: the imported network.
        answers: the original's, shape (samples, numbers).
        words: the network's raw words, of ``layout``.
        layout: of a result.
        most: the greatest difference, as a part of the range of an output's numbers.

    Raises:
        ProofError: an output is farther from the original's; each is named.
    """
    original = _original(network)
    exactly = original.gives_exactly(network)
    approximate = {name: not is_exact for name, is_exact in exactly.items()}
    problems = list(_far(original, answers, layout.number(words), layout, most, approximate))
    if problems:
        raise ProofError(*problems)


def _far(
    original: Original,
    expected: Floats,
    got: Floats,
    layout: Layout,
    most: float,
    approximate: Mapping[str, bool],
) -> Iterator[Problem]:
    for tensor, columns in layout.places:
        if not approximate[tensor.name] or not len(expected):
            continue
        span = float(np.ptp(expected[:, columns]))
        apart = np.abs(expected[:, columns] - got[:, columns])
        if apart.max() > most * span:
            sample = int(apart.max(axis=1).argmax())
            yield Problem(
                f"the output {tensor.name!r} is too far from that of {original.file}",
                Where(key="proof.difference"),
                expected=f"at most {most * span:.3g}, {most:.3g} of the range of {span:.3g}",
                got=f"{apart.max():.3g}, in sample {sample}",
                hint="more bits under [quantisation], or a greater proof.difference",
                code="proof.too-far",
            )
