"""The package and the archive: installed with pip, found by pynq, run on the emulated board."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from fpgac.build.plan import Plan, Step
from fpgac.build.toolchains import Toolchain, Toolchains
from fpgac.design.design import Design
from fpgac.emulation import HostRun, read_card, run_host
from fpgac.errors import BuildError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Report, Request, compile_spec
from fpgac.plugins import Mode, load_plugins
from fpgac_targets.pynq_z2 import PynqZ2
from tests.hardware.vendors import board_bitstream

WANTED = {"iris.bit", "iris.hwh"}
# What the emulated board loads, and how it ends where a host looks for it.
NAMES = {"pynq-z2": {"bit": "bit", "hwh": "hwh"}, "aws-f1": {"xclbin": "awsxclbin"}}

# Runs a notebook's cells of code, one after the other, as Jupyter would.
RUN_NOTEBOOK = """\
import json, sys
import matplotlib
matplotlib.use("Agg")
cells = json.load(open(sys.argv[1]))["cells"]
names = {}
for cell in cells:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]), names)
print(len(names["plt"].get_fignums()), "figures")
"""

# What pynq finds of the package, by its own means: bitstreams by name, and notebooks to deliver.
FIND = """\
import sys
import pynq
from pynq._cli.get_notebooks import main
print(pynq.bitstream.Bitstream({program!r}, device=pynq.Device.devices[0]).bitfile_name)
sys.argv = ["pynq get-notebooks", "--list"]
main()
sys.argv = ["pynq get-notebooks", "iris", "--path", "notebooks"]
main()
"""


def environment(folder: Path) -> Path:
    """The Python of a virtual environment that borrows what it needs from ours."""
    venv.create(folder, with_pip=False, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path and Path(path).is_dir()]
    (site / "ours.pth").write_text("".join(f"{path}\n" for path in ours))
    return folder / "bin" / "python"


def install(package: Path, python: Path) -> None:
    """Install what a user got, without a network."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    offline = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    subprocess.run([*pip, "install", *offline, str(package)], check=True, timeout=120)


@pytest.fixture(params=["pynq-z2", "aws-f1"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A build, and the Python where its package is installed with the emulated board's program.

    As its README says for what was built without fpgac, the program is copied beside the host.
    """
    zynq = request.param == "pynq-z2"
    build: Path = request.getfixturevalue("zynq_build" if zynq else "iris_build")
    folder = build.folder if isinstance(build, Report) else build
    package = shutil.copytree(folder / "package", tmp_path / "package")
    for suffix, there in NAMES[request.param].items():
        shutil.copy(folder / f"emulation/iris.{suffix}", package / f"iris_overlay/iris.{there}")
    python = environment(tmp_path / "venv")
    install(package, python)
    return folder, python


def on_board(folder: Path, cwd: Path, *command: str | Path) -> HostRun:
    card = read_card(folder / "emulation/card.json")
    words = list(map(str, command))
    run = run_host(words, kind="pynq", card=card, cwd=cwd, timeout=120)
    assert run.exit_code == 0, run.stderr
    return run


def test_an_installed_package_is_found_by_pynq_and_its_notebook_runs(
    installed: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, python = installed
    program = "iris.bit" if (folder / "emulation/iris.bit").is_file() else "iris.awsxclbin"
    work = tmp_path / "work"
    work.mkdir()

    found = on_board(folder, work, python, "-c", FIND.format(program=program)).stdout
    [site] = (tmp_path / "venv").glob("lib/python*/site-packages")
    assert str(site / "iris_overlay" / program) in found
    assert "- iris (source: iris_overlay)" in found
    delivered = work / "notebooks" / "iris"
    names = {path.name for path in delivered.iterdir()}
    assert names == {"iris.ipynb", "inputs.npy", "expected_raw.npy", "answers.npy"}

    said = on_board(folder, delivered, python, "-c", RUN_NOTEBOOK, "iris.ipynb").stdout
    for words in (
        "and every raw word is the expected one",
        "phase        seconds  part  ns/sample",
        "accuracy 95.6% of 45 samples",
        "2 figures",
    ):
        assert words in said

    run = ("-m", "iris_overlay.iris_host", "--input", "inputs.npy", "--output", "y.npy")
    assert " samples in " in on_board(folder, delivered, python, *run).stdout


def test_the_archive_is_the_package(zynq_build: Report, tmp_path: Path) -> None:
    assert zynq_build.archive is not None
    with tarfile.open(zynq_build.archive.path) as archive:
        packed = {entry.name: entry for entry in archive.getmembers()}
        for path, entry in packed.items():
            file = zynq_build.folder / "package" / path.removeprefix("iris-pynq-z2/")
            content = archive.extractfile(entry)
            assert content is not None
            assert content.read() == file.read_bytes()
            assert bool(entry.mode & 0o100) == bool(file.stat().st_mode & 0o100)
            assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "", "")
    folder = zynq_build.folder / "package"
    assert len(packed) == len([path for path in folder.rglob("*") if path.is_file()])
    python = environment(tmp_path / "venv")
    install(zynq_build.archive.path, python)
    imported = subprocess.run(
        [python, "-c", "from iris_overlay import Iris; Iris()"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert "HostError" in imported.stderr


def test_no_path_of_this_machine_is_in_it(zynq_build: Report) -> None:
    for path in (zynq_build.folder / "package").rglob("*"):
        if path.is_file() and path.suffix != ".npy":
            text = path.read_text()
            assert str(zynq_build.folder) not in text, path
            assert sys.prefix not in text, path


def test_an_emulated_program_never_goes_into_it(zynq_build: Report) -> None:
    assert zynq_build.archive is not None
    assert zynq_build.archive.lacks == ("iris.bit", "iris.hwh")
    package = zynq_build.folder / "package"
    assert not [path for path in package.rglob("*") if path.suffix in (".bit", ".hwh")]
    assert "There is no bitstream in here yet" in (package / "README.md").read_text()


def test_it_stays_there_when_the_vendors_tools_fail(zynq_build: Report, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    shutil.copytree(zynq_build.folder, folder)
    for path in ("package", "deploy"):
        shutil.rmtree(folder / path)
    plugins = load_plugins()
    vivado = Vivado(tmp_path / "no.bit")
    plugins = replace(plugins, targets={**plugins.targets, "pynq-z2": vivado})
    spec = check_spec(zynq_build.folder.parent / "iris.toml", plugins)
    with pytest.raises(BuildError):
        compile_spec(Request(spec, "pynq-z2", folder, "hw"), plugins)
    assert (folder / "package/iris_overlay/iris_host.py").is_file()
    assert (folder / "deploy/iris-pynq-z2.tar.gz").is_file()


class Vivado(PynqZ2):
    """The board, with a Vivado of one line that leaves what a real one would."""

    def __init__(self, bitstream: Path) -> None:
        super().__init__()
        self.bitstream = bitstream

    def toolchain(self, tools: Toolchains) -> Toolchain:
        return Toolchain("Vivado", Path("/vivado"), (2022, 2))

    def plan(self, design: Design, mode: Mode, toolchain: Toolchain, **more: Any) -> Plan:
        outputs = ("out/hw/iris.bit", "out/hw/iris.hwh", "reports/hw/power.rpt")
        names = " ".join(outputs)
        script = (
            f"cp emulation/iris.hwh out/hw; touch {names}; cp '{self.bitstream}' out/hw/iris.bit"
        )
        return Plan((Step("hw: vivado", ("sh", "-c", script), ("scripts/vivado.tcl",), outputs),))


def test_what_hardware_was_built_goes_into_it_until_the_design_changes(
    zynq_build: Report, tmp_path: Path
) -> None:
    for name in ("iris.toml", "iris.network.json"):
        shutil.copy(zynq_build.folder.parent / name, tmp_path)
    plugins = load_plugins()
    vivado_s = tmp_path / "vivado.bit"
    vivado_s.write_bytes(board_bitstream("7z020clg400"))
    plugins = replace(plugins, targets={**plugins.targets, "pynq-z2": Vivado(vivado_s)})
    spec, folder = tmp_path / "iris.toml", tmp_path / "build"

    def compiled(mode: Literal["emulation", "hw"]) -> tuple[bool, set[str], set[str]]:
        """Whether something lacks; what of it is in the package, and in the archive."""
        request = Request(check_spec(spec, plugins), "pynq-z2", folder, mode)
        build = compile_spec(request, plugins)
        assert build.archive is not None
        with tarfile.open(build.archive.path) as archive:
            packed = {Path(name).name for name in archive.getnames()}
        files = {path.name for path in (folder / "package").rglob("*")}
        return bool(build.archive.lacks), files & WANTED, packed & WANTED

    assert compiled("hw") == (False, WANTED, WANTED)
    bit = folder / "package/iris_overlay/iris.bit"
    assert bit.read_bytes() == vivado_s.read_bytes()
    assert "was built for exactly this design" in (folder / "package/README.md").read_text()

    assert compiled("emulation") == (False, WANTED, WANTED)
    (folder / "out/hw/iris.hwh").write_text("of something else")
    assert compiled("emulation") == (True, set(), set())
    assert compiled("hw") == (False, WANTED, WANTED)
    spec.write_text(spec.read_text().replace("Iris species", "Species of irises"))
    assert compiled("emulation") == (True, set(), set())

    vivado_s.write_bytes(board_bitstream("zu9eg-ffvb1156"))
    (folder / "out/hw/iris.bit").unlink()
    with pytest.raises(BuildError) as caught:
        compiled("hw")
    assert [problem.code for problem in caught.value.problems] == ["build.other-program"]
    assert compiled("emulation") == (True, set(), set()), "what was refused is not packaged"
