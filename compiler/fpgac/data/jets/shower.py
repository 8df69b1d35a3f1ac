"""Boosted jets of five kinds, from the hard parton or its decay to constituents in a calorimeter.

A simplified simulation at leading logarithm, in the plane of pseudorapidity and azimuth around the
jet's axis. A direction is a complex number, eta + i phi, so that angles are moduli of differences:

- W, Z and top decay isotropically at rest (masses and widths: Review of Particle Physics), and are
  boosted; a quark or a gluon is a jet of one prong.
- Each parton emits gluons ordered in angle, dn = (2 C alpha_s(kt) / pi) dln(1/z) dln(1/angle), with
  C = 4/3 for quarks and 3 for gluons, one-loop alpha_s, z up to exp(-3/4), the mean hard-collinear
  correction, and kt of at least 0.4 GeV (Ellis, Stirling, Webber, "QCD and Collider Physics",
  chapter 5). The final partons stand for the hadrons (local parton-hadron duality).
- Grooming is the modified mass drop tagger (Dasgupta et al., JHEP 09 (2013) 029) with z_cut = 0.1,
  along the shower's own history: ordered in angle, it is what Cambridge/Aachen clustering finds.
- The calorimeter smears energies and directions (arXiv:1709.08705 shows how much that matters).

Not simulated: gluons to quarks, dead cones, hadronisation, the underlying event, pile-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["KINDS", "RADIUS", "Constituents", "Kind", "draw_jets"]

Floats = npt.NDArray[np.float64]
Directions = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

Kind = Literal["gluon", "quark", "top", "W", "Z"]
KINDS: tuple[Kind, ...] = ("gluon", "quark", "top", "W", "Z")

LOWEST_PT, HIGHEST_PT = 800.0, 1200.0  # GeV
RADIUS = 0.8  # of the jets: constituents farther from the axis are lost
MASSES = {"top": (172.6, 1.4), "W": (80.4, 2.1), "Z": (91.2, 2.5)}  # GeV: mass, width
QUARK, GLUON = 4 / 3, 3.0  # colour factors

CUTOFF = 0.4  # GeV: the softest emission's transverse momentum
LAMBDA = 0.12  # GeV: alpha_s is 0.124 at the mass of the Z
SLOPE = 23 / (12 * np.pi)  # of 1/alpha_s in ln(kt^2), for five flavours
HARDEST = np.exp(-0.75)  # the largest fraction of the energy that is emitted
Z_CUT = 0.1

STOCHASTIC, CONSTANT = 0.6, 0.04  # of the energy's resolution: 60 %/sqrt(E/GeV), 4 %
POINTING = 0.008  # rad, of a constituent's direction


@dataclass(frozen=True, eq=False)
class Constituents:
    """The constituents of several jets, each array of shape (constituents,).

    ``jet`` is the number of the jet that each belongs to, ``pt`` is in GeV, ``direction`` is
    eta + i phi from the jet's axis, and ``groomed`` is true for what grooming leaves in the jet.
    """

    jet: Integers
    pt: Floats
    direction: Directions
    groomed: Booleans


@dataclass(frozen=True, eq=False)
class _Partons:
    """Partons during the shower, each array of shape (partons,); see :class:`Constituents`.

    ``angle`` is the largest at which a parton may still emit, and ``colour`` its colour factor.
    ``groomed`` is false for what grooming has removed, and ``trunk`` true where it continues:
    until a splitting is hard enough, it removes the softer part and follows the harder one.
    """

    jet: Integers
    pt: Floats
    direction: Directions
    angle: Floats
    colour: Floats
    groomed: Booleans
    trunk: Booleans

    def take(self, which: Booleans) -> _Partons:
        return _Partons(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def part(self, part: Floats, away: Directions, colour: Floats) -> _Partons:
        """One of the two that each becomes, with a fraction ``part`` of the momentum."""
        return _Partons(
            jet=self.jet,
            pt=self.pt * part,
            direction=self.direction + away,
            angle=self.angle,
            colour=colour,
            groomed=self.groomed & (~self.trunk | (part >= Z_CUT)),
            trunk=self.trunk & (part > 1 - Z_CUT),
        )


def _joined(parts: Sequence[_Partons]) -> _Partons:
    columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(_Partons)}
    return _Partons(**{name: np.concatenate(column) for name, column in columns.items()})


def draw_jets(generator: np.random.Generator, kinds: Integers) -> Constituents:
    """A jet for each of ``kinds`` (numbers of ``KINDS``, shape (jets,)), with uniform pt."""
    pt = generator.uniform(LOWEST_PT, HIGHEST_PT, len(kinds))
    prongs = [
        _prongs(generator, kind, np.flatnonzero(kinds == number), pt)
        for number, kind in enumerate(KINDS)
    ]
    return _measured(_showered(_joined(prongs), generator), generator)


def _prongs(generator: np.random.Generator, kind: Kind, jet: Integers, pt: Floats) -> _Partons:
    count, yes = len(jet), np.ones(len(jet), bool)
    colour = np.full(count, GLUON if kind == "gluon" else QUARK)
    whole = _Partons(
        jet, pt[jet], np.zeros(count, complex), np.full(count, RADIUS), colour, yes, yes
    )
    match kind:
        case "gluon" | "quark":
            return whole
        case "top":
            mass = _masses(generator, "W", count)
            w, bottom = _decay(generator, whole, _masses(generator, "top", count), mass)
            return _joined([bottom, *_decay(generator, w, mass)])
        case "W" | "Z":
            return _joined(_decay(generator, whole, _masses(generator, kind, count)))


def _masses(generator: np.random.Generator, kind: Kind, count: int) -> Floats:
    """The Breit-Wigner distribution, cut at three widths."""
    mass, width = MASSES[kind]
    reach = np.arctan(6.0)
    drawn: Floats = mass + width / 2 * np.tan(generator.uniform(-reach, reach, count))
    return drawn


def _decay(
    generator: np.random.Generator,
    parent: _Partons,
    mass: Floats,
    first_mass: Floats | float = 0.0,
) -> tuple[_Partons, _Partons]:
    """Isotropic at rest, into one with ``first_mass`` and a massless one, and boosted (GeV).

    The two may emit at angles up to the one between them: at larger angles they act as one.
    """
    momentum = (mass**2 - first_mass**2) / (2 * mass)
    cosine = generator.uniform(-1, 1, len(mass))
    across = momentum * np.sqrt(1 - cosine**2)
    turn = np.exp(2j * np.pi * generator.random(len(mass)))
    gamma, boost = np.hypot(1, parent.pt / mass), parent.pt / mass
    parts = []
    for sign, rest in ((1, first_mass), (-1, 0.0)):
        along = gamma * sign * momentum * cosine + boost * np.hypot(momentum, rest)
        parts.append((np.hypot(along, across), sign * np.arctan2(across, along) * turn))
    (pt, away), (other_pt, other_away) = parts
    apart = replace(parent, angle=np.minimum(np.abs(away - other_away), RADIUS))
    share = pt / (pt + other_pt)
    return apart.part(share, away, parent.colour), apart.part(1 - share, other_away, parent.colour)


def _showered(partons: _Partons, generator: np.random.Generator) -> _Partons:
    """The partons that remain when none emits any more.

    The next angle is drawn with the largest alpha_s, and accepted with the ratio of alpha_s at the
    emission's kt to it (the veto algorithm).
    """
    final = []
    strongest = _coupling(np.array(CUTOFF))
    while len(partons.jet):
        rate = 2 * partons.colour * strongest / np.pi
        room = np.log(np.maximum(HARDEST * partons.pt * partons.angle / CUTOFF, 1))
        left = room**2 + 2 * np.log1p(-generator.random(len(room))) / rate
        final.append(partons.take(left <= 0))
        partons, left = partons.take(left > 0), np.sqrt(left[left > 0])
        partons = replace(partons, angle=CUTOFF * np.exp(left) / (HARDEST * partons.pt))
        z = HARDEST * np.exp(-left * generator.random(len(left)))
        emits = generator.random(len(z)) * strongest < _coupling(z * partons.angle * partons.pt)
        partons = _joined([partons.take(~emits), *_split(partons.take(emits), z[emits], generator)])
    return _joined(final)


def _coupling(kt: Floats) -> Floats:
    coupling: Floats = 1 / (2 * SLOPE * np.log(kt / LAMBDA))
    return coupling


def _split(
    partons: _Partons, z: Floats, generator: np.random.Generator
) -> tuple[_Partons, _Partons]:
    """The parton that continues, and the gluon with a fraction ``z`` of its momentum."""
    away = partons.angle * np.exp(2j * np.pi * generator.random(len(z)))
    gluon = partons.part(z, (1 - z) * away, np.full(len(z), GLUON))
    return partons.part(1 - z, -z * away, partons.colour), gluon


def _measured(partons: _Partons, generator: np.random.Generator) -> Constituents:
    """What the calorimeter measures within the jet's radius."""
    count = len(partons.jet)
    width = np.hypot(STOCHASTIC / np.sqrt(partons.pt), CONSTANT)
    pt = partons.pt * np.maximum(1 + width * generator.standard_normal(count), 0.05)
    off = generator.standard_normal(count) + 1j * generator.standard_normal(count)
    direction = partons.direction + POINTING * off
    inside = np.abs(direction) < RADIUS
    return Constituents(partons.jet[inside], pt[inside], direction[inside], partons.groomed[inside])
