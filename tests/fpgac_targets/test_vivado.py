"""Zynq boards: the design's Tcl and scripts, run with a Vivado that knows its own commands.

``vivado_shim.tcl`` stands for Vivado and Vitis HLS: it refuses commands, options, properties, pins
and connections that they do not have, and records the others.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fpgac.build.runner import run_plan
from fpgac.errors import BuildError, TargetError, ToolchainError
from fpgac.plugins import Core, Design, FixedPoint, Port, Target
from fpgac.testing import SHIM
from fpgac_targets.pynq_z2 import PynqZ2
from fpgac_targets.zcu102 import Zcu102
from tests.design.cores import SEVERAL
from tests.fpgac_targets.tools import planned, tools

if TYPE_CHECKING:
    from tests.fpgac_targets.conftest import MakeDesign, WriteDesign

BOARDS = [PynqZ2(), Zcu102()]
PS = {"pynq-z2": "processing_system7_0", "zcu102": "zynq_ultra_ps_e_0"}


@dataclass(frozen=True)
class FakeVivado:
    """The tools of one version in ``folder/bin``, around the shim."""

    folder: Path
    version: str = "2022.2"

    def install(self) -> FakeVivado:
        """Write the tools."""
        modern = tuple(map(int, self.version.split("."))) >= (2025, 1)
        shim = f'exec tclsh "{SHIM}"'
        drivers = (
            {"vitis-run": f'[ "$1 $2 $3" = "--mode hls --tcl" ] || exit 9\n{shim} hls "$4"'}
            if modern
            else {"vitis_hls": f'[ "$1" = "-f" ] || exit 9\n{shim} hls "$2"'}
        )
        banner = f"echo 'vivado v{self.version} (64-bit)'"
        vivado = (
            f'if [ "$1" = -version ]; then {banner}; exit 0; fi\n'
            "while [ $# -gt 1 ]; do\n"
            '    if [ "$1" = -source ]; then script=$2; fi\n    shift\ndone\n'
            f'{shim} vivado "$script"'
        )
        (self.folder / "bin").mkdir(parents=True)
        for name, text in {"vivado": vivado, **drivers}.items():
            tool = self.folder / "bin" / name
            tool.write_text(f"#!/bin/sh\n{text}\n")
            tool.chmod(0o755)
        return self

    def environment(self, **more: str) -> dict[str, str]:
        """An environment with the tools on PATH, and where the shim records."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {"PATH": path, "SHIM_RECORD": str(self.folder / "record"), **more}

    @property
    def calls(self) -> list[list[str]]:
        """The commands that the tools were given, in words."""
        record = self.folder / "record"
        if not record.exists():
            return []
        return [call.split("\x1f") for call in record.read_text().split("\x1e")[:-1]]


Install = Callable[..., FakeVivado]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    def at(version: str = "2022.2") -> FakeVivado:
        return FakeVivado(tmp_path / "xilinx", version).install()

    return at


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def target(request: pytest.FixtureRequest) -> Target[Any]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def muon(design: MakeDesign, target: Target[Any]) -> Design:
    return design(target=target, clock_mhz=150.0)


@pytest.fixture
def folder(muon: Design, write: WriteDesign, tmp_path: Path) -> Path:
    return write(muon, tmp_path / "a build folder")


def build(
    folder: Path, environment: dict[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/build.sh", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def recorded(folder: Path, vivado: FakeVivado) -> list[list[str]]:
    done = build(folder, vivado.environment())
    assert done.returncode == 0, done.stdout + done.stderr
    return vivado.calls


def settings(calls: list[list[str]], cell: str) -> dict[str, str]:
    """All that was set of a cell."""
    found: dict[str, str] = {}
    for call in calls:
        if call[0] == "set_property" and call[-1] == cell:
            words = call[2].split()
            found |= dict(zip(words[::2], words[1::2], strict=True))
    return found


VERSION = {"pynq-z2": "2022.2", "zcu102": "2023.2"}


@pytest.fixture
def calls(folder: Path, target: Target[Any], install: Install) -> list[list[str]]:
    return recorded(folder, install(VERSION[target.name]))


def test_the_clock_of_the_spec_reaches_hls_and_the_processing_system(
    calls: list[list[str]], target: Target[Any]
) -> None:
    assert ["create_clock", "-period", "6.667", "-name", "default"] in calls
    clock = {
        "pynq-z2": "CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ",
        "zcu102": "CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ",
    }[target.name]
    assert settings(calls, PS[target.name])[clock] == "150"


def test_part_and_board_are_the_board_file_s(calls: list[list[str]], target: Target[Any]) -> None:
    board = target.board
    assert ["set_part", board.part] in calls
    assert ["create_project", "-force", "muon", "_x/hw/vivado", "-part", board.part] in calls
    assert ["set_property", "board_part", board.platforms[0], "project"] in calls


def test_the_dma_is_simple_and_as_wide_as_the_streams(calls: list[list[str]]) -> None:
    found = settings(calls, "axi_dma_0")
    assert found["CONFIG.c_include_sg"] == "0"
    assert found["CONFIG.c_sg_length_width"] == "26"
    assert found["CONFIG.c_m_axis_mm2s_tdata_width"] == "64", "27 words of 16 bits: 7 of 64"
    assert found["CONFIG.c_s_axis_s2mm_tdata_width"] == "32", "one word of 32 bits"


def test_streams_go_through_the_kernel_and_memory_through_the_dma(
    calls: list[list[str]], target: Target[Any]
) -> None:
    system = PS[target.name]
    wires = {(call[1], call[2]) for call in calls if call[0] == "connect_bd_intf_net"}
    port, master = {
        "pynq-z2": ("S_AXI_HP0", "M_AXI_GP0"),
        "zcu102": ("S_AXI_HP0_FPD", "M_AXI_HPM0_FPD"),
    }[target.name]
    assert wires == {
        ("axi_dma_0/M_AXIS_MM2S", "muon_1/x"),
        ("muon_1/y", "axi_dma_0/S_AXIS_S2MM"),
        (f"{system}/{master}", "control_interconnect/S00_AXI"),
        ("control_interconnect/M00_AXI", "muon_1/s_axi_control"),
        ("control_interconnect/M01_AXI", "axi_dma_0/S_AXI_LITE"),
        ("axi_dma_0/M_AXI_MM2S", "memory_interconnect/S00_AXI"),
        ("axi_dma_0/M_AXI_S2MM", "memory_interconnect/S01_AXI"),
        ("memory_interconnect/M00_AXI", f"{system}/{port}"),
    }


def test_one_clock_drives_all_logic(calls: list[list[str]], target: Target[Any]) -> None:
    clock = f"{PS[target.name]}/" + {"pynq-z2": "FCLK_CLK0", "zcu102": "pl_clk0"}[target.name]
    driven = {call[2] for call in calls if call[0] == "connect_bd_net" and call[1] == clock}
    assert {"muon_1/ap_clk", "axi_dma_0/m_axi_mm2s_aclk", "reset/slowest_sync_clk"} < driven
    assert len(driven) == 9


def test_addresses_are_those_of_the_hardware_handoff(
    calls: list[list[str]], target: Target[Any]
) -> None:
    assigned = [call for call in calls if call[0] == "assign_bd_address"]
    found = {(call[7], call[8]): (int(call[2], 0), int(call[4])) for call in assigned}
    system = PS[target.name]
    first = {"pynq-z2": 0x4000_0000, "zcu102": 0xA000_0000}[target.name]
    memory = {"pynq-z2": "S_AXI_HP0/HP0_DDR_LOWOCM", "zcu102": "SAXIGP2/HP0_DDR_LOW"}[target.name]
    size = {"pynq-z2": 512 << 20, "zcu102": 2 << 30}[target.name]
    assert found == {
        (f"{system}/Data", "muon_1/s_axi_control/Reg"): (first, 0x1_0000),
        (f"{system}/Data", "axi_dma_0/S_AXI_LITE/Reg"): (first + 0x1_0000, 0x1_0000),
        ("axi_dma_0/Data_MM2S", f"{system}/{memory}"): (0, size),
        ("axi_dma_0/Data_S2MM", f"{system}/{memory}"): (0, size),
    }


def test_the_run_is_awaited_without_a_limit_and_judged(calls: list[list[str]]) -> None:
    names = [call[0] for call in calls]
    assert names.index("validate_bd_design") < names.index("launch_runs")
    assert ["wait_on_run", "impl_1"] in calls
    after = calls[names.index("wait_on_run") :]
    for figure in ("PROGRESS", "STATUS", "STATS.WNS", "STATS.WHS", "STATS.TPWS"):
        assert ["get_property", figure, "impl_1"] in after


def test_a_build_leaves_bitstream_handoff_and_reports(folder: Path, calls: list[list[str]]) -> None:
    assert calls
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"out/hw/muon.bit", "out/hw/muon.hwh", "reports/hw/utilization.rpt"} <= made
    assert {"reports/hw/timing_summary.rpt", "reports/hw/power.rpt"} <= made


TROUBLE = [
    pytest.param({"SHIM_WNS": "-0.1"}, "ask for a slower clock", id="timing"),
    pytest.param({"SHIM_NO_BOARD": "1"}, "install the board's files", id="board files"),
    pytest.param({"SHIM_PROGRESS": "60%"}, "", id="progress"),
    pytest.param({"SHIM_STATUS": "route_design ERROR"}, "", id="status"),
    pytest.param({"SHIM_NO_IP": "1"}, "", id="no IP"),
]


@pytest.mark.parametrize(("trouble", "remedy"), TROUBLE)
def test_build_sh_does_not_believe_a_failed_build(
    folder: Path, target: Target[Any], install: Install, trouble: dict[str, str], remedy: str
) -> None:
    (folder / "out/hw").mkdir(parents=True)
    (folder / "out/hw/muon.bit").write_text("of an earlier build")
    os.utime(folder / "out/hw/muon.bit", (0, 0))
    done = build(folder, install(VERSION[target.name]).environment(**trouble))
    assert done.returncode == 1
    assert "failed; the log is logs/hw-" in done.stderr
    assert remedy in done.stderr
    assert not (folder / "out/hw/muon.hwh").exists()


@pytest.mark.parametrize(("trouble", "remedy"), TROUBLE)
def test_the_plan_does_not_believe_a_failed_build(
    muon: Design,
    folder: Path,
    target: Target[Any],
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    trouble: dict[str, str],
    remedy: str,
) -> None:
    vivado = install(VERSION[target.name])
    for name, value in vivado.environment(**trouble).items():
        monkeypatch.setenv(name, value)
    plan = planned(target, muon, "hw", dict(os.environ))
    with pytest.raises(BuildError) as caught:
        run_plan(plan, folder, {})
    assert remedy in str(caught.value)
    assert not (folder / "out/hw/muon.bit").exists()


@pytest.mark.parametrize("version", ["2023.1", "2024.2", "2025.1", "2025.2"])
def test_the_plan_drives_hls_as_its_version_wants(
    muon: Design,
    folder: Path,
    target: Target[Any],
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
) -> None:
    vivado = install(version)
    for name, value in vivado.environment().items():
        monkeypatch.setenv(name, value)
    records = run_plan(planned(target, muon, "hw", dict(os.environ)), folder, {})
    assert list(records) == ["hw: hls", "hw: vivado"]
    assert (folder / "out/hw/muon.bit").is_file()
    assert ["export_design", "-format", "ip_catalog"] in vivado.calls


def test_build_sh_drives_the_hls_of_2025_as_well(folder: Path, install: Install) -> None:
    done = build(folder, install("2025.1").environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("built out/hw/muon.bit\n")


def test_every_input_of_the_plan_is_in_the_design_or_made_before(
    muon: Design, target: Target[Any], install: Install
) -> None:
    plan = planned(target, muon, "hw", install(VERSION[target.name]).environment())
    there = set(muon.files)
    for step in plan.steps:
        assert set(step.inputs) <= there
        there |= set(step.outputs)
    assert {"out/hw/muon.bit", "out/hw/muon.hwh"} <= there


def test_there_is_no_hardware_emulation(
    muon: Design, target: Target[Any], folder: Path, install: Install
) -> None:
    vivado = install(VERSION[target.name])
    with pytest.raises(TargetError, match="emulation or hw"):
        planned(target, muon, "hw_emu", vivado.environment())
    done = build(folder, vivado.environment(), "hw_emu")
    assert "there is no mode 'hw_emu'" in done.stderr
    assert vivado.calls == []


def test_a_version_that_does_not_know_the_board_is_refused(
    folder: Path, target: Target[Any], install: Install
) -> None:
    vivado = install("2019.2")
    with pytest.raises(ToolchainError, match=r"Vivado 2019\.2 does not know"):
        target.toolchain(tools(vivado.environment()))
    assert "install and source Vivado" in build(folder, vivado.environment()).stderr


def test_without_tools_the_error_says_what_to_do(target: Target[Any], tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match=r"settings64\.sh"):
        target.toolchain(tools({"PATH": str(tmp_path)}))
    lonely = FakeVivado(tmp_path / "xilinx").install()
    (lonely.folder / "bin" / "vitis_hls").unlink()
    with pytest.raises(ToolchainError, match="vitis_hls, of AMD's Vitis HLS, was not found"):
        target.toolchain(tools({"PATH": str(lonely.folder / "bin")}))


def test_hls_may_lie_in_a_folder_of_its_own(target: Target[Any], tmp_path: Path) -> None:
    whole = FakeVivado(tmp_path / "xilinx", "2023.2").install()
    (tmp_path / "hls/bin").mkdir(parents=True)
    shutil.move(whole.folder / "bin/vitis_hls", tmp_path / "hls/bin/vitis_hls")
    environment = {"PATH": "/usr/bin:/bin", "XILINX_VIVADO": str(whole.folder)}
    found = target.toolchain(tools(environment | {"XILINX_HLS": str(tmp_path / "hls")}))
    assert found.tool("vitis_hls") == str(tmp_path / "hls/bin/vitis_hls")
    assert found.tool("vivado") == str(whole.folder / "bin/vivado")


def test_shellcheck_finds_nothing(folder: Path) -> None:
    checker = shutil.which("shellcheck")
    assert checker, "shellcheck belongs to the packages of a test machine"
    done = subprocess.run(
        [checker, "--severity=style", "scripts/build.sh"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_what_zynq_boards_lack_is_refused_with_what_there_is(target: Target[Any]) -> None:
    with pytest.raises(TargetError) as caught:
        target.options({"hosts": ["opencl"], "compute_units": 2})
    host, units = map(str, caught.value.problems)
    assert f"{target.name} offers no host 'opencl'" in host
    assert "some of pynq" in host
    assert "its DMAs feed one kernel" in units


def test_the_design_names_what_it_needs_and_is_the_same_each_time(
    design: MakeDesign, target: Target[Any]
) -> None:
    first, second = (design(target=target, clock_mhz=150.0) for _ in range(2))
    assert first.digest == second.digest
    assert {
        "README.md",
        "emulation/contract.json",
        "emulation/muon.hwh",
        "hosts/pynq/muon_host.py",
        "kernel/firmware/tiny.cpp",
        "kernel/src/muon_kernel.cpp",
        "scripts/Makefile",
        "scripts/build.sh",
        "scripts/hls.tcl",
        "scripts/vivado.tcl",
    } <= set(first.files)
    readme = first.files["README.md"].content.decode()
    assert target.board.platforms[0] in readme
    assert "1,198,372 samples" in readme, "one transfer of 2^26 - 1 bytes, at 56 bytes a sample"


def test_a_description_that_wants_to_break_out_is_harmless(
    design: MakeDesign, target: Target[Any], write: WriteDesign, tmp_path: Path, install: Install
) -> None:
    nasty = "it's $(id) `id` [exit 7] \"; $::env(HOME) \\ } {\n*/ #"
    made = design(target=target, clock_mhz=150.0, description=nasty)
    folder = write(made, tmp_path / "nasty")
    assert recorded(folder, install(VERSION[target.name]))


def test_a_folder_with_an_evil_path_is_no_command(
    design: MakeDesign, target: Target[Any], write: WriteDesign, tmp_path: Path, install: Install
) -> None:
    folder = write(design(target=target, clock_mhz=150.0), tmp_path / "a'`touch${IFS}broken`'b")
    assert recorded(folder, install(VERSION[target.name]))
    done = subprocess.run(
        ["make", "-n", "-f", str(folder / "scripts/Makefile"), "clean"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "touch" not in done.stdout
    assert list(tmp_path.rglob("broken")) == []


def test_narrow_streams_keep_the_dma_s_memory_port_at_32_bits(
    target: Target[Any], write: WriteDesign, tmp_path: Path, install: Install
) -> None:
    byte = FixedPoint.parse("ap_ufixed<8,8>")
    narrow = Core(
        top="tiny",
        io_type="io_parallel",
        inputs=(Port("x", (1,), byte, "input_t", 1),),
        outputs=(Port("y", (1,), byte, "result_t", 1),),
        initiation_interval=1,
        clock_mhz=100.0,
        files={"tiny.cpp": b"// the network\n", "tiny.h": b""},
        digest="c0de" * 16,
    )
    folder = write(target.design("byte", narrow, target.options({})), tmp_path / "narrow")
    found = settings(recorded(folder, install(VERSION[target.name])), "axi_dma_0")
    assert found["CONFIG.c_m_axis_mm2s_tdata_width"] == "8"
    assert found["CONFIG.c_m_axi_mm2s_data_width"] == "32"


# Wires of streams, and the DMAs' parameters that switch off what is not there.
STREAMS = {
    "two and two": (
        {
            ("axi_dma_0/M_AXIS_MM2S", "tiny_1/x_track"),
            ("axi_dma_1/M_AXIS_MM2S", "tiny_1/x_calo"),
            ("tiny_1/y_charge", "axi_dma_0/S_AXIS_S2MM"),
            ("tiny_1/y_p_t", "axi_dma_1/S_AXIS_S2MM"),
        },
        ["11", "11"],
    ),
    "three and one": (
        {
            ("axi_dma_0/M_AXIS_MM2S", "tiny_1/x_a"),
            ("axi_dma_1/M_AXIS_MM2S", "tiny_1/x_b"),
            ("axi_dma_2/M_AXIS_MM2S", "tiny_1/x_c"),
            ("tiny_1/y", "axi_dma_0/S_AXIS_S2MM"),
        },
        ["11", "10", "10"],
    ),
    "one and three": (
        {
            ("axi_dma_0/M_AXIS_MM2S", "tiny_1/x"),
            ("tiny_1/y_u", "axi_dma_0/S_AXIS_S2MM"),
            ("tiny_1/y_v", "axi_dma_1/S_AXIS_S2MM"),
            ("tiny_1/y_w", "axi_dma_2/S_AXIS_S2MM"),
        },
        ["11", "01", "01"],
    ),
}


@pytest.mark.parametrize("case", STREAMS)
def test_several_streams_go_through_a_dma_a_pair(
    case: str, target: Target[Any], write: WriteDesign, tmp_path: Path, install: Install
) -> None:
    """Vivado, as far as the shim is one, refuses what is connected twice or not at all."""
    core = replace(SEVERAL[case], clock_mhz=150.0)
    made = target.design("tiny", core, target.options({}))
    calls = recorded(write(made, tmp_path / "several"), install(VERSION[target.name]))
    streams, included = STREAMS[case]
    wires = {(call[1], call[2]) for call in calls if call[0] == "connect_bd_intf_net"}
    assert streams == {wire for wire in wires if "AXIS" in "".join(wire)}
    for place, directions in enumerate(included):
        found = settings(calls, f"axi_dma_{place}")
        switches = [found[f"CONFIG.c_include_{kind}"] for kind in ("mm2s", "s2mm")]
        assert "".join(switches) == directions


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("create_bd_cells x", "there is no command create_bd_cells"),
        ("get_bd_pins axi_dma_0/aclk", "get_bd_pins: there is no axi_dma_0/aclk"),
        ("validate_bd_design -quickly", "validate_bd_design has no option -quickly"),
        ("set_property CONFIG.c_width 8 axi_dma_0", "has no property CONFIG.c_width"),
        ("connect_interface axi_dma_0/M_AXIS_MM2S muon_1/y", "cannot drive muon_1/y"),
        ("assign_address axi_dma_0/Data_MM2S muon_1/s_axi_control/Reg 0 65536", "overlaps"),
    ],
)
def test_the_shim_refuses_what_vivado_does_not_know(
    design: MakeDesign,
    write: WriteDesign,
    tmp_path: Path,
    install: Install,
    line: str,
    told: str,
) -> None:
    folder = write(design(target=PynqZ2(), clock_mhz=150.0), tmp_path / "build")
    script = folder / "scripts/vivado.tcl"
    text = script.read_text()
    assert "\nvalidate_bd_design\n" in text
    script.write_text(text.replace("\nvalidate_bd_design\n", f"\n{line}\nvalidate_bd_design\n"))
    done = build(folder, install().environment())
    assert done.returncode == 1
    assert told in done.stdout
