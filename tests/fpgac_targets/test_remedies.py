"""Each kind of failure is known by lines that AMD's tools wrote in public builds, sources named."""

from __future__ import annotations

import re
import subprocess
from typing import Final

import pytest

from fpgac_targets.remedies import SIGNS

# What the remedy must name, and a line with its source: an issue on GitHub, unless it says else.
RECORDED: Final = [
    # fpgasystems/Vitis_with_100Gbps_TCP-IP 6: U280
    (
        "clock_mhz",
        "ERROR: [VPL-4] design did not meet timing - Design did not meet timing. One or more "
        "unscalable system clocks did not meet their required target frequency.",
    ),
    # firesim/firesim 1293: U250
    (
        "clock_mhz",
        "ERROR: [VPL 101-2] design did not meet timing - Design did not meet timing. One or more "
        "unscalable system clocks did not meet their required target frequency.",
    ),
    # ptrkrysik/uhd 3: Vivado 2021.1
    (
        "clock_mhz",
        "CRITICAL WARNING: [Timing 38-282] The design failed to meet the timing requirements. "
        "Please see the timing summary report for details on the timing violations.",
    ),
    # sld-columbia/esp 282, Xilinx/kria-vitis-platforms 12: Vivado 2019.2 and 2021.1
    ("y2k22_patch", "bad lexical cast: source type value could not be interpreted as target"),
    (
        "y2k22_patch",
        "ERROR: '2201251806' is an invalid argument. Please specify an integer value.",
    ),
    ("y2k22_patch", "ERROR: [IMPL 213-28] Failed to generate IP."),
    # Xilinx/Vitis-Tutorials 188: v++ 2021.2, mended by the patch
    (
        "y2k22_patch",
        "ERROR: [v++ 60-602] Source file does not exist: /home/tom/workspace/zcu104_project/"
        "zcu104_custom_pkg/vadd2_system_hw_link/Hardware/binary_container_1.xclbin",
    ),
    # Xilinx/AVED 5, alexforencich/verilog-ethernet 146
    (
        "XILINXD_LICENSE_FILE",
        "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or "
        "device 'xcv80'.",
    ),
    (
        "XILINXD_LICENSE_FILE",
        "WARNING: [Common 17-348] Failed to get the license for feature 'Synthesis' and/or device "
        "'xczu9eg'. Explanation: The license feature Synthesis could not be found.",
    ),
    # Xilinx/ACCL 186: v++ 2023.2; Xilinx/data-analytics 1: xocc
    (
        "PLATFORM_REPO_PATHS",
        "ERROR: [v++ 60-1258] No valid platform was found that matches "
        "'xilinx_u280_xdma_201920_3'. Please make sure that the platform is specified correctly, "
        "and the platform has the right version number. The platform repo paths are:",
    ),
    (
        "PLATFORM_REPO_PATHS",
        "ERROR: [XOCC 60-705] No platform was found that matches "
        "'xilinx:aws-vu9p-f1:4ddr-xpr-2pr:4.0'.",
    ),
    # pulp-platform/bender 361: Vivado 2025.2
    (
        "board.repoPaths",
        "ERROR: [Board 49-71] The board_part definition was not found for "
        "em.avnet.com:zed:part0:1.4. The project's board_part property was not set",
    ),
    # Digilent/vivado-boards 39: Vitis HLS 2020.1
    ("installer", "ERROR: [HLS 200-1023] Part 'xc7a35ticsg324-1L-i' is not installed."),
    # eugene-tarassov/vivado-risc-v 54: Vivado 2021.2
    (
        "too large",
        "ERROR: [DRC UTLZ-1] Resource utilization: LUT as Logic over-utilized in Top Level Design "
        "(This design requires more LUT as Logic cells than are available in the target device.",
    ),
    # hsharma35/dnnweaver2 13, chili-chips-ba/openeye-CamSI 33
    ("too large", "[Place 30-859] Some DSP area constraints are over utilized."),
    (
        "too large",
        "[Place 30-484] The packing of LUTRAM/SRL instances into capable slices could not be "
        "obeyed.",
    ),
    # firesim/aws-fpga-firesim 27; Vivado's words for congestion in several public notes of builds
    ("wires", "[Route 35-1] Design is not completely routed."),
    ("wires", "CRITICAL WARNING: [Route 35-162] 146948 signals failed to route due to routing "),
    ("wires", "WARNING: [Route 35-447] Congestion is preventing the router from routing all nets."),
    # fastmachinelearning/hls4ml 1013, 79
    (
        "reuse_factor",
        "ERROR: [XFORM 203-504] Stop unrolling loop 'Product1' "
        "(firmware/nnet_utils/nnet_dense_latency.h:37) in function 'nnet::dense_latency<",
    ),
    (
        "reuse_factor",
        "ERROR: [XFORM 203-103] Array 'mult.V' (hls4ml/nnet_utils/nnet_layer.h:56): partitioned "
        "elements number (2048) has exeeded the threshold (1024), which may cause long run-time.",
    ),
    # UIUC-ChenLab/ScaleHLS-HIDA 12, UCLA-VAST/Stream-HLS 2: Vitis HLS 2024.2
    (
        "dataflow",
        "ERROR: [HLS 200-997] Found unsupported dataflow constructs in function 'forward_node166' "
        "(resnet18_0324.cpp:4414): the loop (resnet18_0324.cpp:4419:22) has multiple exit points.",
    ),
    (
        "dataflow",
        "ERROR: [HLS 200-779] Non-shared array 'v94.3' failed dataflow checking: it can only have "
        "a single reader and a single writer.",
    ),
    # Xilinx/ACCL 186
    ("header", "ERROR: [HLS 207-812] 'ap_utils.h' file not found"),
    # doonny/PipeCNN 168: Vitis 2020.2
    (
        "link.cfg",
        "ERROR: [CFGEN 83-2291] --sc tag applied with invalid slave kernel instance: batchNorm_1",
    ),
    ("link.cfg", "ERROR: [SYSTEM_LINK 82-36] [23:37:29] cfgen failed"),
    # Xilinx/kria-vitis-platforms 1: 15 GB of memory
    (
        "memory",
        "/tools/Xilinx/Vivado/2020.2/bin/rdiArgs.sh: line 309: 3801495 Killed                  "
        '"$RDI_PROG" "$@"',
    ),
    # enjoy-digital/litex 24, alperyazar/EBox 10: Vivado 2024.1
    ("crashed", "Abnormal program termination (11)"),
    ("crashed", "# An unexpected error has occurred (11)"),
]


def remedy(line: str) -> str:
    """The first remedy whose sign matches, as a build and ``fpgac explain`` take it."""
    return next((hint for sign, hint in SIGNS.items() if re.search(sign, line)), "")


@pytest.mark.parametrize(("named", "line"), RECORDED)
def test_a_recorded_line_has_its_remedy(named: str, line: str) -> None:
    assert named in remedy(line)


def test_every_sign_but_the_system_s_own_is_in_a_recorded_line() -> None:
    lines = [line for _, line in RECORDED]
    unseen = [sign for sign in SIGNS if not any(re.search(sign, line) for line in lines)]
    assert unseen == ["[Nn]o space left on device"]


def test_grep_reads_the_signs_as_python_does() -> None:
    """The scripts of a build folder look for them with ``grep -E``."""
    text = "\n".join(line for _, line in RECORDED)
    for sign in SIGNS:
        done = subprocess.run(
            ["grep", "-nE", sign], input=text, capture_output=True, text=True, check=False
        )
        found = [int(hit.partition(":")[0]) for hit in done.stdout.splitlines()]
        lines = enumerate(text.splitlines(), 1)
        assert found == [number for number, line in lines if re.search(sign, line)], sign


@pytest.mark.parametrize(
    "line",
    [
        # What successful builds say.
        "INFO: [Common 17-349] Got license for feature 'Synthesis' and/or device 'xcku060'",
        "INFO: [v++ 60-791] Total elapsed time: 1h 2m 3s",
        "WARNING: [VPL 60-732] Link warning: No monitor points found for BD automation.",
    ],
)
def test_what_a_good_build_says_has_none(line: str) -> None:
    assert remedy(line) == ""
