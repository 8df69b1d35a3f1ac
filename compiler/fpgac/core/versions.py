"""The versions of Vitis HLS that hls4ml names for its C++."""

from __future__ import annotations

from typing import Final

__all__ = ["hls_notice"]

# hls4ml's documentation of its Vitis backend: Vitis HLS 2022.2 or newer, tested up to 2024.1.
_OLDEST: Final = (2022, 2)
_TESTED: Final = (2024, 1)


def hls_notice(version: tuple[int, ...]) -> str | None:
    """What to know of a ``version`` of AMD's tools, in one line; None for one that hls4ml tests."""
    said = ".".join(map(str, version))
    if version < _OLDEST:
        return f"HLS {said} is older than hls4ml supports: its Vitis backend names 2022.2 or newer"
    if version[:2] > _TESTED:
        return f"HLS {said} is newer than hls4ml's tests, which are of 2022.2 to 2024.1"
    return None
