"""A target's Tcl is run where neither Vivado nor HLS is, and judged by what they know."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.testing.tcl import tcl_errors, tool_of

PROJECT = "create_project p _x -part xc7z020clg400-1\ncreate_bd_design system\n"
GPIO = 'create_bd_cell -type ip -vlnv "xilinx.com:ip:axi_gpio:2.0" lamps\n'
HLS = """
open_project -reset p
set_top f
add_files f.cpp
open_solution -reset -flow_target vivado s
set_part xc7z020clg400-1
create_clock -period 10
source directives.tcl
csynth_design
export_design -format ip_catalog
exit
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "f.cpp").write_text("void f() {}\n")
    return tmp_path


def errors(folder: Path, more: Path | None = None, **scripts: str) -> dict[str, str]:
    for name, text in scripts.items():
        (folder / f"{name}.tcl").write_text(text)
    return tcl_errors([f"{name}.tcl" for name in scripts], folder, more)


def test_the_tool_is_the_one_whose_commands_a_script_calls() -> None:
    assert tool_of(HLS) == "hls"
    assert tool_of(PROJECT) == "vivado"
    assert tool_of("open_project p\n") == "vivado"


def test_a_script_runs_after_what_makes_its_ip(folder: Path) -> None:
    block_design = PROJECT + (
        "set_property ip_repo_paths [list p/s/impl/ip] [current_fileset]\nupdate_ip_catalog\n"
        "create_bd_cell -type ip -vlnv xilinx.com:hls:f:1.0 f_1\n"
    )
    directives = "set_directive_pipeline -II 1 f\n"
    assert errors(folder, a_vivado=block_design, hls=HLS, directives=directives) == {}


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (PROJECT + "create_bd_sell x\n", "there is no command create_bd_sell"),
        (PROJECT + "validate_bd_design -quickly\n", "validate_bd_design has no option -quickly"),
        (PROJECT + GPIO, "the IP catalogue has no xilinx.com:ip:axi_gpio:2.0"),
        (HLS.replace("source directives.tcl\nc", "c").replace("exit", ""), "does not exit"),
        (HLS.replace("source directives.tcl", "set_directive_unrol f"), "no command"),
        (PROJECT + "foreach x {a b\n", "missing close-brace"),
    ],
)
def test_what_the_tools_do_not_know_is_told(folder: Path, script: str, told: str) -> None:
    (complaint,) = errors(folder, script=script).values()
    assert told in complaint


KV260 = """
create_project -force p _x -part xck26-sfvc784-2LV-c
set_property board_part xilinx.com:kv260_som:part0:1.4 [current_project]
set_property board_connections \
    {som240_1_connector xilinx.com:kv260_carrier:som240_1_connector:1.3} [current_project]
create_bd_design system
create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e:3.5 zynq_ultra_ps_e_0
apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset 1} \
    [get_bd_cells zynq_ultra_ps_e_0]
"""


def test_a_module_on_its_carrier_is_known(folder: Path) -> None:
    """The KV260 is a K26 whose connectors Vivado must be told of, or its preset has no pins."""
    assert errors(folder, script=KV260) == {}


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("som240_1_connector xilinx.com", "xilinx.com", "pairs of a connector"),
        ("kv260_carrier:som240_1_connector:1.3", "kv260_carrier", "no vendor:board:connector"),
        ("board_part xil", "target_language xil", "board_connections before board_part"),
    ],
)
def test_a_carrier_that_is_none_is_told(folder: Path, right: str, wrong: str, told: str) -> None:
    assert right in KV260
    (complaint,) = errors(folder, script=KV260.replace(right, wrong)).values()
    assert told in complaint


def test_more_ip_and_commands_can_be_taught(folder: Path, tmp_path: Path) -> None:
    more = tmp_path / "more" / "gpio.tcl"
    more.parent.mkdir()
    more.write_text("""
        set versions(axi_gpio) 2.0
        set known(axi_gpio) {interfaces {S_AXI aximm 0} pins {s_axi_aclk clk 0}
            parameters {C_GPIO_WIDTH} spaces {} segments {S_AXI/Reg} automation {}}
        command write_lamps {-force} {-colour} 1 1 {}
    """)
    script = PROJECT + GPIO + "set_property CONFIG.C_GPIO_WIDTH 4 [get_bd_cells lamps]\n"
    assert errors(folder, more, script=f"{script}write_lamps -colour red all\n") == {}
    complaints = errors(folder, more, script=f"{script}write_lamps -color red all\n")
    assert "write_lamps has no option -color" in complaints["script.tcl"]


def test_without_tclsh_nothing_is_taken_for_good(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert "apt install tcl" in errors(folder, script=PROJECT)["script.tcl"]


def test_an_interface_of_the_carrier_is_connected_to_a_cell_that_is_there(folder: Path) -> None:
    connect = "apply_board_connection -board_interface ps -diagram system -ip_intf"
    dma = 'create_bd_cell -type ip -vlnv "xilinx.com:ip:axi_dma:7.1" dma\n'
    assert errors(folder, right=f"{PROJECT}{dma}{connect} dma/S_AXI_LITE\n") == {}
    (complaint,) = errors(folder, wrong=f"{PROJECT}{connect} dma/S_AXI_LITE\n").values()
    assert "apply_board_connection: there is no dma/S_AXI_LITE" in complaint
