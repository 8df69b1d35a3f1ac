"""The toy's physics: decays, emissions, grooming."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.data.jets.observables import OBSERVABLES, observables
from fpgac.data.jets.shower import KINDS, RADIUS, Kind, _decay, _prongs, draw_jets

JETS = 4000


def observed(kind: Kind, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """One observable of jets of one kind."""
    constituents = draw_jets(np.random.default_rng(1), np.full(JETS, KINDS.index(kind)))
    return np.asarray(observables(constituents, JETS)[:, OBSERVABLES.index(name)])


@pytest.mark.parametrize(("kind", "mass"), [("W", 80.4), ("Z", 91.2)])
def test_a_decay_conserves_momentum_and_mass(kind: Kind, mass: float) -> None:
    generator = np.random.default_rng(2)
    parent = _prongs(generator, "quark", np.arange(JETS), np.full(JETS, 1000.0))
    first, second = _decay(generator, parent, np.full(JETS, mass))
    transverse = first.pt * np.sin(np.abs(first.direction))
    np.testing.assert_allclose(transverse, second.pt * np.sin(np.abs(second.direction)))
    between = np.abs(first.direction - second.direction)
    energy = np.hypot(1000.0, mass)
    share = first.pt / (first.pt + second.pt)
    square = 2 * energy**2 * share * (1 - share) * (1 - np.cos(between))
    np.testing.assert_allclose(square, mass**2)


def test_a_heavy_parton_is_seen_at_its_mass() -> None:
    assert 78 < np.median(observed("W", "mass_mmdt")) < 88
    assert 89 < np.median(observed("Z", "mass_mmdt")) < 99
    assert 165 < np.median(observed("top", "mass_mmdt")) < 185


def test_a_gluon_radiates_more_than_a_quark_but_less_than_their_colours_ratio() -> None:
    """Casimir scaling, 9/4, holds for the first emissions only."""
    many = {kind: observed(kind, "multiplicity").mean() for kind in KINDS}
    assert 1.5 < many["gluon"] / many["quark"] < 2.25


def test_two_prongs_look_like_two() -> None:
    assert np.median(observed("W", "d2_b1_mmdt")) < np.median(observed("gluon", "d2_b1_mmdt"))


def test_grooming_takes_soft_emissions_away_and_leaves_the_hard_splitting() -> None:
    constituents = draw_jets(np.random.default_rng(3), np.full(JETS, KINDS.index("gluon")))
    groomed = np.bincount(constituents.jet, constituents.pt * constituents.groomed, JETS)
    left = groomed / np.bincount(constituents.jet, constituents.pt, JETS)
    assert 0.85 < left.mean() < 0.99
    assert left.min() > 0


def test_a_jet_ends_at_its_radius() -> None:
    constituents = draw_jets(np.random.default_rng(4), np.arange(JETS) % len(KINDS))
    assert 0.75 * RADIUS < np.abs(constituents.direction).max() < RADIUS
    assert set(np.unique(constituents.jet)) == set(range(JETS))
