"""Trigger primitives: what the front-end electronics report of a muon's crossings.

Each station gives at most one segment: its azimuth in steps of 1/4096 rad from the sector's
centre (12 bits), its bending angle in steps of 1/512 rad (10 bits), and a quality from 1 (few
wires of one superlayer) to 6 (all wires of both); 0 means that there is no segment. The words are
those of the drift-tube local trigger (CERN/LHCC 2000-038, chapter 9); the resolutions and
probabilities below are assumptions of the size found in its test beams and cosmic runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from fpgac.data.muon.detector import STATION_RADII, Crossings, Muons

__all__ = ["BEND_STEPS", "PHI_STEPS", "Segments", "measure"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PHI_STEPS = 4096  # azimuth words in one rad
BEND_STEPS = 512  # bending words in one rad
PHI_LIMIT = 2047
BEND_LIMIT = 511
ETA_STEPS = 64  # the track's pseudorapidity: fine if measured by the longitudinal wires ...
ETA_STEPS_COARSE = 8  # ... and otherwise inferred from the chambers alone

RADII = np.array(STATION_RADII)
SECTOR = np.pi / 6  # twelve sectors in azimuth
SECTOR_GAP = 0.08  # m: half of the dead width between two sectors
WHEEL_PITCH, WHEEL_HALF = 2.68, 1.27  # m along the beam: five wheels, and the active length of one

# By quality, from 1: how often, position in m, angle in rad.
QUALITIES = np.array([0.02, 0.04, 0.09, 0.10, 0.20, 0.55])
POSITION = np.array([2.0, 1.6, 1.4, 0.9, 0.7, 0.5]) * 1e-3
ANGLE = np.array([50.0, 40.0, 30.0, 9.0, 7.0, 5.0]) * 1e-3

EFFICIENCY = 0.97  # of the local trigger where a muon crosses active material
SPOILT = 0.03  # segments displaced by delta rays and showers, and how far:
SPOILT_POSITION, SPOILT_ANGLE = 0.015, 0.04  # m and rad
LONGITUDINAL = 0.9  # efficiency of the longitudinal view; the outermost station has none


@dataclass(frozen=True, eq=False)
class Segments:
    """Trigger primitives as whole numbers; a missing segment has zeros.

    ``phi``, ``bend`` and ``quality`` have shape (muons, 4): azimuth in 1/4096 rad from the centre
    of the innermost segment's sector, bending angle in 1/512 rad, and 0 to 6. ``eta`` is the
    track's pseudorapidity in 1/64, shape (muons,), and ``eta_fine`` whether it was measured
    rather than inferred from the positions of the chambers.
    """

    phi: Ints
    bend: Ints
    quality: Ints
    eta: Ints
    eta_fine: Bools

    @property
    def present(self) -> Bools:
        """Whether the station has a segment, shape (muons, 4)."""
        return self.quality > 0

    def take(self, muons: Bools | slice) -> Segments:
        """The segments of some of the muons."""
        return Segments(*(getattr(self, field.name)[muons] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Segments]) -> Segments:
        """Several samples, one after another."""
        return cls(
            *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(cls))
        )


def measure(muons: Muons, crossings: Crossings, generator: np.random.Generator) -> Segments:
    """The primitives of ``crossings``."""
    shape = crossings.phi.shape
    live = crossings.reached & _in_live_matter(muons, crossings)
    present = live & (generator.random(shape) < EFFICIENCY)
    quality = generator.choice(len(QUALITIES), shape, p=QUALITIES)
    spoilt = generator.random(shape) < SPOILT
    position = _smear(POSITION[quality], spoilt, SPOILT_POSITION, generator)
    angle = _smear(ANGLE[quality], spoilt, SPOILT_ANGLE, generator)
    phi = _local(crossings.phi + position / RADII, present)
    eta_fine = (present[:, :3] & (generator.random((shape[0], 3)) < LONGITUDINAL)).any(axis=1)
    return Segments(
        phi=_words(phi, PHI_STEPS, PHI_LIMIT) * present,
        bend=_words(crossings.bend + angle, BEND_STEPS, BEND_LIMIT) * present,
        quality=(quality + 1) * present,
        eta=_eta_words(muons.eta, eta_fine),
        eta_fine=eta_fine,
    )


def _in_live_matter(muons: Muons, crossings: Crossings) -> Bools:
    """Outside the dead strips of sectors and wheels, for straight lines from the beam."""
    to_border = RADII * (SECTOR / 2 - np.abs(_from_nearest(crossings.phi, SECTOR)))
    along_beam = np.sinh(muons.eta)[:, np.newaxis] * RADII
    in_wheel = _from_nearest(along_beam, WHEEL_PITCH)
    live: Bools = (to_border > SECTOR_GAP) & (np.abs(in_wheel) < WHEEL_HALF)
    return live


def _from_nearest(place: Floats, pitch: float) -> Floats:
    """The signed distance from the nearest multiple of ``pitch``."""
    distance: Floats = place - pitch * np.rint(place / pitch)
    return distance


def _smear(
    width: Floats, spoilt: Bools, spoilt_width: float, generator: np.random.Generator
) -> Floats:
    """A normal error, and for displaced segments an additional long-tailed (Laplace) one."""
    normal = width * generator.standard_normal(width.shape)
    long_tailed = generator.laplace(0, spoilt_width / np.sqrt(2), width.shape)
    error: Floats = normal + np.where(spoilt, long_tailed, 0.0)
    return error


def _local(phi: Floats, present: Bools) -> Floats:
    """Azimuth from the centre of the sector with the innermost segment."""
    first = np.take_along_axis(phi, present.argmax(axis=1)[:, np.newaxis], axis=1)
    local: Floats = phi - SECTOR * np.rint(first / SECTOR)
    return local


def _words(angle: Floats, steps: int, limit: int) -> Ints:
    words: Ints = np.clip(np.rint(angle * steps), -limit, limit).astype(np.int64)
    return words


def _eta_words(eta: Floats, fine: Bools) -> Ints:
    coarse = np.rint(eta * ETA_STEPS_COARSE) * (ETA_STEPS // ETA_STEPS_COARSE)
    words: Ints = np.where(fine, np.rint(eta * ETA_STEPS), coarse).astype(np.int64)
    return words
