"""Trigger primitives: words, resolutions, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.data.muon.detector import Crossings, Muons, draw_muons, propagate
from fpgac.data.muon.primitives import Segments, measure

COUNT = 50_000


@pytest.fixture(scope="module")
def muons() -> Muons:
    return draw_muons(np.random.default_rng(5), COUNT)


@pytest.fixture(scope="module")
def crossings(muons: Muons) -> Crossings:
    return propagate(muons, np.random.default_rng(6))


@pytest.fixture(scope="module")
def segments(muons: Muons, crossings: Crossings) -> Segments:
    return measure(muons, crossings, np.random.default_rng(7))


def test_words_are_whole_and_fit_their_bits(segments: Segments) -> None:
    assert segments.phi.dtype == segments.bend.dtype == np.int64
    assert np.abs(segments.phi).max() < 2**11
    assert np.abs(segments.bend).max() < 2**9
    assert set(np.unique(segments.quality)) == set(range(7))


def test_a_missing_segment_is_all_zeros(segments: Segments) -> None:
    missing = ~segments.present
    assert missing.any()
    for words in (segments.phi, segments.bend, segments.quality):
        assert not words[missing].any()


def test_about_one_in_seven_segments_is_missing_and_more_where_muons_stop(
    muons: Muons, segments: Segments
) -> None:
    hard = segments.present[muons.pt > 10].mean(axis=0)
    soft = segments.present[muons.pt < 4].mean(axis=0)
    assert ((hard > 0.82) & (hard < 0.92)).all()
    assert soft[0] > 0.82
    assert soft[3] < 0.2


def test_gaps_between_sectors_are_dead(
    muons: Muons, crossings: Crossings, segments: Segments
) -> None:
    sector = crossings.phi[:, 0] / np.radians(30)
    near_border = np.abs(sector - np.round(sector)) > 0.49
    assert near_border.sum() > 100
    assert not segments.present[near_border, 0].any()


def test_azimuth_and_bending_are_measured_to_their_resolution(
    crossings: Crossings, segments: Segments
) -> None:
    both = segments.present[:, 0] & segments.present[:, 1]
    difference = (segments.phi[:, 1] - segments.phi[:, 0])[both] / 4096
    error = difference - (crossings.phi[:, 1] - crossings.phi[:, 0])[both]
    assert np.abs(np.median(error)) < 2e-5
    assert 1.0e-4 < np.diff(np.quantile(error, [0.16, 0.84]))[0] / 2 < 4e-4  # rad

    best = segments.quality[:, 0] == 6
    error = segments.bend[best, 0] / 512 - crossings.bend[best, 0]
    assert 4e-3 < np.diff(np.quantile(error, [0.16, 0.84]))[0] / 2 < 7e-3  # rad


def test_a_better_quality_measures_better(crossings: Crossings, segments: Segments) -> None:
    errors = [
        np.median(np.abs(segments.bend[rows, 1] / 512 - crossings.bend[rows, 1]))
        for rows in (segments.quality[:, 1] == quality for quality in range(1, 7))
    ]
    assert errors == sorted(errors, reverse=True)


def test_the_innermost_segment_lies_in_its_sector(segments: Segments) -> None:
    found = segments.present.any(axis=1)
    first = segments.present.argmax(axis=1)
    phi = segments.phi[np.arange(COUNT), first][found]
    assert np.abs(phi).max() <= np.ceil(4096 * np.radians(15))


def test_pseudorapidity_is_coarse_where_it_was_not_measured(
    muons: Muons, segments: Segments
) -> None:
    assert not (segments.eta[~segments.eta_fine] % 8).any()
    error = np.abs(segments.eta / 64 - muons.eta)
    assert error[segments.eta_fine].max() <= 1 / 128
    assert error[~segments.eta_fine].max() <= 1 / 16


def test_joining_the_parts_gives_the_whole(segments: Segments) -> None:
    parts = [segments.take(slice(0, 100)), segments.take(slice(100, None))]
    whole = Segments.joined(parts)
    np.testing.assert_array_equal(whole.phi, segments.phi)
    np.testing.assert_array_equal(whole.eta_fine, segments.eta_fine)
