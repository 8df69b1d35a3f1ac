"""Platforms and board files where AMD's tools look for them; a build that lacks its platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.errors import ToolchainError
from fpgac.plugins import load_plugins
from fpgac_targets.platforms import board_files, vitis_platforms
from tests.fpgac_targets.conftest import InstallVitis
from tests.fpgac_targets.tools import tools

PLUGINS = load_plugins()
U55C = "xilinx_u55c_gen3x16_xdma_3_202210_1"

# As TUL's file in AMD's XilinxBoardStore begins and ends, without its interfaces and pins.
BOARD = """\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<board schema_version="2.0" vendor="tul.com.tw" name="pynq-z2" display_name="pynq-z2" url="x">
  <file_version>1.0</file_version>
  <components>
    <component name="part0" display_name="xc7z020" type="fpga" part_name="xc7z020clg400-1"/>
    <component name="btns_4bits" display_name="4 Buttons" type="chip"/>
  </components>
</board>
"""


def platform(folder: Path, name: str) -> Path:
    file = folder / name / f"{name}.xpfm"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def test_platforms_are_found_in_repositories_and_in_vitis_itself(tmp_path: Path) -> None:
    tool = tmp_path / "vitis/bin/v++"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    mine = platform(tmp_path / "mine", U55C)
    platform(tmp_path / "vitis/platforms", U55C)
    base = platform(tmp_path / "vitis/base_platforms", "xilinx_zcu102_base_202220_1")
    environment = {
        "PATH": str(tool.parent),
        "PLATFORM_REPO_PATHS": f"{tmp_path / 'gone'}:{tmp_path / 'mine'}",
    }
    found = vitis_platforms(environment)
    assert (found[U55C], found[base.stem]) == (mine, base)


def test_board_files_are_found_by_the_name_that_vivado_gives_them(tmp_path: Path) -> None:
    store = tmp_path / ".Xilinx/Vivado/2022.1/xhub/board_store/boards/TUL/pynq-z2/1.0"
    store.mkdir(parents=True)
    (store / "board.xml").write_text(BOARD)
    (store.parent / "board.xml").write_text("<board")
    found = board_files({"HOME": str(tmp_path)})
    assert found == {"tul.com.tw:pynq-z2:part0:1.0": store / "board.xml"}
    assert PLUGINS.target("pynq-z2").board.platforms[0] in found


def test_a_card_without_its_platform_is_not_built_for(
    install_vitis: InstallVitis, tmp_path: Path
) -> None:
    environment = install_vitis(version="2022.2").environment()
    target = PLUGINS.target("alveo-u55c")
    assert target.toolchain(tools(environment)).platform == U55C
    platform(tmp_path / "others", "xilinx_u280_gen3x16_xdma_1_202211_1")
    environment["PLATFORM_REPO_PATHS"] = str(tmp_path / "others")
    with pytest.raises(ToolchainError) as caught:
        target.toolchain(tools(environment))
    (problem,) = caught.value.problems
    assert problem.code == "toolchain.no-platform"
    assert str(tmp_path / "others") in problem.expected
    assert problem.got == "xilinx_u280_gen3x16_xdma_1_202211_1"


def test_a_platform_by_its_path_must_be_there(install_vitis: InstallVitis) -> None:
    environment = install_vitis().environment(AWS_PLATFORM="/gone/f1.xpfm")
    with pytest.raises(ToolchainError) as caught:
        PLUGINS.target("aws-f1").toolchain(tools(environment))
    (problem,) = caught.value.problems
    assert (problem.code, problem.got) == ("toolchain.no-platform", "/gone/f1.xpfm")
