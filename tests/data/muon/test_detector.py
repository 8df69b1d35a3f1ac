"""The toy's physics: arcs, energy loss, scattering."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.data.muon.detector import (
    BENDING,
    RINGS,
    Crossings,
    Muons,
    Ring,
    _arc,
    _Track,
    draw_muons,
    propagate,
)

Floats = npt.NDArray[np.float64]


def muons(pt: float, charge: float = 1.0, eta: float = 0.0, count: int = 4000) -> Muons:
    """Equal muons along the x axis."""
    ones = np.ones(count)
    return Muons(pt * ones, charge * ones, eta * ones, 0 * ones)


def crossings(pt: float, charge: float = 1.0, eta: float = 0.0) -> Crossings:
    return propagate(muons(pt, charge, eta), np.random.default_rng(1))


def stepped(pt: float, charge: float, field: float, inner: float, outer: float) -> Floats:
    """Azimuth and angle to the radius at ``outer``, by ten thousands of tiny steps.

    Starts at ``inner`` on the x axis, at 0.1 rad to the radius.
    """
    place, direction, step = complex(inner), 0.1, 1e-5
    while abs(place) < outer:
        place += step * np.exp(1j * (direction - step * charge * BENDING * field / pt / 2))
        direction -= step * charge * BENDING * field / pt
    return np.array([np.angle(place), direction - np.angle(place)])


@pytest.mark.parametrize(
    ("pt", "charge", "field"), [(2.0, 1.0, 3.8), (2.0, -1.0, 3.8), (5.0, 1.0, -1.8)]
)
def test_an_arc_is_what_tiny_steps_add_up_to(pt: float, charge: float, field: float) -> None:
    start = _Track(np.zeros(1), np.array([0.1]), np.array([pt]))
    end = _arc(start, np.array([charge]), 0.5, Ring(1.2, field))
    np.testing.assert_allclose(
        [end.phi[0], end.bend[0]], stepped(pt, charge, field, 0.5, 1.2), atol=5e-5
    )


def test_without_field_a_track_is_straight() -> None:
    """The distance of a straight line to the beam, r·sin(angle to the radius), stays."""
    end = _arc(_Track(np.zeros(1), np.array([0.3]), np.ones(1)), np.ones(1), 4.2, Ring(7.2))
    assert 7.2 * np.sin(end.bend[0]) == pytest.approx(4.2 * np.sin(0.3))
    assert end.phi[0] + end.bend[0] == pytest.approx(0.3)  # the direction in space


def test_the_yoke_returns_the_flux_of_the_coil() -> None:
    areas = np.diff([0.0] + [ring.outer**2 for ring in RINGS])
    flux = np.pi * areas * [ring.field for ring in RINGS]
    assert flux[flux > 0].sum() == pytest.approx(104, rel=0.01)  # Wb
    assert abs(flux.sum()) < 0.02 * flux[flux > 0].sum()


def test_a_higher_momentum_bends_less() -> None:
    bends = [abs(crossings(pt).bend[:, 0].mean()) for pt in (4, 8, 20, 60, 200)]
    assert bends == sorted(bends, reverse=True)
    assert bends[-1] == pytest.approx(0.3 * 3.8 * 2.95**2 / 2 / 200 / 4.2, rel=0.03)


def test_the_yoke_bends_back() -> None:
    bend = crossings(30).bend.mean(axis=0)
    assert bend[0] < bend[1] < bend[2] < bend[3]


def test_the_charges_mirror_each_other() -> None:
    plus, minus = crossings(10, charge=1), crossings(10, charge=-1)
    for one, other in ((plus.phi, minus.phi), (plus.bend, minus.bend)):
        error = one.std(axis=0) / np.sqrt(len(one))
        assert (np.abs(one.mean(axis=0) + other.mean(axis=0)) < 6 * error).all()


def test_the_softest_muons_stop_in_the_yoke() -> None:
    reached = crossings(3.1).reached.mean(axis=0)
    assert reached[0] == 1
    assert reached[1] > 0.99
    assert reached[2] < 0.6
    assert reached[3] < 0.01
    assert crossings(6).reached.all()


def test_scattering_has_the_width_of_highlands_formula() -> None:
    """From the first station on, in one piece of iron and for straight tracks."""
    pt = 150.0
    bend = crossings(pt).bend
    in_iron = (bend[:, 1] - bend[:, 0]) - (bend[:, 1] - bend[:, 0]).mean()
    lengths = 0.30 / 0.01757
    highland = 0.0136 / pt * np.sqrt(lengths) * (1 + 0.038 * np.log(lengths))
    # The lever arm shortens an earlier angle, and little of the kick is undone by its shift.
    earlier = bend[:, 0].std() * (1 - 4.2 / 5.1)
    assert in_iron.std() == pytest.approx(np.hypot(highland, earlier), rel=0.1)


def test_slanting_muons_scatter_more() -> None:
    assert crossings(50, eta=0.8).bend[:, 0].std() > 1.05 * crossings(50).bend[:, 0].std()


def test_the_muons_drawn_fill_their_range() -> None:
    drawn = draw_muons(np.random.default_rng(1), 100_000)
    assert 3 <= drawn.pt.min() < 3.01
    assert 190 < drawn.pt.max() <= 200
    assert np.abs(drawn.eta).max() < 0.8
    assert set(drawn.charge) == {-1.0, 1.0}
    assert abs(drawn.charge.mean()) < 0.02
    straight = (drawn.pt > 50).mean()
    assert straight == pytest.approx(
        0.5 * np.log(4) / np.log(200 / 3) + 0.5 * 0.015 / 0.3283, abs=0.01
    )
