"""The scripts of a design and its plan, run to their ends with a Vitis that only pretends."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fpgac.build.runner import run_plan
from fpgac.errors import BuildError
from fpgac.plugins import Board, Design, Mode, Plan, load_plugins
from fpgac_targets.aws_f1 import AwsF1
from tests.fpgac_targets.tools import planned

if TYPE_CHECKING:
    from tests.fpgac_targets.conftest import FakeVitis, InstallVitis, MakeDesign, WriteDesign

AWS_F1 = load_plugins().target("aws-f1")

# Recorded of Vitis for a U280: Xilinx/xup_vitis_network_example, issue 42.
TIMING = (
    "echo 'ERROR: [VPL 101-2] design did not meet timing - Design did not meet timing. One or more "
    "unscalable system clocks did not meet their required target frequency.'; exit 1"
)
# The words of Vitis 2021.1 (tests/hardware/test_timing.py), with a greater loss.
LOWERED = (
    'echo "WARNING: [VPL 60-732] Link warning: One or more timing paths failed timing targeting '
    "{asked} MHz for kernel clock 'clk_kernel_in'. The frequency is being automatically changed to "
    '{got} MHz to enable proper functionality"'
)
NO_LICENCE = "echo 'ERROR: [Common 17-345] A valid license was not found for feature'; exit 1"
Y2K22 = (
    'case "$*" in *" -l "*|"-l "*) ;; *) '
    "echo \"ERROR: '2201251806' is an invalid argument. Please specify an integer value.\"; "
    "exit 1;; esac"
)
NOTHING_MADE = "exit 0"
FAILED_STEP = "echo 'ERROR: [v++ 60-300] Failed to build kernel'"


@pytest.fixture
def muon(design: MakeDesign) -> Design:
    return design(compute_units=2)


@pytest.fixture
def folder(muon: Design, write: WriteDesign, tmp_path: Path) -> Path:
    return write(muon, tmp_path / "a build folder")


def run(
    command: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def flags(mode: str, platform: str) -> str:
    return (
        f"-t {mode} --platform {platform} --save-temps --temp_dir _x/{mode} --kernel_frequency 200"
    )


def expected_calls(mode: str, platform: str) -> list[str]:
    calls = [
        f"v++ -c {flags(mode, platform)} -k muon_kernel "
        f"-o out/{mode}/muon_kernel.xo kernel/firmware/tiny.cpp kernel/src/muon_kernel.cpp",
        f"v++ -l {flags(mode, platform)} --config scripts/link.cfg "
        f"-o out/{mode}/muon.xclbin out/{mode}/muon_kernel.xo",
    ]
    if mode == "hw_emu":
        calls.append(f"emconfigutil --platform {platform} --nd 1 --od out/{mode}")
    return calls


def test_shellcheck_finds_nothing(folder: Path) -> None:
    checker = shutil.which("shellcheck")
    assert checker, "shellcheck belongs to the packages of a test machine"
    scripts = ["scripts/build.sh", "scripts/create_afi.sh"]
    done = run([checker, "--severity=style", *scripts], folder, dict(os.environ))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("mode", ["hw_emu", "hw"])
def test_make_n_shows_the_commands_and_runs_none(
    folder: Path, mode: str, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    done = run(["make", "-n", "-C", "scripts", f"MODE={mode}"], folder, vitis.environment())
    assert done.returncode == 0, done.stderr
    assert "v++ -c" in done.stdout
    assert vitis.calls == []


@pytest.mark.parametrize("mode", ["hw_emu", "hw"])
def test_build_sh_goes_to_the_end(folder: Path, mode: str, install_vitis: InstallVitis) -> None:
    vitis = install_vitis()
    environment = vitis.environment()
    done = run(["scripts/build.sh", mode], folder, environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"built out/{mode}/muon.xclbin\n")
    assert "AWS retired F1 on 2025-12-20" in done.stderr
    assert vitis.calls == expected_calls(mode, environment["AWS_PLATFORM"])
    assert (folder / f"out/{mode}/muon.xclbin").is_file()


def test_build_sh_can_be_called_from_anywhere(
    folder: Path, tmp_path: Path, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    done = run([str(folder / "scripts/build.sh"), "hw"], tmp_path, vitis.environment())
    assert done.returncode == 0, done.stderr
    assert (folder / "out/hw/muon.xclbin").is_file()


@pytest.mark.parametrize("command", [["make", "-C", "scripts"], ["make", "-f", "scripts/Makefile"]])
def test_make_alone_goes_to_the_end_and_then_rests(
    folder: Path, command: list[str], install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    environment = vitis.environment()
    done = run(command, folder, environment)
    assert done.returncode == 0, done.stderr
    assert vitis.calls == expected_calls("hw_emu", environment["AWS_PLATFORM"])

    assert run(command, folder, environment).returncode == 0
    assert len(vitis.calls) == 3, "everything is up to date"
    os.utime(folder / "kernel/firmware/tiny.h")
    assert run(command, folder, environment).returncode == 0
    assert len(vitis.calls) == 3 + 2, "the kernel is compiled and linked anew"


def test_a_step_is_done_again_where_its_command_or_its_output_is_another(
    folder: Path, tmp_path: Path, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    assert run(["scripts/build.sh", "hw"], folder, vitis.environment()).returncode == 0
    (folder / "out/hw/muon.xclbin").unlink()
    assert run(["scripts/build.sh", "hw"], folder, vitis.environment()).returncode == 0
    assert [call.split()[1] for call in vitis.calls] == ["-c", "-l", "-l"]

    (tmp_path / "other.xpfm").touch()
    other = vitis.environment(AWS_PLATFORM=str(tmp_path / "other.xpfm"))
    assert run(["scripts/build.sh", "hw"], folder, other).returncode == 0
    assert [call.split()[1] for call in vitis.calls] == ["-c", "-l", "-l", "-c", "-l"]


def test_what_a_killed_step_left_is_not_taken_for_good(
    folder: Path, install_vitis: InstallVitis
) -> None:
    half = 'echo half > out/hw/muon_kernel.xo; kill -s KILL -- "-$(ps -o pgid= $$ | tr -d " ")"'
    vitis = install_vitis(trouble=f"[ -e killed ] || {{ touch killed; {half}; }}")
    killed = run(["setsid", "--wait", "scripts/build.sh", "hw"], folder, vitis.environment())
    assert killed.returncode != 0
    assert (folder / "out/hw/muon_kernel.xo").read_text() == "half\n"
    assert run(["scripts/build.sh", "hw"], folder, vitis.environment()).returncode == 0
    assert (folder / "out/hw/muon_kernel.xo").read_text() == "made by v++\n"


@pytest.mark.parametrize(
    "name", ["a'`touch broken`'b", "a'`touch${IFS}broken`'$(touch${IFS}broken)"]
)
@pytest.mark.parametrize("goal", ["all", "clean"])
def test_a_folder_with_an_evil_path_is_no_command(
    design: MakeDesign,
    write: WriteDesign,
    tmp_path: Path,
    install_vitis: InstallVitis,
    name: str,
    goal: str,
) -> None:
    folder = write(design(), tmp_path / name / "build")
    environment = install_vitis().environment()
    here = run(["make", "-C", "scripts", goal], folder, environment)
    assert here.returncode == 0, here.stderr
    there = run(["make", "-f", str(folder / "scripts/Makefile"), goal], tmp_path, environment)
    assert " " in name or there.returncode == 0, there.stderr  # make knows no names with spaces
    assert list(tmp_path.rglob("broken")) == []


def test_xilinx_vitis_is_enough_for_the_scripts(folder: Path, install_vitis: InstallVitis) -> None:
    vitis = install_vitis()
    environment = vitis.environment(PATH=os.environ["PATH"], XILINX_VITIS=str(vitis.folder))
    done = run(["scripts/build.sh", "hw_emu"], folder, environment)
    assert done.returncode == 0, done.stderr


def test_a_platform_with_an_evil_path_is_one_word(
    folder: Path, tmp_path: Path, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    platform = tmp_path / "a 'b' \"c\"; touch broken.xpfm"
    platform.touch()
    environment = vitis.environment(AWS_PLATFORM=str(platform))
    done = run(["scripts/build.sh", "hw"], folder, environment)
    assert done.returncode == 0, done.stderr
    assert f"--platform {platform} --save-temps" in vitis.calls[0]
    assert not list(folder.rglob("broken*"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"PATH": "/usr/bin:/bin"}, "v++ was not found"),
        ({"AWS_PLATFORM": ""}, "AWS_PLATFORM is not set"),
        ({"AWS_PLATFORM": "/gone/f1.xpfm"}, "there is no platform /gone/f1.xpfm"),
    ],
)
def test_build_sh_names_what_is_missing(
    folder: Path, change: dict[str, str], told: str, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    done = run(["scripts/build.sh"], folder, vitis.environment(**change))
    assert done.returncode == 1
    assert f"error: {told}" in done.stderr
    assert "hint: " in done.stderr
    assert vitis.calls == []


@pytest.mark.parametrize(
    ("version", "known"),
    [("2019.2", False), ("2020.2", True), ("2021.2.1", True), ("2022.1", False), ("????", False)],
)
def test_build_sh_knows_the_board_s_versions(
    folder: Path, version: str, known: bool, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis(version=version)
    done = run(["scripts/build.sh"], folder, vitis.environment())
    assert (done.returncode == 0) is known
    assert ("install and source Vitis 2020.2 to 2021.2" in done.stderr) is not known


def test_build_sh_refuses_an_unknown_mode(folder: Path, install_vitis: InstallVitis) -> None:
    vitis = install_vitis()
    done = run(["scripts/build.sh", "sw_emu"], folder, vitis.environment())
    assert done.returncode == 1
    assert "there is no mode 'sw_emu'" in done.stderr


@pytest.mark.parametrize("setting", [["MODE=sw_emu"], ["AWS_PLATFORM="]])
def test_make_refuses_what_cannot_be(
    folder: Path, setting: list[str], install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    done = run(["make", "-C", "scripts", *setting], folder, vitis.environment())
    assert done.returncode == 2
    assert vitis.calls == []


FAILURES = [
    pytest.param(NO_LICENCE, "XILINXD_LICENSE_FILE", id="exit code"),
    pytest.param(Y2K22, "y2k22_patch", id="exit code of the compile step"),
    pytest.param(NOTHING_MADE, "", id="no artifact"),
    pytest.param(TIMING, "clock_mhz", id="timing"),
    pytest.param(FAILED_STEP, "", id="an error in the log only"),
]


@pytest.mark.parametrize(("trouble", "remedy"), FAILURES)
def test_build_sh_does_not_believe_a_failed_build(
    folder: Path, trouble: str, remedy: str, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis(trouble=trouble)
    done = run(["scripts/build.sh", "hw"], folder, vitis.environment())
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert remedy in done.stderr
    assert "built" not in done.stdout.splitlines()[-1]
    assert not (folder / "out/hw/muon.xclbin").exists(), "nobody takes it for good"


@pytest.mark.parametrize(("asked", "got", "built"), [(320, 307.5, True), (200, 137.5, False)])
def test_build_sh_measures_a_lowered_clock_by_the_tolerance(
    folder: Path, asked: float, got: float, built: bool, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis(trouble=LOWERED.format(asked=asked, got=got))
    done = run(["scripts/build.sh", "hw"], folder, vitis.environment())
    assert (done.returncode == 0) is built
    assert (folder / "out/hw/muon.xclbin").exists() is built
    if not built:
        assert "v++ lowered a clock to 137.5 MHz of 200" in done.stderr
        assert "ask for a slower clock" in done.stderr


def test_build_sh_does_not_believe_what_is_no_xclbin(
    folder: Path, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis(
        trouble='echo five! > out/hw/muon.xclbin; case "$*" in *" -l "*|"-l "*) exit 0;; esac'
    )
    done = run(["scripts/build.sh", "hw"], folder, vitis.environment())
    assert done.returncode == 1
    assert "out/hw/muon.xclbin is no xclbin" in done.stderr
    assert not (folder / "out/hw/muon.xclbin").exists()


def plan(design: Design, mode: Mode, vitis: FakeVitis) -> Plan:
    return planned(AWS_F1, design, mode, vitis.environment())


@pytest.mark.parametrize("mode", ["hw_emu", "hw"])
def test_the_plan_calls_what_the_scripts_call(
    muon: Design, folder: Path, mode: Mode, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    records = run_plan(plan(muon, mode, vitis), folder, {})
    expected = expected_calls(mode, vitis.environment()["AWS_PLATFORM"])
    assert sorted(vitis.calls) == sorted(expected)
    assert list(records)[-1] == f"{mode}: link" or mode == "hw_emu"
    assert all(record.outputs for record in records.values())


@pytest.mark.parametrize(("trouble", "remedy"), FAILURES)
def test_the_plan_does_not_believe_a_failed_build(
    muon: Design, folder: Path, trouble: str, remedy: str, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis(trouble=trouble)
    with pytest.raises(BuildError) as caught:
        run_plan(plan(muon, "hw", vitis), folder, {})
    assert remedy in str(caught.value)
    assert not (folder / "out/hw/muon.xclbin").exists()


def test_every_input_of_the_plan_is_in_the_design_or_made_before(
    muon: Design, install_vitis: InstallVitis
) -> None:
    vitis = install_vitis()
    there = set(muon.files)
    for step in plan(muon, "hw_emu", vitis).steps:
        assert set(step.inputs) <= there
        there |= set(step.outputs)
    assert "out/hw_emu/muon.xclbin" in there


class Modern(AwsF1):
    """A card whose platform takes its clock from the link configuration, and no variable."""

    board = Board.model_validate(
        AwsF1.board.model_dump()
        | {"platform_variable": None, "life": {"state": "active"}}
        | {"clock": {"default_mhz": 300.0, "maximum_mhz": 300.0, "scalable": False}}
    )


def test_a_modern_platform_takes_its_clock_from_the_link_file(
    design: MakeDesign, write: WriteDesign, tmp_path: Path, install_vitis: InstallVitis
) -> None:
    made = design(clock_mhz=275.5, target=Modern(), compute_units=2)
    link = made.files["scripts/link.cfg"].content.decode()
    assert link.endswith(
        "\n[clock]\nfreqHz=275500000:muon_1.ap_clk\nfreqHz=275500000:muon_2.ap_clk\n"
    )
    vitis = install_vitis()
    folder = write(made, tmp_path / "build")
    done = run(["scripts/build.sh", "hw"], folder, vitis.environment(AWS_PLATFORM=""))
    assert done.returncode == 0, done.stderr
    assert "note:" not in done.stderr
    assert "--hls.clock 275500000:muon_kernel" in vitis.calls[0]
    assert "--kernel_frequency" not in "".join(vitis.calls)
    assert "--platform xilinx_aws-vu9p-f1_shell-v04261818_201920_3" in vitis.calls[1]
