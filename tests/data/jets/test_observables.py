"""The observables, against their definitions written as plain loops."""

from __future__ import annotations

from itertools import combinations
from math import prod

import numpy as np
import pytest

from fpgac.data.jets.observables import CORRELATED, OBSERVABLES, observables
from fpgac.data.jets.shower import Constituents


def jet(*constituents: tuple[float, complex], groomed: bool = True) -> Constituents:
    """One jet of constituents with their pt and direction."""
    pt, direction = (np.array(column) for column in zip(*constituents, strict=True))
    count = len(constituents)
    return Constituents(
        np.zeros(count, int), pt, direction.astype(complex), np.full(count, groomed)
    )


def named(constituents: Constituents) -> dict[str, float]:
    (row,) = observables(constituents, 1)
    return dict(zip(OBSERVABLES, row.tolist(), strict=True))


def loops(constituents: Constituents, power: int) -> tuple[float, dict[int, float]]:
    """e2, and e3 by how many of the smallest angles it takes."""
    z = constituents.pt / constituents.pt.sum()
    theta = np.abs(constituents.direction[:, None] - constituents.direction)
    members = range(len(z))
    e2 = sum(float(z[i] * z[j] * theta[i, j] ** power) for i, j in combinations(members, 2))
    e3 = dict.fromkeys((1, 2, 3), 0.0)
    for i, j, k in combinations(members, 3):
        angles = sorted([theta[i, j], theta[j, k], theta[i, k]])
        for count in e3:
            e3[count] += float(z[i] * z[j] * z[k] * prod(angles[:count]) ** power)
    return e2, e3


def test_correlations_are_their_definitions() -> None:
    generator = np.random.default_rng(1)
    drawn = generator.uniform(-0.4, 0.4, (2, CORRELATED))
    pt = generator.exponential(50, CORRELATED)
    constituents = jet(*zip(pt.tolist(), (drawn[0] + 1j * drawn[1]).tolist(), strict=True))
    got = named(constituents)
    (e2, e3), (f2, f3) = loops(constituents, 1), loops(constituents, 2)
    expected = {
        "c1_b1_mmdt": e2,
        "c1_b2_mmdt": f2,
        "c2_b1_mmdt": e3[3] / e2**2,
        "c2_b2_mmdt": f3[3] / f2**2,
        "d2_b1_mmdt": e3[3] / e2**3,
        "d2_b2_mmdt": f3[3] / f2**3,
        "d2_a1_b1_mmdt": e3[3] / e2**3,
        "d2_a1_b2_mmdt": e3[3] / f2**1.5,
        "m2_b1_mmdt": e3[1] / e2,
        "m2_b2_mmdt": f3[1] / f2,
        "n2_b1_mmdt": e3[2] / e2**2,
        "n2_b2_mmdt": f3[2] / f2**2,
    }
    assert {name: got[name] for name in expected} == pytest.approx(expected)


def test_two_equal_constituents() -> None:
    """m^2 = 2 pt pt' (cosh(delta eta) - cos(delta phi)); all else is as plain."""
    got = named(jet((100.0, 0.3), (100.0, -0.3j)))
    assert got["mass_mmdt"] == pytest.approx(100 * np.sqrt(2 * (np.cosh(0.3) - np.cos(0.3))))
    assert got["zlogz"] == pytest.approx(-np.log(2))
    assert got["c1_b0_mmdt"] == pytest.approx(0.25)
    assert (got["multiplicity"], got["d2_b1_mmdt"]) == (2, 0)


def test_a_lonely_constituent_has_no_correlations() -> None:
    got = named(jet((700.0, 0.1j)))
    assert got.pop("multiplicity") == 1
    assert got == pytest.approx(dict.fromkeys(got, 0.0), abs=1e-4)


def test_what_grooming_took_away_counts_in_the_multiplicity_alone() -> None:
    kept, gone = jet((90.0, 0.1), (60.0, -0.1)), jet((9.0, 0.7j), groomed=False)
    both = Constituents(
        *(np.append(getattr(kept, f), getattr(gone, f)) for f in kept.__dataclass_fields__)
    )
    alone, together = named(kept), named(both)
    for name in ("zlogz", "multiplicity"):
        assert alone.pop(name) != together.pop(name)
    assert alone == together
