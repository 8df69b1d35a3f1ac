"""The 16 substructure observables of a jet, under the names that the public data set gives them.

With z the fractions of the jet's transverse momentum and theta the angles between constituents, the
energy correlation functions are (Larkoski, Salam, Thaler, JHEP 06 (2013) 108; Moult, Necib,
Thaler, JHEP 12 (2016) 153)::

    e2(b) = sum over pairs of z_i z_j theta_ij^b
    e3(b), 2e3(b), 1e3(b) = sum over triples of z_i z_j z_k (product of all three, the two smallest,
                            the smallest of the angles)^b

    C1 = e2        C2 = e3 / e2^2        D2(a, b) = e3(a) / e2(b)^(3 a / b)
    M2 = 1e3 / e2  N2 = 2e3 / e2^2       D2(b) = D2(b, b), so that d2_b1 and d2_a1_b1 are one

All but ``zlogz`` and ``multiplicity`` are of the groomed jet (``_mmdt``). A ratio whose
denominator is zero, as for a jet of one constituent, is zero.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from fpgac.data.jets.shower import Constituents

__all__ = ["OBSERVABLES", "observables"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

OBSERVABLES = (
    "zlogz",
    "c1_b0_mmdt",
    "c1_b1_mmdt",
    "c1_b2_mmdt",
    "c2_b1_mmdt",
    "c2_b2_mmdt",
    "d2_b1_mmdt",
    "d2_b2_mmdt",
    "d2_a1_b1_mmdt",
    "d2_a1_b2_mmdt",
    "m2_b1_mmdt",
    "m2_b2_mmdt",
    "n2_b1_mmdt",
    "n2_b2_mmdt",
    "mass_mmdt",
    "multiplicity",
)

# The softer constituents hardly contribute to sums over triples, and cost most of the time.
CORRELATED = 16
CHUNK = 2048  # jets at a time: their triples take memory


def observables(constituents: Constituents, jets: int) -> Floats:
    """Shape (jets, 16), in the order of ``OBSERVABLES``; the mass in GeV."""
    jet, pt = constituents.jet, constituents.pt
    groomed = constituents.groomed
    z = pt / np.bincount(jet, pt, jets)[jet]
    left = Constituents(
        jet[groomed], pt[groomed], constituents.direction[groomed], groomed[groomed]
    )
    z_left, direction = _hardest(left, jets)
    correlations = [
        _correlations(z_left[start : start + CHUNK], direction[start : start + CHUNK])
        for start in range(0, jets, CHUNK)
    ]
    return np.column_stack(
        [
            np.bincount(jet, z * np.log(z), jets),
            np.concatenate(correlations),
            _mass(left, jets),
            np.bincount(jet, minlength=jets),
        ]
    )


def _mass(constituents: Constituents, jets: int) -> Floats:
    """The invariant mass of each jet's constituents, taken as massless."""
    jet, pt = constituents.jet, constituents.pt
    eta, phi = constituents.direction.real, constituents.direction.imag
    energy, *momentum = (
        np.bincount(jet, component, jets)
        for component in (pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta))
    )
    square = energy**2 - sum(component**2 for component in momentum)
    mass: Floats = np.sqrt(np.maximum(square, 0))
    return mass


def _hardest(constituents: Constituents, jets: int) -> tuple[Floats, Complexes]:
    """Momentum fractions and directions, both of shape (jets, 16), padded with zeros."""
    jet = constituents.jet
    z = constituents.pt / np.bincount(jet, constituents.pt, jets)[jet]
    order = np.lexsort((-z, jet))
    counts = np.bincount(jet, minlength=jets)
    rank = np.arange(len(jet)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows, kept = order[rank < CORRELATED], rank[rank < CORRELATED]
    parts, directions = np.zeros((jets, CORRELATED)), np.zeros((jets, CORRELATED), complex)
    parts[jet[rows], kept] = z[rows]
    directions[jet[rows], kept] = constituents.direction[rows]
    return parts, directions


_PAIRS = np.array(list(combinations(range(CORRELATED), 2))).T
_TRIPLES = np.array(list(combinations(range(CORRELATED), 3))).T


def _correlations(z: Floats, direction: Complexes) -> Floats:
    """The observables from ``c1_b0_mmdt`` to ``n2_b2_mmdt``, shape (jets, 13)."""
    i, j = _PAIRS
    pairs, angles = z[:, i] * z[:, j], np.abs(direction[:, i] - direction[:, j])
    e2 = {power: np.sum(pairs * angles**power, axis=1) for power in (0, 1, 2)}
    i, j, k = _TRIPLES
    weights = z[:, i] * z[:, j] * z[:, k]
    between = np.abs(direction[:, :, None] - direction[:, None, :])
    smallest, middle, largest = _sorted(between[:, i, j], between[:, j, k], between[:, k, i])
    products = (smallest, smallest * middle, smallest * middle * largest)
    e3 = {
        (power, angles): np.sum(weights * product**power, axis=1)
        for power in (1, 2)
        for angles, product in enumerate(products, start=1)
    }
    return np.column_stack(
        [
            *(e2[power] for power in (0, 1, 2)),
            *(_ratio(e3[power, 3], e2[power] ** 2) for power in (1, 2)),
            *(_ratio(e3[power, 3], e2[power] ** 3) for power in (1, 2)),
            _ratio(e3[1, 3], e2[1] ** 3),
            _ratio(e3[1, 3], e2[2] ** 1.5),
            *(_ratio(e3[power, 1], e2[power]) for power in (1, 2)),
            *(_ratio(e3[power, 2], e2[power] ** 2) for power in (1, 2)),
        ]
    )


def _sorted(a: Floats, b: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
    """Each three numbers in order: faster than sorting along an axis."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    return np.minimum(low, c), np.maximum(low, np.minimum(high, c)), np.maximum(high, c)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, np.zeros_like(numerator), where=denominator > 0)
