"""Logs of real builds and hosts: the cause, its line, its remedy, and the log to read next."""

from __future__ import annotations

from typing import Final

import pytest

from fpgac.hardware.logs import ON_CARD, Explanation, explain
from fpgac.plugins import load_plugins

REMEDIES: Final = {**ON_CARD, **load_plugins().target("alveo-u250").remedies}

# Xilinx/xup_vitis_network_example, issue 42: a U280, whose network clock missed its timing.
TIMING: Final = """\
[13:31:18] Starting bitstream generation..
[13:36:54] Run vpl: Step impl: Failed
ERROR: [VPL 101-2] design did not meet timing - Design did not meet timing. One or more unscalable \
system clocks did not meet their required target frequency.
system clock: txoutclk_out[0]; slack: -0.024 ns
ERROR: [VPL 101-3] sourcing script scripts/_full_write_bitstream_pre.tcl failed
ERROR: [VPL 60-773] In 'link/vivado/vpl/runme.log', caught Tcl error:  problem implementing \
dynamic region, impl_1: write_bitstream ERROR, please look at the run log file 'impl_1/runme.log' \
for more information
"""
# Xilinx/Vitis-AI, issue 1467: nothing but what follows.
FOLLOWS: Final = """\
ERROR: [VPL 60-1328] Vpl run 'vpl' failed
ERROR: [VPL 60-806] Failed to finish platform linker
INFO: [v++ 60-1442] [16:09:25] Run run_link: Step vpl: Failed
ERROR: [v++ 60-661] v++ link run 'run_link' failed
ERROR: [v++ 60-626] Kernel link failed to complete
ERROR: [v++ 60-703] Failed to finish linking
"""
# Xilinx/Vitis_Accel_Examples, issue 67: an xclbin for software emulation on a real U250.
REFUSED: Final = """\
Loading: 'build_dir.sw_emu.xilinx_u250_gen3x16_xdma_4_1_202210_1/krnl_vadd.xclbin'
Trying to program device[0]: xilinx_u250_gen3x16_xdma_shell_4_1
[XRT] ERROR: See dmesg log for details. err = -22
[XRT] ERROR: failed to load xclbin: Invalid argument
Failed to program device[0] with xclbin file!
"""
# Vitis 2021.1 for a U50, as in test_timing.py.
LOWERED: Final = (
    "WARNING: [VPL 60-732] Link warning: One or more timing paths failed timing targeting 320 MHz "
    "for kernel clock 'clk_kernel_in'. The frequency is being automatically changed to 307.5 MHz "
    "to enable proper functionality"
)


def told(log: str) -> Explanation:
    return explain(log, REMEDIES)


def test_the_cause_is_told_and_not_what_follows() -> None:
    found = told(TIMING)
    (cause,) = found.causes
    assert cause.line == 3
    assert "clock_mhz" in cause.remedy
    assert (found.unknown, found.follows) == ((), 2)
    assert found.logs == ("impl_1/runme.log",)


def test_a_log_of_what_follows_alone_has_no_cause() -> None:
    found = told(FOLLOWS)
    assert (found.causes, found.unknown, found.follows) == ((), (), 5)
    assert not found.is_good


# Lines of hosts: XRT, pynq and OpenCL on real cards; issues on GitHub.
@pytest.mark.parametrize(
    ("named", "log"),
    [
        ("xbutil examine", REFUSED),
        # Xilinx/blockchainacceleration 6
        ("xbutil examine", "[XRT] ERROR: See dmesg log for details. err=-2"),
        # Xilinx/XRT 6796, Vitis-Tutorials 156, PYNQ 1651
        ("setup.sh", "[XRT] ERROR: No device found"),
        ("setup.sh", "terminate called ... 'xrt_xocl::error'\n  what():  No devices found"),
        ("setup.sh", "RuntimeError: No Devices Found"),
        # Xilinx/xup_vitis_network_example 65
        ("2.13", "[XRT] ERROR: CU statistic sysfs node corrupted"),
        ("2.13", "RuntimeError: Programming Device failed: ENODEV (19) No such device"),
        # pynq 3.0.1, xrt_device.py
        (
            "waitfor",
            "RuntimeError: waitfor list to schedule dependent executions is not supported by XRT "
            "anymore.",
        ),
    ],
)
def test_what_a_host_says_on_a_card_has_its_remedy(named: str, log: str) -> None:
    (cause,) = told(log).causes
    assert named in cause.remedy


def test_a_lowered_clock_is_no_failure() -> None:
    found = told(LOWERED)
    assert [(clock.asked, clock.got, clock.line) for clock in found.clocks] == [(320.0, 307.5, 1)]
    assert found.is_good


def test_errors_without_a_remedy_are_shown_first_come_first() -> None:
    lines = [f"ERROR: [Synth 8-{number}] something new" for number in range(9)]
    assert [cause.line for cause in told("\n".join(lines)).unknown] == [1, 2, 3, 4, 5]


def test_a_remedy_is_told_once_where_its_sign_is_first() -> None:
    (cause,) = told("all is well\nstd::bad_alloc\nstd::bad_alloc").causes
    assert cause.line == 2


def test_a_log_without_failures_is_good() -> None:
    # blog.abbey1.org.uk on licences: what a good synthesis says
    assert told(
        "INFO: [Common 17-349] Got license for feature 'Synthesis' and/or device 'xcku060'\n"
        "807 Infos, 709 Warnings, 0 Critical Warnings and 0 Errors encountered.\n"
        "synth_design completed successfully\n"
    ).is_good
