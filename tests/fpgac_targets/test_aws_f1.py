"""The design for F1: the same bytes each time; its card, its link configuration, its README."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fpgac.errors import TargetError, ToolchainError
from fpgac.plugins import Design, load_plugins
from tests.fpgac_targets.tools import tools

if TYPE_CHECKING:
    from tests.fpgac_targets.conftest import InstallVitis, MakeDesign

AWS_F1 = load_plugins().target("aws-f1")


def text(made: Design, path: str) -> str:
    return made.files[path].content.decode()


def test_a_design_holds_kernel_hosts_scripts_and_a_readme(design: MakeDesign) -> None:
    made = design()
    assert (made.name, made.target) == ("muon", "aws-f1")
    folders = {path.split("/")[0] for path in made.files}
    assert folders == {"kernel", "hosts", "scripts", "emulation", "README.md"}
    assert {path for path, file in made.files.items() if file.executable} >= {"scripts/build.sh"}


def test_only_the_hosts_that_were_asked_for_are_written(design: MakeDesign) -> None:
    made = design(hosts=["xrt"])
    assert {path.split("/")[1] for path in made.files if path.startswith("hosts/")} == {"xrt"}
    assert "hosts/pynq" not in text(made, "README.md")


def test_the_python_host_alone_needs_no_make(design: MakeDesign) -> None:
    readme = text(design(hosts=["pynq"]), "README.md")
    assert "python hosts/pynq/muon_host.py" in readme
    assert "make -C hosts" not in readme


def test_the_same_arguments_give_the_same_bytes(design: MakeDesign) -> None:
    assert design(compute_units=3).digest == design(compute_units=3).digest
    assert design(compute_units=3).digest != design(compute_units=2).digest


def test_the_bytes_do_not_hang_on_the_process(design: MakeDesign) -> None:
    conftest = Path(__file__).with_name("conftest.py")
    script = (
        "import runpy\n"
        "from fpgac.plugins import load_plugins\n"
        f"core = runpy.run_path({str(conftest)!r})['core']()\n"
        "target = load_plugins().target('aws-f1')\n"
        "options = target.options({'compute_units': 4})\n"
        "print(target.design('muon', core, options, 'Muons').digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        for seed, zone in (("0", "UTC"), ("4711", "Asia/Tokyo"))
    }
    assert digests == {design(compute_units=4, description="Muons").digest}


@pytest.mark.parametrize(
    ("options", "banks"),
    [
        ({}, ["DDR[0]"]),  # the controller in the shell
        ({"compute_units": 2}, ["DDR[0]", "DDR[1]"]),
        ({"compute_units": 5}, ["DDR[0]", "DDR[1]", "DDR[2]", "DDR[3]", "DDR[0]"]),
        ({"compute_units": 3, "banks": ["DDR[3]", "DDR[1]"]}, ["DDR[3]", "DDR[1]", "DDR[3]"]),
    ],
)
def test_compute_units_take_banks_in_turn(
    options: dict[str, Any], banks: list[str], design: MakeDesign
) -> None:
    made = design(**options)
    units = [f"muon_{place}" for place in range(1, len(banks) + 1)]
    expected = [f"nk=muon_kernel:{len(units)}:{'.'.join(units)}"]
    for unit, bank in zip(units, banks, strict=True):
        expected += [f"sp={unit}.x:{bank}", f"sp={unit}.y:{bank}"]
    assert text(made, "scripts/link.cfg").splitlines()[1:] == ["[connectivity]", *expected]

    card = json.loads(text(made, "emulation/card.json"))
    indices = [int(bank[4]) for bank in banks]
    assert card["kernels"][0]["instances"] == [
        {"name": unit, "memories": {"x": [index], "y": [index]}}
        for unit, index in zip(units, indices, strict=True)
    ]


def test_the_card_describes_the_board_and_the_kernel(design: MakeDesign) -> None:
    card = json.loads(text(design(), "emulation/card.json"))
    assert card["platform"] == "xilinx_aws-vu9p-f1_shell-v04261818_201920_3"
    assert card["clock_mhz"] == 200.0
    assert len(bytes.fromhex(card["identity"])) == 32
    assert [memory["tag"] for memory in card["memories"]] == ["bank0", "bank1", "bank2", "bank3"]
    assert card["memories"][1] == {
        "tag": "bank1",
        "kind": "DDR4",
        "size_bytes": 16 * 2**30,
        "base": 16 * 2**30,
    }
    (kernel,) = card["kernels"]
    assert kernel["name"] == "muon_kernel"
    assert kernel["arguments"] == [
        {
            "name": "x",
            "c_type": "ap_uint<512>*",
            "bundle": "gmem0",
            "width": 512,
            "memory": True,
        },
        {"name": "y", "c_type": "ap_uint<32>*", "bundle": "gmem1", "width": 32, "memory": True},
        {"name": "n_samples", "c_type": "unsigned int", "size": 4, "memory": False},
    ]


def test_another_core_is_another_card(design: MakeDesign) -> None:
    identities = {
        json.loads(text(made, "emulation/card.json"))["identity"]
        for made in (design(), design(), design(network="beef"))
    }
    assert len(identities) == 2


def test_the_readme_tells_the_formats_the_end_of_f1_and_the_road_to_an_image(
    design: MakeDesign,
) -> None:
    readme = text(design(description="Barrel muons."), "README.md")
    for part in (
        "# muon on Amazon EC2 F1",
        "Barrel muons.",
        "AWS retired F1 on 2025-12-20",
        "| `x`, samples | 27 | `ap_fixed<16,6",
        "0.0009765625",
        "scripts/build.sh hw",
        '--platform "$AWS_PLATFORM"',
        "scripts/create_afi.sh --bucket",
        "DescribeFpgaImages",
        "--xclbin muon.awsxclbin",
        "Vitis 2020.2 to 2021.2",
    ):
        assert part in readme


def test_the_notice_is_one_line_with_the_date_and_what_still_works() -> None:
    assert AWS_F1.notice is not None
    assert "\n" not in AWS_F1.notice
    assert "2025-12-20" in AWS_F1.notice
    assert "still work" in AWS_F1.notice


@pytest.mark.parametrize("name", ["x; reboot", "x\ny", '"', "$(id)", "class", "", "a" * 49])
def test_a_name_that_is_no_identifier_gets_nowhere(name: str, design: MakeDesign) -> None:
    with pytest.raises(TargetError, match="cannot have this name"):
        design(name)


@pytest.mark.parametrize(
    "description",
    [
        "*/ ]] \" ' ` $(touch broken) \\",
        "one\n[connectivity]\nsp=a.b:c",
        "<script>x</script>",
        "日本",
    ],
)
def test_a_description_stays_a_paragraph_of_the_readme(
    description: str, design: MakeDesign
) -> None:
    plain, made = design(), design(description=description)
    differ = {path for path in made.files if made.files[path] != plain.files[path]}
    assert differ == {"README.md"}
    added = set(text(made, "README.md").splitlines()) - set(text(plain, "README.md").splitlines())
    assert len(added) == 1
    assert "<" not in added.pop()


def test_a_core_too_fast_for_the_board_is_refused(design: MakeDesign) -> None:
    with pytest.raises(TargetError, match="at most 250 MHz"):
        design(clock_mhz=300.0)


def test_v_plus_plus_is_found_with_its_platform(install_vitis: InstallVitis) -> None:
    vitis = install_vitis(version="2020.2")
    found = AWS_F1.toolchain(tools(vitis.environment()))
    assert found.version == (2020, 2)
    assert found.platform == str(vitis.folder / "f1.xpfm")


def test_a_vitis_that_does_not_know_f1_is_refused(install_vitis: InstallVitis) -> None:
    vitis = install_vitis(version="2024.1")
    with pytest.raises(ToolchainError, match=r"Vitis 2024\.1 does not know aws-f1"):
        AWS_F1.toolchain(tools(vitis.environment()))


def test_no_platform_tells_where_it_is_had(install_vitis: InstallVitis) -> None:
    vitis = install_vitis()
    with pytest.raises(ToolchainError, match="AWS_PLATFORM is not set") as caught:
        AWS_F1.toolchain(tools(vitis.environment(AWS_PLATFORM="")))
    assert "vitis_setup.sh" in str(caught.value)
