"""Barrel muons as a data set: 27 features of trigger primitives, and pT as the target.

All features are trigger words times a power of two, so that they lie exactly on the grid of
``ap_fixed<16,6>`` (±32, steps of 2^-10):

====================  ====================================  ==========================  =======
feature               of                                    unit                        range
====================  ====================================  ==========================  =======
phi_1 … phi_4         azimuth from the sector's centre      2^-4 rad (word / 256)       ±8
phi_b_1 … phi_b_4     bending angle                         2^-5 rad (word / 16)        ±32
quality_1 … 4         0 (missing) to 6                      2^2 (word / 4)              0 … 1.5
present_1 … 4         whether there is a segment            1                           0, 1
dphi_12 … dphi_34     azimuth, outer less inner station     2^-7 rad (word / 32)        ±32
dphi_b_12, _23, _34   bending angle, outer less inner       2^-5 rad (word / 16)        ±32
eta                   pseudorapidity                        2^-1 (word / 32)            ±2
eta_fine              whether eta was measured              1                           0, 1
====================  ====================================  ==========================  =======

Features that need a missing segment are 0; differences are limited to ±32 less one step. A muon is
used if at least two stations have segments, as in a track finder. The target is log2(pT / 16 GeV),
from -2.4 to 3.6, and a network's output is limited to the generated range, 3 to 200 GeV.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset, Provider, Quantity
from fpgac.data.muon.assignment import PAIRS, Assignment
from fpgac.data.muon.detector import HIGHEST_PT, LOWEST_PT, draw_muons, propagate
from fpgac.data.muon.primitives import Segments, measure

__all__ = ["MuonProvider", "Sample", "features", "generate"]

Floats = npt.NDArray[np.float64]

DEFAULT_SAMPLES = 200_000
BATCH = 16384  # candidates generated at a time; the samples depend on it
FEWEST_SEGMENTS = 2
REFERENCE_PT = 16.0  # GeV: the target's zero
REPORT_EDGES = (3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 45.0, 70.0, 100.0, 140.0, 200.0)  # GeV
# The range of a network's output: log2(pT / 16 GeV) of the generated muons.
BOUNDS = (float(np.log2(LOWEST_PT / REFERENCE_PT)), float(np.log2(HIGHEST_PT / REFERENCE_PT)))
TRIGGER = 20.0  # GeV: the threshold of a single-muon trigger
LIMIT = 32 - 2.0**-10

# A seed sequence that no user's seed gives: the calibration is independent of all data sets.
CALIBRATION = (0x6D756F6E, 0x6C7574)
CALIBRATION_SAMPLES = 300_000

_NEIGHBOURS = ((0, 1), (1, 2), (2, 3))
FEATURE_NAMES = (
    *(f"phi_{station}" for station in range(1, 5)),
    *(f"phi_b_{station}" for station in range(1, 5)),
    *(f"quality_{station}" for station in range(1, 5)),
    *(f"present_{station}" for station in range(1, 5)),
    *(f"dphi_{inner + 1}{outer + 1}" for inner, outer in PAIRS),
    *(f"dphi_b_{inner + 1}{outer + 1}" for inner, outer in _NEIGHBOURS),
    "eta",
    "eta_fine",
)


@dataclass(frozen=True, eq=False)
class Sample:
    """Muons that a track finder would find: their segments, ``pt`` (GeV) and ``charge``."""

    segments: Segments
    pt: Floats
    charge: Floats


def generate(samples: int, *seed: int) -> Sample:
    """Muons with at least two segments; a longer sample starts with the shorter one."""
    parts: list[Sample] = []
    while sum(len(part.pt) for part in parts) < samples:
        # Counted from 1: numpy takes [seed, 0] for the bare seed, which splits the data set.
        parts.append(_batch(np.random.default_rng([*seed, len(parts) + 1])))
    return _joined(parts, samples)


def features(segments: Segments) -> Floats:
    """The 27 features, shape (muons, 27), in the order of ``FEATURE_NAMES``."""
    present = segments.present
    columns = [
        segments.phi / 256,
        segments.bend / 16,
        segments.quality / 4,
        present,
        _differences(segments.phi, present, PAIRS) / 32,
        _differences(segments.bend, present, _NEIGHBOURS) / 16,
        segments.eta[:, np.newaxis] / 32,
        segments.eta_fine[:, np.newaxis],
    ]
    return np.clip(np.hstack(columns), -LIMIT, LIMIT)


class MuonProvider(Provider):
    """Simulated barrel muons; see the module for the features."""

    name = "muon"
    description = "simulated barrel muons: 27 trigger-primitive features, and log2 of pT"
    version = "1"
    task = "regression"
    feature_names = FEATURE_NAMES
    target_names = ("log2_pt",)
    units = MappingProxyType(
        {
            "dphi_b_*": "2^-5 rad",
            "dphi_*": "2^-7 rad",
            "phi_b_*": "2^-5 rad",
            "phi_*": "2^-4 rad",
            "log2_pt": "octaves above 16 GeV",
        }
    )

    def load(self, samples: int | None, seed: int) -> Dataset:
        """200,000 muons by default, with the classical assignment as the baseline."""
        muons = generate(DEFAULT_SAMPLES if samples is None else samples, seed)
        return Dataset(
            name=self.name,
            task=self.task,
            features=features(muons.segments),
            targets=np.log2(muons.pt / REFERENCE_PT)[:, np.newaxis],
            feature_names=self.feature_names,
            target_names=self.target_names,
            quantity=Quantity(
                name="transverse momentum",
                symbol=r"$p_\mathrm{T}$",
                unit="GeV",
                truth=muons.pt,
                baseline=assignment().pt(muons.segments),
                baseline_name="look-up tables",
                decode=decode,
                edges=REPORT_EDGES,
                threshold=TRIGGER,
                limits=(LOWEST_PT, HIGHEST_PT),
                formula=f"{REFERENCE_PT} * np.exp2(np.clip(y[:, 0], {BOUNDS[0]}, {BOUNDS[1]}))",
            ),
        )


def decode(outputs: Floats) -> Floats:
    """pT in GeV, shape (samples,), from the network's outputs, shape (samples, 1)."""
    pt: Floats = REFERENCE_PT * np.exp2(np.clip(outputs[:, 0], *BOUNDS))
    return pt


@cache
def assignment() -> Assignment:
    """The classical assignment, calibrated on 300,000 separate muons."""
    muons = generate(CALIBRATION_SAMPLES, *CALIBRATION)
    return Assignment.calibrate(muons.segments, muons.pt)


def _batch(generator: np.random.Generator) -> Sample:
    muons = draw_muons(generator, BATCH)
    segments = measure(muons, propagate(muons, generator), generator)
    found = segments.present.sum(axis=1) >= FEWEST_SEGMENTS
    return Sample(segments.take(found), muons.pt[found], muons.charge[found])


def _joined(parts: list[Sample], samples: int) -> Sample:
    segments = Segments.joined([part.segments for part in parts])
    pt = np.concatenate([part.pt for part in parts])
    charge = np.concatenate([part.charge for part in parts])
    first = slice(samples)
    return Sample(segments.take(first), pt[first], charge[first])


def _differences(
    words: npt.NDArray[np.int64],
    present: npt.NDArray[np.bool_],
    pairs: tuple[tuple[int, int], ...],
) -> npt.NDArray[np.int64]:
    """The outer minus the inner station's word, for each pair in which both have a segment."""
    inner, outer = np.array(pairs).T
    return np.where(present[:, inner] & present[:, outer], words[:, outer] - words[:, inner], 0)
