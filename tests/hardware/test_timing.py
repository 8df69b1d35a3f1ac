"""What v++ says of clocks that it lowered, and what a spec lets it lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.errors import Where
from fpgac.hardware.timing import LoweredClock, lowered_clocks, slow_clock

# Vitis 2021.1 for a U50: a public log of a build of AMD's Accelerated Algorithmic Trading.
RECORDED = """\
WARNING: [VPL 60-732] Link warning: No monitor points found for BD automation.
WARNING: [VPL 60-732] Link warning: One or more timing paths failed timing targeting 320 MHz for \
kernel clock 'clk_kernel_in'. The frequency is being automatically changed to 307.5 MHz to enable \
proper functionality
"""
# The form of SDAccel, from the FAQ of the aws-fpga repository, with numbers in its places.
SDACCEL = (
    "WARNING: [XOCC 60-732] Link warning: One or more timing paths failed timing targeting 250 MHz "
    "for kernel clock 'DATA_CLK'. The frequency is being automatically changed to 137.5 MHz to "
    "enable proper functionality."
)


def test_a_lowered_clock_is_read_from_the_log() -> None:
    assert list(lowered_clocks(RECORDED)) == [
        LoweredClock("kernel clock 'clk_kernel_in'", 320.0, 307.5, line=2)
    ]
    assert [(each.asked, each.got) for each in lowered_clocks(SDACCEL)] == [(250.0, 137.5)]
    assert list(lowered_clocks("INFO: [v++ 60-791] Total elapsed time: 1h 2m 3s")) == []


@pytest.mark.parametrize(
    ("got", "tolerance", "refused"),
    [(307.5, 0.05, False), (304.0, 0.05, False), (303.9, 0.05, True), (319.9, 0.0, True)],
)
def test_so_much_of_a_clock_may_be_lost(got: float, tolerance: float, refused: bool) -> None:
    problem = slow_clock("the clock", 320.0, got, tolerance, Where(Path("v++.log"), 2))
    assert (problem is not None) is refused
    if problem:
        assert (problem.code, problem.got) == ("build.slow-clock", f"{got:g} MHz")
