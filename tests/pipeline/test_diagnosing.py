"""What ``fpgac doctor`` finds in an environment of a test's own, and what targets lack there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.errors import TargetError
from fpgac.pipeline.diagnosing import Diagnosis, Finding, diagnose
from fpgac.plain import to_plain
from fpgac.plugins import Plugins, load_plugins
from tests.fpgac_targets.conftest import FakeVitis

U55C = "xilinx_u55c_gen3x16_xdma_3_202210_1"
NOTHING = {"PATH": "/nowhere"}


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins()


@pytest.fixture
def vitis(tmp_path: Path) -> FakeVitis:
    return FakeVitis(tmp_path / "vitis", version="2022.2").install()


def finding(found: Diagnosis, name: str) -> Finding:
    (one,) = (each for each in found.findings if each.name == name)
    return one


def test_a_vitis_serves_the_boards_that_know_its_version(
    plugins: Plugins, vitis: FakeVitis
) -> None:
    found = diagnose(plugins, environment=vitis.environment())
    tool = finding(found, "Vitis")
    assert tool.found == f"2022.2, {vitis.folder / 'bin/v++'}"
    assert "alveo-u55c" in tool.enables
    assert "aws-f1" in tool.hint, "F1's tools end with 2021.2"
    assert U55C in finding(found, "Vitis's platforms").found
    ready = {each.target.name for each in found.targets if not each.hardware}
    assert {"alveo-u50", "alveo-u55c"} <= ready
    assert not {"aws-f1", "pynq-z2"} & ready


def test_without_tools_each_target_says_what_it_lacks(plugins: Plugins) -> None:
    found = diagnose(plugins, "zcu102", NOTHING)
    assert [(each.flow, each.hardware[0].code) for each in found.targets] == [
        ("vivado", "toolchain.not-found"),
        ("vitis", "toolchain.not-found"),
    ]
    assert finding(found, "Vivado").found == ""
    assert "settings64.sh" in finding(found, "Vivado").hint


def test_a_platform_that_is_missing_is_told_of_its_target(
    plugins: Plugins, vitis: FakeVitis
) -> None:
    environment = vitis.environment(PLATFORM_REPO_PATHS="")
    (state,) = diagnose(plugins, "alveo-u55c", environment).targets
    assert [problem.code for problem in state.hardware] == ["toolchain.no-platform"]


def test_licences_are_where_the_environment_names_them(plugins: Plugins, tmp_path: Path) -> None:
    file = tmp_path / "Xilinx.lic"
    file.touch()
    named = f"{file}:2100@licences.example.org:/gone.lic"
    found = diagnose(plugins, environment={**NOTHING, "XILINXD_LICENSE_FILE": named})
    licences = [each for each in found.findings if each.name == "XILINXD_LICENSE_FILE"]
    assert [(each.found, each.hint) for each in licences] == [
        (str(file), ""),
        ("2100@licences.example.org", "the server is not asked"),
        ("", "there is no /gone.lic"),
    ]
    assert finding(diagnose(plugins, environment=NOTHING), "licences").found == ""


def test_credentials_are_seen_and_never_shown(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[default]\naws_secret_access_key = hidden-one\n")
    environment = {
        **NOTHING,
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "hidden-two",
        "AWS_SECRET_ACCESS_KEY": "hidden-three",
    }
    found = diagnose(plugins, environment=environment)
    assert finding(found, "AWS credentials").found == "AWS_ACCESS_KEY_ID, ~/.aws/credentials"
    assert "hidden" not in str(to_plain(found.findings))
    assert finding(diagnose(plugins, environment=NOTHING), "AWS credentials").found == ""


def test_life_and_sizes_are_among_what_to_know(
    plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fpgac.pipeline.diagnosing._memory", lambda: 4.0)
    (state,) = diagnose(plugins, "aws-f1", NOTHING).targets
    life, *sizes = state.notices
    assert "2025-12-20" in life
    assert "a hardware build wants some 32 GiB of memory, and 4 are there" in sizes


def test_board_files_that_are_not_found_are_to_be_known(plugins: Plugins, tmp_path: Path) -> None:
    for name in ("vivado", "vitis_hls"):
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text("#!/bin/sh\necho 'Vivado v2022.1 (64-bit)'\n")
        tool.chmod(0o755)
    (state,) = diagnose(plugins, "pynq-z2", {"PATH": str(tool.parent)}).targets
    assert state.hardware == ()
    assert any("board files of the PYNQ-Z2" in notice for notice in state.notices)


def test_a_target_that_is_not_known_is_an_error(plugins: Plugins) -> None:
    with pytest.raises(TargetError):
        diagnose(plugins, "pynq-z3", NOTHING)
