"""The overlay package's files: quoted, clean, and right for what the answers are."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fpgac.design.contract import Interface, contract
from fpgac.design.hosts import host_files
from fpgac.design.package import OverlayPackage, program_names
from fpgac.testing import HOSTILE_TEXT, code_of

from .cores import handmade_core

if TYPE_CHECKING:
    from pathlib import Path

QUANTITY = {
    "name": "transverse momentum",
    "symbol": r"$p_\mathrm{T}$",
    "unit": "GeV",
    "edges": [3.0, 10.0, 30.0],
    "formula": "16 * np.exp2(y[:, 0])",
}
ANSWERS: dict[str, dict[str, Any]] = {
    "classes": {"task": "classification", "names": ["setosa", "it's"], "quantity": None},
    "plain": {"task": "regression", "names": ["p", "q"], "quantity": None},
    "quantity": {"task": "regression", "names": ["log2_pt"], "quantity": QUANTITY},
}


def package(
    interface: Interface = "axis", answers: str = "quantity", **fields: Any
) -> OverlayPackage:
    agreed = contract(handmade_core(), name="jet_tagger", compute_units=1, interface=interface)
    hosts = host_files(agreed, ["pynq"])
    folder = "hosts/pynq/"
    return OverlayPackage(
        contract=agreed,
        title="PYNQ-Z2",
        host={path.removeprefix(folder): file.content for path, file in hosts.items()},
        answers=ANSWERS[answers],
        vectors={"inputs.npy": b"vectors"},
        archive="jet_tagger-pynq-z2.tar.gz",
        **fields,
    )


def described(made: OverlayPackage) -> configparser.ConfigParser:
    """What setup.cfg says, read as setuptools 59.6 of PYNQ's images does: a % would interpolate."""
    parser = configparser.ConfigParser()
    parser.read_string(made.files()["setup.cfg"].content.decode())
    return parser


def test_pip_and_pynq_are_told_all() -> None:
    made = package()
    setup = described(made)
    assert setup["metadata"]["name"] == "jet-tagger-overlay"
    assert setup["metadata"]["version"] == f"1.0+{made.contract.identity[:12]}"
    assert setup["options"]["install_requires"].split() == ["numpy", "pynq>=2.7,<4"]
    points = setup["options.entry_points"]
    assert points["pynq.overlays"].strip() == "jet_tagger = jet_tagger_overlay"
    assert points["pynq.notebooks"].strip() == "jet_tagger = jet_tagger_overlay.notebooks"


@pytest.mark.parametrize("interface", ["m_axi", "axis"])
def test_what_the_board_loads_is_package_data(interface: Interface) -> None:
    names = program_names(package(interface).contract)
    made = package(interface, program={name: name.encode() for name in names})
    files, data = made.files(), described(made)["options.package_data"]["jet_tagger_overlay"]
    for name in names:
        assert files[f"jet_tagger_overlay/{name}"].content == name.encode()
        assert f"*.{name.rpartition('.')[2]}" in data.split()
    assert b"There is no" not in files["README.md"].content
    assert b"in here yet" in package(interface).files()["README.md"].content
    imaged = package(interface, kind="awsxclbin").files()["README.md"].content
    assert b"`jet_tagger.awsxclbin`" in imaged
    never = package(interface, stops="nobody builds it").files()["README.md"].content
    assert b"in here.** nobody builds it" in never


def test_its_host_is_the_design_s() -> None:
    made = package()
    files = made.files()
    assert files["jet_tagger_overlay/jet_tagger_host.py"].executable
    for path, content in made.host.items():
        inside = path if path == "requirements.txt" else f"jet_tagger_overlay/{path}"
        assert files[inside].content == content
    assert "jet_tagger_runtime/dma.py" in made.host


def code_cells(made: OverlayPackage) -> str:
    files = made.files()
    cells = json.loads(files["jet_tagger_overlay/notebooks/jet_tagger.ipynb"].content)["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return "\n\n".join(code)


@pytest.mark.parametrize("answers", ANSWERS)
def test_what_python_runs_is_clean(answers: str, tmp_path: Path) -> None:
    made = package(answers=answers)
    for path, file in made.files().items():
        if path.endswith((".ipynb", "__init__.py")):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(file.content)
    ruff, isolated = [sys.executable, "-m", "ruff"], ["--isolated", "--line-length=100"]
    check = ["check", "--target-version=py38", "--select=E,F,W,I,B0,N,RET,SIM,C4"]
    for command in (check, ["format", "--diff"]):
        done = subprocess.run(
            [*ruff, *command, *isolated, "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_host_runs_as_a_module_without_a_warning(tmp_path: Path) -> None:
    for path, file in package().files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(file.content)
    module = "jet_tagger_overlay.jet_tagger_host"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", module, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    imports = "from jet_tagger_overlay import HostError, JetTagger; print(JetTagger.__name__)"
    named = subprocess.run(
        [sys.executable, "-c", imports], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert named.stdout == "JetTagger\n", named.stderr


def test_text_from_people_stays_in_its_place() -> None:
    """A description, a board's title, and the names of answers."""
    tame = {**ANSWERS["quantity"], "names": ["name"], "quantity": {**QUANTITY, "name": "name"}}
    wild = {**tame, "names": [HOSTILE_TEXT], "quantity": {**QUANTITY, "name": HOSTILE_TEXT}}
    plain = replace(package(description="plain"), answers=tame)
    hostile = replace(
        package(description=HOSTILE_TEXT), title=HOSTILE_TEXT.replace("\n", " "), answers=wild
    )
    assert list(plain.files()) == list(hostile.files())
    for path, file in plain.files().items():
        if path.endswith(".py"):
            assert code_of(path, file) == code_of(path, hostile.files()[path])
    percent = package(description="95 % of the species")
    assert {**described(percent)["metadata"]} == {**described(plain)["metadata"]}
    sections = {name: list(section) for name, section in described(plain).items()}
    assert {name: list(section) for name, section in described(hostile).items()} == sections
    for answers in ("classes", "plain"):
        names = {**ANSWERS[answers], "names": [HOSTILE_TEXT]}
        compile(code_cells(replace(hostile, answers=names)), "notebook", "exec")
    compile(code_cells(hostile), "notebook", "exec")


def test_the_same_parts_give_the_same_bytes() -> None:
    assert list(package().files().items()) == list(package().files().items())
