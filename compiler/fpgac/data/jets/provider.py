"""Boosted jets as a data set: 16 substructure observables, and which of five partons made the jet.

Features and classes have the names and the order of the public data set ``hls4ml_lhc_jets_hlf``
(OpenML 42468; Duarte et al., JINST 13 (2018) P07027), on which the jet tagging network 16 -> 64 ->
32 -> 32 -> 5 is known. The jets come from the simplified simulation in
:mod:`fpgac.data.jets.shower`: a network trained on them is of no use for real jets, but they are
about equally hard to classify.

Each feature is standardised, as is usual for that network, with the mean and the standard deviation
below, rounded: these are constants, so that a chip's features do not depend on the sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset, Provider
from fpgac.data.jets.observables import OBSERVABLES, observables
from fpgac.data.jets.shower import KINDS, draw_jets

__all__ = ["JetsProvider"]

Floats = npt.NDArray[np.float64]

DEFAULT_SAMPLES = 100_000
BATCH = 16384  # jets generated at a time; the samples depend on it

# Mean and standard deviation, in the order of OBSERVABLES.
SCALES = (
    (-1.66, 0.573),
    (0.321, 0.103),
    (0.0468, 0.0353),
    (0.0141, 0.0185),
    (0.0616, 0.0597),
    (0.0182, 0.0336),
    (1.17, 0.729),
    (1.07, 1.68),
    (1.17, 0.729),
    (0.139, 0.0805),
    (0.0589, 0.0354),
    (0.0288, 0.0227),
    (0.215, 0.11),
    (0.113, 0.0822),
    (95.4, 74.0),
    (13.9, 7.17),
)


class JetsProvider(Provider):
    """Simulated jets of random kinds; see the module for the features."""

    name = "jets"
    description = "simulated boosted jets: 16 substructure observables, 5 kinds of parton"
    version = "1"
    task = "classification"
    feature_names = OBSERVABLES
    target_names = KINDS

    def load(self, samples: int | None, seed: int) -> Dataset:
        """100,000 jets by default; a longer sample starts with the shorter one."""
        count = DEFAULT_SAMPLES if samples is None else samples
        # Counted from 1: numpy takes [seed, 0] for the bare seed, which splits the data set.
        batches = [_batch(seed, number) for number in range(1, -(-count // BATCH) + 1)]
        features, kinds = (np.concatenate(parts)[:count] for parts in zip(*batches, strict=True))
        return Dataset(
            name=self.name,
            task=self.task,
            features=features,
            targets=np.eye(len(KINDS))[kinds],
            feature_names=self.feature_names,
            target_names=self.target_names,
        )


def _batch(seed: int, number: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Standardised features, shape (jets, 16), and the numbers of their kinds, shape (jets,)."""
    generator = np.random.default_rng([seed, number])
    kinds = generator.integers(0, len(KINDS), BATCH)
    centre, width = np.array(SCALES).T
    return (observables(draw_jets(generator, kinds), BATCH) - centre) / width, kinds
