"""Columns are named, or matched by patterns."""

from __future__ import annotations

import pytest

from fpgac.data.columns import matches


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("jet_pt", "jet_pt", True),
        ("jet_pt", "jet_*", True),
        ("jet_pt", "pt", False),
        ("image[0,1]", "image", True),
        ("image[0,1]", "im*", True),
    ],
)
def test_a_pattern_matches_columns_and_numbers_of_arrays(
    name: str, pattern: str, expected: bool
) -> None:
    assert matches(name, pattern) == expected
