"""The ZCU102's two ways; and the one by Vitis to its end, with a v++ that only pretends.

The cross-compiler is real. It links the hosts against libraries for aarch64 that are empty but for
the names of what this machine's XRT exports: a call of anything else fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fpgac.build.runner import run_plan
from fpgac.errors import BuildError, SpecError, TargetError, ToolchainError
from fpgac.plugins import Design, load_plugins
from fpgac.spec.lines import key_lines
from tests.fpgac_targets.tools import planned, tools

if TYPE_CHECKING:
    from tests.fpgac_targets.conftest import FakeVitis, InstallVitis, MakeDesign, WriteDesign

ZCU102 = load_plugins().target("zcu102")
VITIS = ZCU102.flows["vitis"]
HOSTS = ("opencl", "xrt")
LIBRARIES = ("libxrt_coreutil.so.2", "libxilinxopencl.so.2", "libuuid.so.1")
ON_CARD = ("scripts/run_on_board.sh", "vectors/inputs.npy", "vectors/expected_raw.npy")


@pytest.fixture(scope="module")
def common_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What AMD's common image holds: root file system, kernel, and a sysroot with XRT."""
    folder = tmp_path_factory.mktemp("xilinx-zynqmp-common")
    (folder / "rootfs.ext4").touch()
    (folder / "Image").touch()
    usr = folder / "sysroots" / "cortexa72-cortexa53-xilinx-linux" / "usr"
    (usr / "include").mkdir(parents=True)
    (usr / "lib").mkdir()
    for name in ("xrt", "CL", "uuid"):  # headers know no architecture
        (usr / "include" / name).symlink_to(Path("/usr/include") / name)
    for name in LIBRARIES:
        hollow_library(Path("/usr/lib/x86_64-linux-gnu") / name, usr / "lib")
    return folder


def hollow_library(library: Path, folder: Path) -> None:
    """A library for aarch64 with the names that ``library`` exports."""
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", "--without-symbol-versions", library],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split()[2] for line in listed.stdout.splitlines() if line.split()[1] in "TWVBDR"]
    assert names
    source = folder / "names.s"
    source.write_text("".join(f".globl {name}\n{name}:\n" for name in names))
    linked = folder / f"{library.name.partition('.so')[0]}.so"
    command = ["aarch64-linux-gnu-gcc", "-shared", "-nostdlib", "-o", str(linked), str(source)]
    subprocess.run(command, check=True, timeout=60)


@pytest.fixture
def muon(design: MakeDesign) -> Design:
    return design(target=ZCU102, flow="vitis", compute_units=2)


@pytest.fixture
def folder(muon: Design, write: WriteDesign, tmp_path: Path) -> Path:
    folder = write(muon, tmp_path / "a build folder")
    (folder / "vectors").mkdir()
    for name in ("inputs.npy", "expected_raw.npy"):
        (folder / "vectors" / name).touch()
    return folder


@pytest.fixture
def vitis(install_vitis: InstallVitis) -> FakeVitis:
    return install_vitis(version="2023.2")


@pytest.fixture
def environment(vitis: FakeVitis, common_image: Path) -> dict[str, str]:
    return vitis.environment(EDGE_COMMON_SW=str(common_image))


def build(folder: Path, environment: dict[str, str], mode: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/build.sh", mode],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def machine_of(program: Path) -> int:
    """The machine that an ELF file is for, by its number."""
    start = program.read_bytes()[:20]
    assert start[:4] == b"\x7fELF"
    return int.from_bytes(start[18:20], "little")


AARCH64 = 183


def expected_calls(folder: Path, mode: str, image: Path, platform: str) -> list[str]:
    common = f"-t {mode} --platform {platform} --save-temps --temp_dir _x/{mode}"
    emconfig = (f"out/{mode}/emconfig.json",) if mode == "hw_emu" else ()
    on_card = (*(f"out/{mode}/muon_{host}" for host in HOSTS), *ON_CARD, *emconfig)
    assert all((folder / path).is_file() for path in on_card)
    return [
        f"v++ -c {common} --hls.clock 200000000:muon_kernel -k muon_kernel "
        f"-o out/{mode}/muon_kernel.xo kernel/firmware/tiny.cpp kernel/src/muon_kernel.cpp",
        f"v++ -l {common} --config scripts/link.cfg "
        f"-o out/{mode}/muon.link.xclbin out/{mode}/muon_kernel.xo",
        *([f"emconfigutil --platform {platform} --nd 1 --od out/hw_emu"] if emconfig else []),
        f"v++ -p {common} --package.out_dir out/{mode}/package --package.boot_mode sd "
        f"--package.rootfs {image}/rootfs.ext4 --package.kernel_image {image}/Image "
        + "".join(f"--package.sd_file {path} " for path in on_card)
        + f"-o out/{mode}/muon.xclbin out/{mode}/muon.link.xclbin",
    ]


@pytest.mark.parametrize("mode", ["hw_emu", pytest.param("hw", marks=pytest.mark.heavy)])
def test_build_sh_compiles_both_hosts_for_aarch64_and_packs_them(
    folder: Path, environment: dict[str, str], vitis: FakeVitis, common_image: Path, mode: str
) -> None:
    done = build(folder, environment, mode)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [machine_of(folder / f"out/{mode}/muon_{host}") for host in HOSTS] == [AARCH64] * 2
    platform = "xilinx_zcu102_base_202320_1"
    assert vitis.calls == expected_calls(folder, mode, common_image, platform)


def test_the_plan_does_what_build_sh_does(
    muon: Design, folder: Path, environment: dict[str, str], vitis: FakeVitis, common_image: Path
) -> None:
    toolchain = VITIS.toolchain(tools(environment))
    run_plan(planned(VITIS, muon, "hw", environment), folder, {})
    assert [machine_of(folder / f"out/hw/muon_{host}") for host in HOSTS] == [AARCH64] * 2
    assert vitis.calls == expected_calls(folder, "hw", common_image, toolchain.platform)
    steps = [step.name for step in planned(VITIS, muon, "hw_emu", environment).steps]
    assert steps[-2:] == ["hw_emu: emconfig", "hw_emu: package"]


@pytest.mark.parametrize(
    ("version", "platform"),
    [("2022.1", "202210_1"), ("2023.2", "202320_1"), ("2024.2", "202420_1")],
)
def test_the_platform_is_the_one_of_the_tool_s_release(
    install_vitis: InstallVitis, common_image: Path, version: str, platform: str
) -> None:
    vitis = install_vitis(version=version)
    found = VITIS.toolchain(tools(vitis.environment(EDGE_COMMON_SW=str(common_image)))).platform
    assert found == f"xilinx_zcu102_base_{platform}"
    assert found in VITIS.board.platforms


def test_without_a_common_image_both_say_what_it_is(folder: Path, vitis: FakeVitis) -> None:
    with pytest.raises(ToolchainError) as caught:
        VITIS.toolchain(tools(vitis.environment()))
    missing = [problem.what.split()[3].rstrip(",") for problem in caught.value.problems]
    assert missing == ["rootfs.ext4", "Image", "sysroot"]
    assert "xilinx-zynqmp-common" in str(caught.value)
    done = build(folder, vitis.environment(), "hw")
    assert "error: EDGE_COMMON_SW names no folder with rootfs.ext4" in done.stderr
    assert vitis.calls == []


def test_a_sysroot_without_xrt_is_told_as_such(
    muon: Design, folder: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sysroot/usr").mkdir(parents=True)
    environment |= {"SYSROOT": str(tmp_path / "sysroot")}
    done = build(folder, environment, "hw")
    assert "hint: the sysroot holds no XRT" in done.stderr
    with pytest.raises(BuildError, match="the sysroot holds no XRT"):
        run_plan(planned(VITIS, muon, "hw", environment), folder, {})


def test_the_board_s_script_judges_each_host_by_its_raw_words(folder: Path, tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.mkdir()
    shutil.copy(folder / "scripts/run_on_board.sh", card)
    (card / "expected_raw.npy").write_text("words")
    for host, words in (("opencl", "other words"), ("xrt", "words")):
        program = card / f"muon_{host}"
        program.write_text(f"#!/bin/sh\nprintf '{words}' > \"$6\"\n")
        program.chmod(0o755)
    done = subprocess.run(
        [card / "run_on_board.sh"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert "ERROR: opencl host" in done.stdout
    assert "xrt host: every raw word is right" in done.stdout


def test_shellcheck_finds_nothing(folder: Path) -> None:
    checker = shutil.which("shellcheck")
    assert checker, "shellcheck belongs to the packages of a test machine"
    scripts = ["scripts/build.sh", "scripts/run_on_board.sh"]
    done = subprocess.run(
        [checker, "--severity=style", *scripts],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_compute_units_take_the_memory_ports_in_turn(muon: Design) -> None:
    link = muon.files["scripts/link.cfg"].content.decode()
    assert "sp=muon_1.x:HP0\n" in link
    assert "sp=muon_2.y:HP1\n" in link
    assert "freqHz=200000000:muon_2.ap_clk\n" in link, "the platform's clocks are fixed ones"


def test_the_spec_chooses_the_flow(design: MakeDesign) -> None:
    by_vivado = design(target=ZCU102)
    assert by_vivado.digest == design(target=ZCU102, flow="vivado").digest
    assert "scripts/vivado.tcl" in by_vivado.files
    assert ZCU102.hosts(ZCU102.options({})) == ("pynq",)
    assert ZCU102.hosts(ZCU102.options({"flow": "vitis"})) == HOSTS


@pytest.mark.parametrize(
    ("table", "error", "told"),
    [
        ('flow = "vitsi"', SpecError, "expected: 'vivado' or 'vitis'"),
        ('flow = "vitsi"', SpecError, "did you mean 'vitis'?"),
        ("flow = []", SpecError, "spec.toml:2 [targets.zcu102.flow]: not one of the choices"),
        ('banks = ["HP0"]', SpecError, "unknown key 'banks'"),
        ("compute_units = 2", TargetError, "its DMAs feed one kernel"),
        ('hosts = ["xrt"]', TargetError, "zcu102 offers no host 'xrt'"),
        ('hosts = ["pynq"]\nflow = "vitis"', TargetError, "some of opencl, xrt"),
        ('banks = ["HP9"]\nflow = "vitis"', TargetError, "zcu102 has no memory bank 'HP9'"),
    ],
)
def test_each_flow_refuses_what_it_has_not(
    table: str, error: type[SpecError] | type[TargetError], told: str
) -> None:
    text = f"[targets.zcu102]\n{table}\n"
    options = tomllib.loads(text)["targets"]["zcu102"]
    with pytest.raises(error) as caught:
        ZCU102.options(options, Path("spec.toml"), key_lines(text))
    assert told in str(caught.value)


def test_where_no_options_are_at_hand_the_board_is_the_first_flow_s(
    design: MakeDesign, tmp_path: Path
) -> None:
    assert ZCU102.board.toolchain.name == "Vivado"
    with pytest.raises(ToolchainError, match="vivado, of AMD's Vivado"):
        ZCU102.toolchain(tools({"PATH": str(tmp_path)}))
    with pytest.raises(TargetError) as caught:
        ZCU102.check_mode("hw_emu")
    assert [problem.code for problem in caught.value.problems] == ["target.no-mode"]


def test_every_tool_is_needed(common_image: Path, vitis: FakeVitis, tmp_path: Path) -> None:
    environment = vitis.environment(EDGE_COMMON_SW=str(common_image))
    environment["PATH"] = os.pathsep.join([str(vitis.folder / "bin"), "/bin-without-compilers"])
    (vitis.folder / "bin/sh").symlink_to("/bin/sh")
    with pytest.raises(ToolchainError, match="apt install g\\+\\+-aarch64-linux-gnu"):
        VITIS.toolchain(tools(environment))
