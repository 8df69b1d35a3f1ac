"""The barrel as rings: the matter and fields that a muon crosses, and where it meets the stations.

A simplified simulation in the transverse plane. Radii, thicknesses and fields are rounded from the
CMS technical design reports (magnet, CERN/LHCC 97-10; muon system, 97-32; Level-1 trigger,
2000-038) and from the detector paper (JINST 3 (2008) S08004):

- a solenoid of 3.8 T out to r = 2.95 m, and three iron layers of the return yoke, 0.30, 0.63 and
  0.63 m thick, at -1.8 T: their flux is the coil's, 104 Wb, to within 2 %;
- four drift-tube stations at r = 4.2, 5.1, 6.2 and 7.2 m, in the field-free gaps;
- energy loss in each ring, with straggling: about 1.7 GeV before the first station and 2 GeV in
  the iron, so that the softest muons stop before the last station;
- multiple scattering by Highland's formula (Review of Particle Physics, "Passage of particles
  through matter", with its correlated displacement).

Not simulated: the third dimension of the scattering, the field's fine structure, showers, cosmic
and second muons, pile-up. What is measured at the crossings is in ``primitives``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["RINGS", "STATION_RADII", "Crossings", "Muons", "Ring", "draw_muons", "propagate"]

Floats = npt.NDArray[np.float64]

LOWEST_PT, HIGHEST_PT = 3.0, 200.0  # GeV
HIGHEST_ETA = 0.8  # a straight line within it crosses all four stations
STATION_RADII = (4.2, 5.1, 6.2, 7.2)  # m

BENDING = 0.299792458  # GeV of transverse momentum for each T·m of bending radius
STOPPED = 0.3  # GeV of transverse momentum: below it a muon counts as stopped
STRAGGLING = 0.12  # standard deviation of a ring's energy loss over its mean


@dataclass(frozen=True)
class Ring:
    """Matter and field from the previous ring to ``outer``.

    ``outer`` in m, ``field`` in T along the beam, ``radiation_lengths`` and ``loss`` (GeV, of a
    muon of 1 GeV) for radial passage. ``station`` counts from 0 where the ring ends at one.
    """

    outer: float
    field: float = 0.0
    radiation_lengths: float = 0.0
    loss: float = 0.0
    station: int | None = None


def _iron(outer: float, thickness: float) -> Ring:
    """Iron of the yoke: X0 = 1.757 cm, 7.874 g/cm³ and 1.59 MeV cm²/g at 1 GeV."""
    return Ring(outer, -1.8, thickness / 0.01757, thickness * 787.4 * 1.59e-3)


RINGS = (
    Ring(1.29, 3.8, 1.0, 0.01),  # tracker
    Ring(1.55, 3.8, 25.8, 0.26),  # electromagnetic calorimeter, lead tungstate
    Ring(1.80, 3.8),
    Ring(2.95, 3.8, 55.0, 1.05),  # hadron calorimeter, brass
    Ring(3.80, 0.0, 9.0, 0.30),  # coil, cryostat and tail catcher
    Ring(4.20, station=0),
    Ring(4.55),
    _iron(4.85, 0.30),
    Ring(5.10, station=1),
    Ring(5.28),
    _iron(5.91, 0.63),
    Ring(6.20, station=2),
    Ring(6.37),
    _iron(7.00, 0.63),
    Ring(7.20, station=3),
)


@dataclass(frozen=True, eq=False)
class Muons:
    """Muons at the beam line, each array of shape (muons,).

    ``pt`` in GeV, ``charge`` -1 or +1, ``eta`` the pseudorapidity, ``phi`` the direction in rad.
    """

    pt: Floats
    charge: Floats
    eta: Floats
    phi: Floats


@dataclass(frozen=True, eq=False)
class Crossings:
    """Where muons cross the stations, each array of shape (muons, 4).

    ``phi`` is the azimuth and ``bend`` the angle between track and radius, in rad; ``reached``
    is false where the muon has already stopped.
    """

    phi: Floats
    bend: Floats
    reached: npt.NDArray[np.bool_]


def draw_muons(generator: np.random.Generator, count: int) -> Muons:
    """Muons of both charges, uniform in azimuth and pseudorapidity.

    Half of the transverse momenta are uniform in 1/pT, which is what a magnet measures, and half in
    log(pT), so that a network also sees enough straight tracks.
    """
    part = generator.random(count)
    inverse = 1 / HIGHEST_PT + part * (1 / LOWEST_PT - 1 / HIGHEST_PT)
    logarithmic = LOWEST_PT * (HIGHEST_PT / LOWEST_PT) ** part
    return Muons(
        pt=np.where(generator.random(count) < 0.5, 1 / inverse, logarithmic),
        charge=np.where(generator.random(count) < 0.5, -1.0, 1.0),
        eta=generator.uniform(-HIGHEST_ETA, HIGHEST_ETA, count),
        phi=generator.uniform(-np.pi, np.pi, count),
    )


def propagate(muons: Muons, generator: np.random.Generator) -> Crossings:
    """Propagate muons from the beam line through all rings."""
    count = len(muons.pt)
    track = _Track(muons.phi.copy(), np.zeros(count), muons.pt.copy())
    phi, bend = np.zeros((2, count, len(STATION_RADII)))
    reached = np.zeros(phi.shape, dtype=bool)
    inner = 0.0
    for ring in RINGS:
        track = _cross(track, muons, inner, ring, generator)
        inner = ring.outer
        if ring.station is not None:
            phi[:, ring.station] = track.phi
            bend[:, ring.station] = track.bend
            reached[:, ring.station] = track.pt > STOPPED
    return Crossings(phi, bend, reached)


@dataclass(frozen=True, eq=False)
class _Track:
    """Muons at one radius: azimuth, angle between track and radius (rad), pT (GeV)."""

    phi: Floats
    bend: Floats
    pt: Floats


def _cross(
    track: _Track, muons: Muons, inner: float, ring: Ring, generator: np.random.Generator
) -> _Track:
    """Cross one ring: half of its energy loss, the arc, the other half, the scattering."""
    if not ring.radiation_lengths:
        return _arc(track, muons.charge, inner, ring)
    half = _lost(track.pt, muons.eta, ring.loss, generator) / 2
    track = _arc(_slower(track, half), muons.charge, inner, ring)
    return _scatter(_slower(track, half), muons.eta, inner, ring, generator)


def _arc(track: _Track, charge: Floats, inner: float, ring: Ring) -> _Track:
    """The exact arc in a uniform field, between two circles around the beam.

    Canonical angular momentum gives the angle at the outer circle, and the law of tangents, in
    the triangle of the beam and the two crossings, the turn in azimuth.
    """
    curvature = charge * BENDING * ring.field / track.pt
    lever = inner * np.sin(track.bend) - curvature * (ring.outer**2 - inner**2) / 2
    bend = np.arcsin(np.clip(lever / ring.outer, -1, 1))
    slope = (ring.outer - inner) / (ring.outer + inner)
    turn = 2 * np.arctan(slope * np.tan((track.bend + bend) / 2))
    return _Track(track.phi + turn, bend, track.pt)


def _lost(pt: Floats, eta: Floats, loss: float, generator: np.random.Generator) -> Floats:
    """Transverse momentum lost: ionisation with its relativistic rise, and radiation.

    An inclined muon crosses more matter but has less transverse momentum: in pT the two cancel.
    """
    momentum = pt * np.cosh(eta)
    mean = loss * (1 + 0.094 * np.log(np.maximum(momentum, 1.0)) + 0.003 * momentum)
    shape = STRAGGLING**-2
    lost: Floats = mean * generator.gamma(shape, 1 / shape, len(pt))
    return lost


def _slower(track: _Track, loss: Floats) -> _Track:
    """A stopped muon continues at the threshold, unseen, so that its numbers stay finite."""
    return _Track(track.phi, track.bend, np.maximum(track.pt - loss, STOPPED))


def _scatter(
    track: _Track, eta: Floats, inner: float, ring: Ring, generator: np.random.Generator
) -> _Track:
    """Highland's angle and its displacement, both as seen along the beam."""
    slant = np.cosh(eta)
    lengths = ring.radiation_lengths * slant
    momentum = track.pt * slant
    width = slant * 0.0136 / momentum * np.sqrt(lengths) * (1 + 0.038 * np.log(lengths))
    first, second = generator.standard_normal((2, len(eta)))
    thickness = ring.outer - inner
    shift = thickness * width * (first / np.sqrt(12) + second / 2) / ring.outer
    return _Track(track.phi + shift, track.bend + second * width - shift, track.pt)
