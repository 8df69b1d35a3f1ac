"""The classical momentum assignment: a baseline that deserves to be beaten."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.data.muon.assignment import PAIRS, Assignment
from fpgac.data.muon.primitives import Segments
from fpgac.data.muon.provider import Sample, generate
from fpgac.data.muon.provider import assignment as calibrated
from fpgac.reports.resolution import Spread, residuals


@pytest.fixture(scope="module")
def assignment() -> Assignment:
    return calibrated()


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(60_000, 11)


def segments(phi: npt.ArrayLike, bend: npt.ArrayLike, quality: npt.ArrayLike) -> Segments:
    """Hand-made segments, shape (muons, 4)."""
    rows = len(np.atleast_2d(phi))
    return Segments(
        phi=np.atleast_2d(phi).astype(np.int64),
        bend=np.atleast_2d(bend).astype(np.int64),
        quality=np.atleast_2d(quality).astype(np.int64),
        eta=np.zeros(rows, dtype=np.int64),
        eta_fine=np.ones(rows, dtype=bool),
    )


def test_the_resolution_is_that_of_a_good_trigger(assignment: Assignment, sample: Sample) -> None:
    """Real track finders reach 10 to 20 % here, limited by scattering in the calorimeters."""
    spread = Spread.of(residuals(assignment.pt(sample.segments), sample.pt))
    assert 0.08 < spread.width_68 < 0.13
    assert 0.15 < spread.standard_deviation < 0.26
    assert abs(spread.median) < 0.03
    assert spread.tail < 0.01


def test_choosing_the_best_table_beats_the_first_track_finders_order(
    assignment: Assignment, sample: Sample
) -> None:
    """Which took the innermost pair that it had: 12, 13, 14, 23, 24, 34."""
    present = sample.segments.present
    inner = present.argmax(axis=1)
    outer = np.argmax(present & (np.arange(4) > inner[:, np.newaxis]), axis=1)
    rows = np.arange(len(inner))
    words = np.abs(sample.segments.phi[rows, outer] - sample.segments.phi[rows, inner])
    way = np.array([PAIRS.index(pair) for pair in zip(inner, outer, strict=True)])
    in_order = np.exp2(assignment.mean[way, np.minimum(words, 2047)])
    best, ordered = (
        Spread.of(residuals(pt, sample.pt)) for pt in (assignment.pt(sample.segments), in_order)
    )
    assert best.width_68 < ordered.width_68
    assert best.standard_deviation < ordered.standard_deviation
    assert best.tail < ordered.tail


def test_a_smaller_bending_means_a_higher_momentum(assignment: Assignment) -> None:
    steps = (5, 10, 20, 50, 100, 200)
    pt = [assignment.pt(segments([0, n, 0, 0], [0] * 4, [6, 6, 0, 0]))[0] for n in steps]
    assert pt == sorted(pt, reverse=True)


def test_the_charge_does_not_matter(assignment: Assignment, sample: Sample) -> None:
    words = sample.segments
    mirrored = Segments(-words.phi, -words.bend, words.quality, words.eta, words.eta_fine)
    np.testing.assert_array_equal(assignment.pt(mirrored), assignment.pt(words))


def test_missing_stations_are_not_listened_to(assignment: Assignment) -> None:
    """Whatever the words of a missing segment say."""
    quality = [6, 6, 0, 0]
    quiet = segments([0, 40, 0, 0], [30, 20, 0, 0], quality)
    noisy = segments([0, 40, 999, -999], [30, 20, 400, -400], quality)
    np.testing.assert_array_equal(assignment.pt(quiet), assignment.pt(noisy))


def test_bending_angles_stand_in_where_the_pair_is_flat(assignment: Assignment) -> None:
    """Stations 2 and 3 see the same azimuth at any momentum where the field turns round."""
    soft = assignment.pt(segments([0, 0, 0, 0], [0, 80, 0, 0], [0, 6, 6, 0]))
    hard = assignment.pt(segments([0, 0, 0, 0], [0, 8, 0, 0], [0, 6, 6, 0]))
    assert soft[0] < hard[0] / 3


def test_the_tables_give_back_a_law_without_noise() -> None:
    """Muons that bend by exactly 1000 / pT words between stations 1 and 2."""
    pt = np.repeat(np.geomspace(3, 200, 4000), 30)
    bending = np.rint(1000 / pt).astype(np.int64)
    zero = np.zeros_like(bending)
    words = np.stack([zero, bending, zero, zero], axis=1)
    made = segments(words, 0 * words, np.tile([6, 6, 0, 0], (len(pt), 1)))
    estimated = Assignment.calibrate(made, pt).pt(made)
    assert np.abs(estimated / pt - 1)[pt < 50].max() < 0.06


def test_bins_that_saw_too_few_muons_are_never_believed(assignment: Assignment) -> None:
    assert np.isinf(assignment.spread[0, -1])
    assert np.isfinite(assignment.mean).all()
