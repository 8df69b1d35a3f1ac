"""``fpgac plugin new``: a package that installs with pip, passes its own tests, and compiles."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, get_args

import pytest

from fpgac.errors import BuildError, TargetError
from fpgac.plugins.scaffold import Kind, package_files, write_package
from tests.plugins.packages import checked_types, install, run
from tests.problems import coded

Fpgac = Callable[..., subprocess.CompletedProcess[str]]

# What a user fills in, by key: boards that there are, and a card that there is not.
FACTS: Final[Mapping[Kind, Mapping[str, str]]] = {
    "card": {
        "part": '"xcvu9p-flgb2104-2-i"',
        "platforms": '["vendor_my-card_1"]',
        "platform_hint": '"install the platform"',
        "spread": '["DDR[0]"]',
        "first": "[2021, 1]",
        "last": "[2024, 2]",
        "default_mhz": "300.0",
        "maximum_mhz": "300.0",
        "tag": '"bank0"',
        "name": '"DDR[0]"',
        "kind": '"DDR4"',
        "size_bytes": "0x8000_0000",
        "base": "0x0",
    },
    "embedded": {
        "part": '"xczu7ev-ffvc1156-2-e"',
        "platforms": '["xilinx_zcu104_base_202420_1", "xilinx_zcu104_base_202320_1"]',
        "platform_hint": '"it comes with Vitis"',
        "spread": '["HP0"]',
        "first": "[2023, 2]",
        "last": "[2024, 2]",
        "default_mhz": "150.0",
        "maximum_mhz": "333.0",
        "tag": '"HP0"',
        "name": '"HP0"',
        "kind": '"DDR4"',
        "size_bytes": "0x8000_0000",
        "base": "0x0",
    },
    "vivado": {
        "part": '"xc7z020clg400-1"',
        "platforms": '["www.digilentinc.com:pynq-z1:part0:1.0"]',
        "platform_hint": '"install the board\'s files from the Vivado store"',
        "processing_system": '"processing_system7"',
        "first": "[2020, 2]",
        "last": "[2025, 2]",
        "default_mhz": "100.0",
        "maximum_mhz": "150.0",
        "kind": '"DDR3"',
        "size_bytes": "0x2000_0000",
    },
    "ip": {
        "part": '"xc7a100tcsg324-1"',
        "first": "[2020, 2]",
        "last": "[2025, 2]",
        "default_mhz": "100.0",
        "maximum_mhz": "200.0",
    },
}


def filled_in(board: str, facts: Mapping[str, str]) -> str:
    """A board file with its facts in the places that ask for them."""
    asked = re.compile(r'^(\w+) = "<.+>"$', re.MULTILINE)
    return asked.sub(lambda each: f"{each[1]} = {facts[each[1]]}", board)


@pytest.fixture(scope="module", params=get_args(Kind))
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture(scope="module")
def package(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``fpgac plugin new NAME --kind KIND`` writes, with the facts of a board."""
    folder = tmp_path_factory.mktemp("package") / "new"
    write_package(folder, f"my-{kind}", kind=kind)
    board = folder / f"fpgac_my_{kind}" / f"my-{kind}.toml"
    board.write_text(filled_in(board.read_text(), FACTS[kind]))
    return folder


@pytest.fixture(scope="module")
def python(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("environment") / "venv", package)


def test_the_command_writes_the_folder_and_names_the_board_file(
    tmp_path: Path, fpgac: Fpgac
) -> None:
    done = fpgac("plugin", "new", "kv260", "--kind", "vivado", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["fpgac-kv260"]
    assert "fpgac-kv260/fpgac_kv260/kv260.toml" in done.stderr


def test_until_its_facts_are_filled_in_the_board_is_refused_with_each_line(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fpgac.errors import PluginError
    from fpgac.plugins import Board

    files = package_files("new-one", kind=kind)
    text = files["fpgac_new_one/new-one.toml"].decode()
    (tmp_path / "new-one.toml").write_text(text)
    with pytest.raises(PluginError) as caught:
        Board.load(tmp_path / "new-one.toml")
    asked = [n for n, line in enumerate(text.splitlines(), 1) if '= "<' in line]
    problems = caught.value.problems
    assert [problem.where and problem.where.line for problem in problems] == asked
    assert {problem.code for problem in problems} == {"plugin.placeholder"}
    assert len(asked) == len(FACTS[kind])


def test_what_is_missing_costs_the_new_target_alone(tmp_path: Path) -> None:
    write_package(tmp_path / "new", "new-one")
    program = install(tmp_path / "venv", tmp_path / "new")
    done = run([program, "-m", "fpgac", "targets"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "zcu102" in done.stdout
    assert "this fact of the board is still to be filled in" in done.stderr


@pytest.mark.heavy
def test_it_passes_its_own_tests(package: Path, python: Path) -> None:
    done = run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider"], package)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.heavy
def test_it_compiles_and_is_run(kind: Kind, python: Path, specs: Path) -> None:
    spec = specs / "iris.toml"
    spec.write_text(f"{spec.read_text()}\n[targets.my-{kind}]\nclock_mhz = 100.0\n")
    build = specs / "build"
    done = run([python, "-m", "fpgac", "compile", spec, "-t", f"my-{kind}", "--out", build], specs)
    assert done.returncode == 0, done.stderr
    done = run([python, "-m", "fpgac", "run", build], specs)
    assert done.returncode == 0, done.stderr


def test_the_list_shows_it_with_its_distribution(kind: Kind, python: Path, tmp_path: Path) -> None:
    done = run([python, "-m", "fpgac", "plugin", "list"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert [f"my-{kind}", f"fpgac-my-{kind}", "0.1.0", "target:", f"my-{kind}"] in [
        line.split() for line in done.stdout.splitlines()
    ]


def test_what_it_writes_is_clean(package: Path) -> None:
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        done = run(
            [sys.executable, "-m", *command, "--isolated", "--line-length=100", "."], package
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_writes_is_typed(
    kind: Kind, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "types"
    done = checked_types(package, f"fpgac_my_{kind}", cache)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["targets", "templates"])
def test_a_package_cannot_be_called_as_fpgacs_own(name: str) -> None:
    with pytest.raises(TargetError, check=coded("target.reserved-name")):
        package_files(name)


def test_text_from_the_user_is_quoted_everywhere() -> None:
    title = "Ada's \"best\" card \\ ''' {{ 7 * 6 }} </b>"
    files = package_files("my-card", title)
    assert tomllib.loads(files["fpgac_my_card/my-card.toml"].decode())["title"] == title
    project = tomllib.loads(files["pyproject.toml"].decode())["project"]
    assert project["description"] == f"A target of fpgac: {title}"
    assert project["entry-points"]["fpgac"] == {"my-card": "fpgac_my_card"}
    assert b"</b>" not in files["README.md"]
    for path, content in files.items():
        if path.endswith(".py"):
            compile(content, path, "exec")


@pytest.mark.parametrize("name", ["", "KV260", "2fast", "a_b", "../up", "a b", "a'b", "x" * 41])
def test_names_that_cannot_be_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, check=coded("target.invalid-name")):
        write_package(tmp_path / "new", name)
    assert not (tmp_path / "new").exists()


def test_a_target_that_there_is_already_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, check=coded("target.name-taken")):
        write_package(tmp_path / "new", "zcu102")
    assert not (tmp_path / "new").exists()


def test_a_name_that_python_keeps_for_itself_gets_another_class() -> None:
    assert b"class NoneChip(" in package_files("none")["fpgac_none/target.py"]


@pytest.mark.parametrize("title", ["", " ", "two\nlines", "bell\a"])
def test_titles_that_cannot_be_are_refused(title: str) -> None:
    with pytest.raises(TargetError, check=coded("target.invalid-title")):
        package_files("kv260", title)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(BuildError, check=coded("build.folder-not-empty")):
        write_package(tmp_path, "kv260")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
