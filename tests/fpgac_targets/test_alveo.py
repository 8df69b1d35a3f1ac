"""Alveo cards and F2: boards as data, their connectivity, their READMEs, and the v++ they take."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fpgac.errors import SpecError, TargetError, ToolchainError
from fpgac.plugins import Design, Target, load_plugins
from tests.fpgac_targets.tools import planned, tools

if TYPE_CHECKING:
    from tests.fpgac_targets.conftest import InstallVitis, MakeDesign, WriteDesign

PLUGINS = load_plugins()
CARDS = ["alveo-u200", "alveo-u250", "alveo-u280", "alveo-u50", "alveo-u55c"]
U250, U50, U55C, U280, F2 = map(
    PLUGINS.target, ["alveo-u250", "alveo-u50", "alveo-u55c", "alveo-u280", "aws-f2"]
)


def text(made: Design, path: str) -> str:
    return made.files[path].content.decode()


def link(made: Design) -> list[str]:
    return text(made, "scripts/link.cfg").splitlines()[1:]


def build(folder: Path, mode: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/build.sh", mode],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_cards_are_one_class_with_boards_of_their_own() -> None:
    kinds = {type(PLUGINS.target(name)).__mro__[1] for name in CARDS}
    assert [kind.__name__ for kind in kinds] == ["Alveo"]
    assert len({PLUGINS.target(name).board.part for name in CARDS}) == len(CARDS)


@pytest.mark.parametrize(
    ("target", "banks", "gibibytes"),
    [(U250, 4, 64), (U50, 32, 8), (U55C, 32, 16), (U280, 34, 8 + 32), (F2, 32, 16)],
)
def test_boards_have_the_memory_of_their_data_sheets(
    target: Target[Any], banks: int, gibibytes: int
) -> None:
    memories = target.board.memories
    assert len(memories) == banks
    assert sum(bank.size_bytes for bank in memories) == gibibytes << 30
    for one, other in itertools.pairwise(memories):
        assert one.base + one.size_bytes <= other.base


@pytest.mark.parametrize(
    ("target", "options", "banks"),
    [
        (U250, {"compute_units": 2}, ["DDR[0]", "DDR[0]", "DDR[1]", "DDR[1]"]),
        (U250, {"compute_units": 2, "banks": ["DDR[3]"]}, ["DDR[3]"] * 4),
        (U50, {"compute_units": 3}, [f"HBM[{channel}]" for channel in range(6)]),
        (
            U50,
            {"compute_units": 3, "banks": ["HBM[31]", "HBM[8]"]},
            ["HBM[31]", "HBM[31]", "HBM[8]", "HBM[8]", "HBM[31]", "HBM[31]"],
        ),
        (U280, {"compute_units": 1, "banks": ["DDR[1]"]}, ["DDR[1]", "DDR[1]"]),
    ],
)
def test_link_file_and_emulated_card_have_the_same_banks(
    target: Target[Any], options: dict[str, Any], banks: list[str], design: MakeDesign
) -> None:
    made = design(target=target, **options)
    units = [f"muon_{place}" for place in range(1, options["compute_units"] + 1)]
    expected = ["[connectivity]", f"nk=muon_kernel:{len(units)}:{'.'.join(units)}"]
    ports = [f"{unit}.{argument}" for unit in units for argument in ("x", "y")]
    expected += [f"sp={port}:{bank}" for port, bank in zip(ports, banks, strict=True)]
    assert link(made) == expected, "and no clock: XRT scales it, v++ is told it once"

    card = json.loads(text(made, "emulation/card.json"))
    instances = card["kernels"][0]["instances"]
    memories = [unit["memories"][argument] for unit in instances for argument in ("x", "y")]
    for (index,), bank in zip(memories, banks, strict=True):
        assert target.board.bank_names[index] == bank
        assert card["memories"][index]["kind"] == ("HBM" if "HBM" in bank else "DDR4")


def test_hbm_is_tagged_as_in_the_vendor_s_xclbins(design: MakeDesign) -> None:
    card = json.loads(text(design(target=U50), "emulation/card.json"))
    assert card["memories"][31] == {
        "tag": "HBM[31]",
        "kind": "HBM",
        "size_bytes": 2**28,
        "base": 31 * 2**28,
    }


def test_compute_units_are_pinned_only_if_asked(design: MakeDesign) -> None:
    assert not [line for line in link(design(target=U250, compute_units=3)) if "slr" in line]
    made = design(target=U250, compute_units=3, slrs=[0, 3])
    assert link(made)[-3:] == ["slr=muon_1:SLR0", "slr=muon_2:SLR3", "slr=muon_3:SLR0"]


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"banks": ["DDR[0]"]}, TargetError, "alveo-u50 has no memory bank 'DDR[0]'"),
        ({"banks": ["HBM[32]"]}, TargetError, "did you mean 'HBM["),
        ({"slrs": [2]}, TargetError, "alveo-u50 has no super logic region 2"),
        ({"slrs": [-1]}, TargetError, "expected: 0 to 1"),
        ({"slrs": [0, 1]}, TargetError, "more slrs than compute units"),
        ({"slrs": []}, SpecError, "targets.alveo-u50.slrs"),
        ({"slrs": ["SLR0"]}, SpecError, "targets.alveo-u50.slrs"),
    ],
)
def test_what_the_card_has_not_is_refused(
    options: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught:
        U50.options(options)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", CARDS)
def test_the_readme_makes_the_card_ready_and_knows_no_image(name: str, design: MakeDesign) -> None:
    target = PLUGINS.target(name)
    readme = text(design(target=target), "README.md")
    for part in ("xbmgmt program --base", "xbutil validate", target.board.platforms[0]):
        assert part in readme
    assert "AFI" not in readme
    assert ("two stages" in readme) is (name == "alveo-u250")


@pytest.mark.parametrize("version", ["2022.1", "2023.2", "2025.1"])
def test_v_plus_plus_is_told_the_clock_that_xrt_scales(
    version: str,
    design: MakeDesign,
    write: WriteDesign,
    tmp_path: Path,
    install_vitis: InstallVitis,
) -> None:
    vitis = install_vitis(version=version)
    made = design(target=U250, compute_units=2)
    done = build(write(made, tmp_path / "a folder"), "hw", vitis.environment())
    assert done.returncode == 0, done.stderr
    assert len(vitis.calls) == 2
    assert all("_x/hw --kernel_frequency 200 " in call for call in vitis.calls), vitis.calls

    plan = planned(U250, made, "hw", vitis.environment())
    commands = [" ".join(("v++", *step.command[1:])) for step in plan.steps]
    assert commands == vitis.calls
    assert " --kernel_frequency 200 " in text(made, "README.md")


@pytest.mark.parametrize(
    ("target", "version", "known"),
    [
        (U250, "2021.2", False),
        (U250, "2025.1", True),
        (U250, "2025.2", False),
        (U50, "2025.2", True),
    ],
)
def test_the_version_is_checked_before_a_build_starts(
    target: Target[Any],
    version: str,
    known: bool,
    design: MakeDesign,
    write: WriteDesign,
    tmp_path: Path,
    install_vitis: InstallVitis,
) -> None:
    vitis = install_vitis(version=version)
    if not known:
        with pytest.raises(ToolchainError, match=f"Vitis {version} does not know {target.name}"):
            target.toolchain(tools(vitis.environment()))
    done = build(write(design(target=target), tmp_path / "build"), "hw", vitis.environment())
    assert (done.returncode == 0) is known
    assert bool(vitis.calls) is known


def test_f2_stops_at_emulation_and_says_why(
    design: MakeDesign, write: WriteDesign, tmp_path: Path, install_vitis: InstallVitis
) -> None:
    assert F2.notice is not None
    assert "AWS makes no FPGA image (AFI)" in F2.notice
    with pytest.raises(TargetError, match="AWS makes no FPGA image"):
        F2.check_mode("hw")
    vitis = install_vitis(version="2024.2")
    environment = vitis.environment(SHELL_EMU_VERSION=F2.board.platforms[0])
    with pytest.raises(TargetError, match="--mode hw"):
        planned(F2, design(target=F2), "hw", environment)

    folder = write(design(target=F2), tmp_path / "build")
    refused = build(folder, "hw", environment)
    assert refused.returncode == 1
    assert "AWS makes no FPGA image" in refused.stderr
    assert vitis.calls == []
    emulated = build(folder, "hw_emu", environment)
    assert emulated.returncode == 0, emulated.stderr
    assert "--platform xilinx_aws-vu47p-f2_202410_1" in vitis.calls[0]

    readme = text(design(target=F2), "README.md")
    assert "AWS makes no FPGA image" in readme
    assert "scripts/build.sh hw\n" not in readme
    assert "on the card" not in readme.split("## Run the hosts\n")[1]


@pytest.mark.parametrize("target", [U250, U50, F2], ids=lambda target: target.name)
def test_shellcheck_finds_nothing(
    target: Target[Any], design: MakeDesign, write: WriteDesign, tmp_path: Path
) -> None:
    folder = write(design(target=target), tmp_path / "build")
    done = subprocess.run(
        ["shellcheck", "--severity=style", folder / "scripts" / "build.sh"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
