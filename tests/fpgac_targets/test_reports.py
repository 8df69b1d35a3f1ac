"""Reports of AMD's tools, old and new: short excerpts of public ones, whose source stands above."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.errors import BuildError
from fpgac.plugins import Figure, ReportParser, Stage, load_plugins

PARSERS = load_plugins().parsers


def read(folder: Path, parser: str, name: str, text: str) -> list[Figure]:
    path = folder / name
    path.write_text(text)
    return list(PARSERS[parser].read(path))


def figures(*said: tuple[str, float, str], part: str, stage: Stage) -> list[Figure]:
    return [Figure(name, value, unit, part, stage) for name, value, unit in said]


# hls4ml's test/pytest/test_report/Vivado/myproject_csynth.xml (Apache 2.0): Vivado HLS 2020.1.
CSYNTH = """\
<profile>
<UserAssignments><TopModelName>myproject</TopModelName></UserAssignments>
<PerformanceEstimates>
<PipelineType>dataflow</PipelineType>
<SummaryOfTimingAnalysis><EstimatedClockPeriod>4.049</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<Best-caseLatency>10</Best-caseLatency>
<Worst-caseLatency>10</Worst-caseLatency>
<Interval-min>8</Interval-min>
<Interval-max>8</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates>
<Resources><BRAM_18K>0</BRAM_18K><DSP48E>73</DSP48E><FF>7969</FF><LUT>2532</LUT></Resources>
<AvailableResources><BRAM_18K>280</BRAM_18K><DSP48E>220</DSP48E><FF>106400</FF><LUT>53200</LUT>
</AvailableResources>
</AreaEstimates>
</profile>
"""


def test_hls_reports_the_top(tmp_path: Path) -> None:
    found = read(tmp_path, "hls synthesis", "csynth.xml", CSYNTH)
    assert found == [
        *figures(
            ("interval", 8, "cycles"),
            ("latency", 10, "cycles"),
            part="myproject",
            stage="estimated",
        ),
        Figure("BRAM_18K", 0, "", "myproject", "estimated", 280),
        Figure("DSP", 73, "", "myproject", "estimated", 220),
        Figure("FF", 7969, "", "myproject", "estimated", 106400),
        Figure("LUT", 2532, "", "myproject", "estimated", 53200),
        Figure("clock", 246.975, "MHz", "myproject", "estimated"),
    ]
    assert str(found[3]) == "myproject: DSP: 73 of 220 (estimated)"
    assert read(tmp_path, "hls synthesis", "myproject_csynth.xml", CSYNTH) == [], "the same again"


# The numbers of a loop of unknown length, by Vitis HLS 2025.2: lolbraa/HLS4ML_testbench_KV260,
# MNIST_CNN, store_result..._VITIS_LOOP_29_1_csynth.xml; the loop has our loop's name.
LOOP = """\
<profile>
<UserAssignments><TopModelName>compute_Pipeline_compute_samples</TopModelName></UserAssignments>
<PerformanceEstimates>
<SummaryOfOverallLatency>
<Worst-caseLatency>undef</Worst-caseLatency>
<Interval-max>0</Interval-max>
</SummaryOfOverallLatency>
<SummaryOfLoopLatency>
<compute_samples>
<TripCount>undef</TripCount>
<Latency>undef</Latency>
<PipelineII>10</PipelineII>
<PipelineDepth>13</PipelineDepth>
</compute_samples>
</SummaryOfLoopLatency>
</PerformanceEstimates>
</profile>
"""


def test_the_loop_over_samples_has_interval_and_depth_though_its_latency_is_unknown(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, "hls synthesis", "compute_Pipeline_compute_samples_csynth.xml", LOOP)
    expected = ("interval", 10, "cycles"), ("latency", 13, "cycles")
    assert found == figures(*expected, part="compute_samples", stage="estimated")


# Vitis HLS names the body of a dataflow loop after the loop's label, and numbers it where there are
# several. Public builds: axiotisk/Vitis_Accel_Projects, an hls4ml kernel, has
# dataflow_in_loop_VITIS_LOOP_15_1 (the label that HLS gives); zhaokang-lab/HeteroSVD has
# dataflow_in_loop_VITIS_LOOP_220_2_1; on an AWS F1, rendering_dataflow_in_loop_TRIANGLES is of a
# loop with the label TRIANGLES.
@pytest.mark.parametrize("suffix", ["", "_1"])
def test_a_dataflow_loop_reports_in_a_module_of_its_own(tmp_path: Path, suffix: str) -> None:
    module = f"dataflow_in_loop_compute_samples{suffix}"
    text = CSYNTH.replace(">myproject<", f">{module}<")
    found = read(tmp_path, "hls synthesis", f"{module}_csynth.xml", text)
    expected = ("interval", 8, "cycles"), ("latency", 10, "cycles")
    assert found == figures(*expected, part="compute_samples", stage="estimated")


# edalize's tests/test_reporting/data/picorv32/vivado-kintex_usp (BSD 2-Clause): Vivado 2019.2.
UTILISATION = """\
| Command      : report_utilization -file top_utilization_placed.rpt -pb top_utilization_placed.pb
| Design State : Fully Placed
+----------------------------+------+-------+-----------+-------+
|          Site Type         | Used | Fixed | Available | Util% |
+----------------------------+------+-------+-----------+-------+
| CLB LUTs                   |  999 |     0 |    162720 |  0.61 |
|   LUT as Logic             |  944 |     0 |    162720 |  0.58 |
| CLB Registers              |  920 |     0 |    325440 |  0.28 |
+----------------------------+------+-------+-----------+-------+
|                  Site Type                 | Used | Fixed | Available | Util% |
| CLB Registers                              |  920 |     0 |    325440 |  0.28 |
|    Site Type   | Used | Fixed | Available | Util% |
| Block RAM Tile |    0 |     0 |       360 |  0.00 |
| URAM           |    0 |     0 |        48 |  0.00 |
| Site Type | Used | Fixed | Available | Util% |
| DSPs      |    0 |     0 |      1368 |  0.00 |
"""


def test_vivado_s_utilisation_counts_a_tile_of_block_ram_as_two(tmp_path: Path) -> None:
    found = read(tmp_path, "vivado utilisation", "utilization.rpt", UTILISATION)
    assert found == [
        Figure("LUT", 999, "", "device", "routed", 162720),
        Figure("FF", 920, "", "device", "routed", 325440),
        Figure("BRAM_18K", 0, "", "device", "routed", 720),
        Figure("URAM", 0, "", "device", "routed", 48),
        Figure("DSP", 0, "", "device", "routed", 1368),
    ]


def test_the_utilisation_of_an_ip_is_not_the_device_s(tmp_path: Path) -> None:
    assert read(tmp_path, "vivado utilisation", "ip_utilization_synth.rpt", UTILISATION) == []


def test_newer_tools_have_a_column_more_and_older_ones_slices(tmp_path: Path) -> None:
    newer = (
        UTILISATION.replace("| Available |", "| Prohibited | Available |")
        .replace("|     0 |    ", "|     0 |          0 |    ")
        .replace("CLB", "Slice")
        .replace("Slice LUTs ", "Slice LUTs*")
    )
    found = read(tmp_path, "vivado utilisation", "utilization.rpt", newer)
    assert [(figure.name, figure.value, figure.available) for figure in found[:2]] == [
        ("LUT", 999, 162720),
        ("FF", 920, 325440),
    ]


# Gabriele-bot/ALVEO-PYNQ_ML, Qkeras_pruned_CNN, kernel_util_routed.rpt: Vitis 2020.1 for a U50.
KERNELS = """\
| Name                | LUT              | LUTAsMem         | REG               | BRAM           | URAM          | DSP            |
| Platform            | 100228 [ 11.52%] |   8473 [  2.11%] |  123405 [  7.09%] |  178 [ 13.24%] |   0 [  0.00%] |    4 [  0.07%] |
| User Budget         | 769788 [100.00%] | 393543 [100.00%] | 1616627 [100.00%] | 1166 [100.00%] | 640 [100.00%] | 5936 [100.00%] |
|    Used Resources   |  22620 [  2.94%] |    559 [  0.14%] |   28711 [  1.78%] |   42 [  3.60%] |   0 [  0.00%] |   10 [  0.17%] |
"""  # noqa: E501


def test_v_plus_plus_tells_what_kernels_take_of_their_share(tmp_path: Path) -> None:
    found = read(tmp_path, "kernel utilisation", "kernel_util_routed.rpt", KERNELS)
    assert found == [
        Figure("LUT", 22620, "", "kernels", "routed", 769788),
        Figure("FF", 28711, "", "kernels", "routed", 1616627),
        Figure("BRAM_18K", 84, "", "kernels", "routed", 2332),
        Figure("URAM", 0, "", "kernels", "routed", 640),
        Figure("DSP", 10, "", "kernels", "routed", 5936),
    ]


# edalize, as above.
TIMING = """\
| Design Timing Summary
| ---------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------  -------------------     --------     --------  ----------------------  --------------------
      0.184        0.000                      0                 2374        0.033        0.000                      0                 2374        1.968        0.000                       0                  1024

All user specified timing constraints are met.
"""  # noqa: E501


def test_vivado_s_timing_has_three_slacks(tmp_path: Path) -> None:
    found = read(tmp_path, "vivado timing", "timing_summary.rpt", TIMING)
    said = (
        ("worst setup slack", 0.184, "ns"),
        ("worst hold slack", 0.033, "ns"),
        ("worst pulse width slack", 1.968, "ns"),
    )
    assert found == figures(*said, part="device", stage="routed")


# Liu-Zhiheng/hls4ml-pynqz2-vivado2019-2-results, vivado_power_routed.rpt: Vivado 2019.2.
POWER = """\
| Total On-Chip Power (W)  | 1.492        |
| Design Power Budget (W)  | Unspecified* |
| Dynamic (W)              | 1.355        |
"""


def test_vivado_s_power(tmp_path: Path) -> None:
    found = read(tmp_path, "vivado power", "power.rpt", POWER)
    said = ("power", 1.492, "W"), ("dynamic power", 1.355, "W")
    assert found == figures(*said, part="device", stage="routed")


# Xilinx/Vitis_Accel_Examples, README of array_partition: the latency of matmul.
ESTIMATE = """\
Latency Information
Compute Unit  Kernel Name  Module Name  Start Interval  Best (cycles)  Avg (cycles)  Worst (cycles)  Best (absolute)  Avg (absolute)  Worst (absolute)
------------  -----------  -----------  --------------  -------------  ------------  --------------  ---------------  --------------  ----------------
matmul_1      matmul       matmul       2856 ~ 2859     2855           2857          2858            9.516 us         9.522 us        9.526 us

Area Information
Compute Unit  Kernel Name  Module Name  FF  LUT  DSP  BRAM  URAM
------------  -----------  -----------  --  ---  ---  ----  ----
-------------------------------------------------------------------------------
"""  # noqa: E501


def test_v_plus_plus_s_estimate_may_have_a_range_and_no_area(tmp_path: Path) -> None:
    found = read(tmp_path, "system estimate", "system_estimate_x.xtxt", ESTIMATE)
    said = ("interval", 2859, "cycles"), ("latency", 2858, "cycles")
    assert found == figures(*said, part="matmul", stage="estimated")


# Gabriele-bot/ALVEO-PYNQ_ML, as above, myproject_kernel.xclbin.info.
INFO = """\
Clocks
------
   Name:      hbm_aclk
   Index:     0
   Type:      SYSTEM
   Frequency: 450 MHz

   Name:      DATA_CLK
   Index:     2
   Type:      DATA
   Frequency: 300 MHz
"""


def test_an_xclbin_s_info_has_its_clocks(tmp_path: Path) -> None:
    found = read(tmp_path, "xclbin info", "muon.xclbin.info", INFO)
    assert [(figure.part, figure.value) for figure in found] == [
        ("hbm_aclk", 450),
        ("DATA_CLK", 300),
    ]


@pytest.mark.parametrize("parser", PARSERS.values(), ids=lambda parser: parser.name)
def test_what_is_no_such_report_is_told(tmp_path: Path, parser: ReportParser) -> None:
    path = tmp_path / "utilization.rpt"
    path.write_text("nothing that fpgac knows")
    with pytest.raises(BuildError) as caught:
        parser.read(path)
    assert [problem.code for problem in caught.value.problems] == ["build.unknown-report"]
