"""Finding Vitis: on PATH first, then under XILINX_VITIS, and only one that says its version."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.build.toolchains import parse_version
from fpgac.errors import ToolchainError
from fpgac_targets.toolchains import find_vitis

BANNER = """\

****** v++ v{} (64-bit)
  **** SW Build 3363252 on 2021-10-14-04:41:01
    ** Copyright 1986-2020 Xilinx, Inc. All Rights Reserved.
"""


def vpp(folder: Path, script: str) -> Path:
    tool = folder / "bin" / "v++"
    tool.parent.mkdir(parents=True)
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return tool


def vpp_of(folder: Path, version: str) -> Path:
    return vpp(folder, f"cat <<'END'\n{BANNER.format(version)}END")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (BANNER.format("2019.2"), (2019, 2)),
        (BANNER.format("2021.2.1"), (2021, 2, 1)),
        ("v++ v2025.2 (64-bit)", (2025, 2)),
        ("no version", None),
        ("v20xx.1", None),
    ],
)
def test_versions_are_tuples_of_whole_numbers(text: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(text) == version


def test_path_comes_before_xilinx_vitis(tmp_path: Path) -> None:
    tool = vpp_of(tmp_path / "a", "2021.2")
    vpp_of(tmp_path / "b", "2020.1")
    environment = {"PATH": f"{tool.parent}:/usr/bin:/bin", "XILINX_VITIS": str(tmp_path / "b")}
    found = find_vitis(environment)
    assert (found.path, found.version) == (tool, (2021, 2))
    assert found.tool("emconfigutil") == str(tool.parent / "emconfigutil")


def test_xilinx_vitis_is_enough(tmp_path: Path) -> None:
    tool = vpp_of(tmp_path, "2020.1")
    found = find_vitis({"PATH": "/usr/bin:/bin", "XILINX_VITIS": str(tmp_path)})
    assert (found.path, found.version) == (tool, (2020, 1))


@pytest.mark.parametrize("environment", [{}, {"PATH": "/usr/bin:/bin"}, {"XILINX_VITIS": "/gone"}])
def test_no_vitis_tells_what_to_source(environment: dict[str, str]) -> None:
    with pytest.raises(ToolchainError, match=r"settings64\.sh") as caught:
        find_vitis(environment)
    assert caught.value.exit_code == 8


@pytest.mark.parametrize(
    "script", ["echo command not found >&2; exit 127", "exit 1", "echo v++ of some year"]
)
def test_a_vitis_that_does_not_say_its_version_is_refused(tmp_path: Path, script: str) -> None:
    vpp(tmp_path, script)
    with pytest.raises(ToolchainError) as caught:
        find_vitis({"PATH": "/usr/bin:/bin", "XILINX_VITIS": str(tmp_path)})
    assert [problem.code for problem in caught.value.problems] == ["toolchain.unknown-version"]
