"""What is installed is what is here: the same names and files in a wheel as in a clone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("compiler/fpgac", "plugins/fpgac_targets", "templates/fpgac_templates")


def run(command: list[str | Path], cwd: Path) -> str:
    """What the command prints; it sees nothing of the clone but by way of what is installed."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def build(hook: str, folder: Path) -> Path:
    """The distribution that ``hook`` of the build backend makes from this clone."""
    program = f"import sys; from hatchling.build import {hook} as build; print(build(sys.argv[1]))"
    return folder / run([sys.executable, "-c", program, folder], cwd=ROOT).splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("build_wheel", tmp_path_factory.mktemp("wheel"))


def files_below(package: str) -> set[str]:
    """The package's files as a wheel names them."""
    folder = ROOT / package
    return {
        path.relative_to(folder.parent).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_holds_every_file_of_a_package(wheel: Path, package: str) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())

    assert files_below(package) - packed == set()


def test_a_wheel_holds_templates_boards_and_the_card(wheel: Path) -> None:
    packed = zipfile.ZipFile(wheel).namelist()

    for folder, ending in [
        ("fpgac_templates/kernel/", ".j2"),
        ("fpgac_templates/hosts/", ".j2"),
        ("fpgac_templates/hosts/", ".hpp"),
        ("fpgac_templates/hosts/pynq/runtime/", ".py"),
        ("fpgac_targets/boards/", ".toml"),
        ("fpgac/emulation/device/", ".cpp"),
        ("fpgac/", "py.typed"),
    ]:
        assert any(name.startswith(folder) and name.endswith(ending) for name in packed), folder


def test_a_wheel_holds_its_licence_and_nothing_of_the_clone_around_it(wheel: Path) -> None:
    packed = zipfile.ZipFile(wheel).namelist()

    assert [name for name in packed if name.endswith("licenses/LICENSE")]
    assert {name.partition("/")[0] for name in packed if ".dist-info/" not in name} == {
        "fpgac",
        "fpgac_targets",
        "fpgac_templates",
    }


def test_an_editable_install_sees_the_three_import_packages(tmp_path: Path) -> None:
    editable = zipfile.ZipFile(build("build_editable", tmp_path))
    [path_file] = [name for name in editable.namelist() if name.endswith(".pth")]

    assert [Path(line) for line in editable.read(path_file).decode().split()] == [
        (ROOT / package).parent for package in PACKAGES
    ]


def test_an_installed_wheel_validates_a_spec_and_knows_its_targets(
    wheel: Path, tmp_path: Path
) -> None:
    programs = install(wheel, tmp_path / "venv")

    where = "import fpgac_targets; print(fpgac_targets.__file__)"
    assert Path(run([programs / "python", "-c", where], tmp_path)).is_relative_to(tmp_path)
    assert "muon" in run([programs / "fpgac", "validate", ROOT / "specs" / "muon.toml"], tmp_path)
    assert "aws-f1" in run([programs / "fpgac", "targets"], tmp_path)


def install(wheel: Path, folder: Path) -> Path:
    """Install the wheel into an environment of its own; what it depends on is borrowed from ours.

    Returns the folder of its programs.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / "bin"
    [site] = folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    quietly = ["--quiet", "--no-index", "--no-deps", "--ignore-installed"]
    run([*pip, "--python", programs / "python", "install", *quietly, wheel], cwd=folder)
    return programs
