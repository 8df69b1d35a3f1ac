"""What is said of a version of the vendor's HLS."""

from __future__ import annotations

import pytest

from fpgac.core.versions import hls_notice


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ((2020, 2), "older than hls4ml supports"),
        ((2022, 2), None),
        ((2024, 1, 1), None),
        ((2025, 2), "newer than hls4ml's tests"),
    ],
)
def test_versions_that_hls4ml_does_not_name_are_told(
    version: tuple[int, ...], said: str | None
) -> None:
    notice = hls_notice(version)
    assert notice is None if said is None else said in str(notice)
