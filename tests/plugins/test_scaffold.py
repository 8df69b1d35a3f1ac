"""``fpgac plugin new``: a package that installs with pip, passes its own tests, and compiles."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fpgac.errors import BuildError, TargetError
from fpgac.plugins.scaffold import package_files, write_package
from tests.problems import coded

Fpgac = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[2]


def run(command: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, fpgac: Fpgac) -> Path:
    """What ``fpgac plugin new kv260`` writes in an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    done = fpgac("plugin", "new", "kv260", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["fpgac-kv260"]
    return folder / "fpgac-kv260"


@pytest.fixture(scope="module")
def python(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which the package is installed with pip; the rest is ours."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path and Path(path).is_dir()]
    (site / "ours.pth").write_text("".join(f"{path}\n" for path in ours))
    program = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(program)]
    install = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = run([*pip, *install, "-e", str(package)], package)
    assert done.returncode == 0, done.stderr
    return program


@pytest.mark.parametrize("name", ["targets", "templates"])
def test_a_package_cannot_be_called_as_fpgacs_own(name: str) -> None:
    with pytest.raises(TargetError, check=coded("target.reserved-name")):
        package_files(name)


@pytest.mark.heavy
def test_it_passes_its_own_tests_at_once(package: Path, python: Path) -> None:
    done = run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider"], package)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["iris", "muon"])
def test_it_compiles_and_its_hosts_run_on_the_emulated_card(
    name: str, python: Path, specs: Path
) -> None:
    spec = specs / f"{name}.toml"
    spec.write_text(spec.read_text() + "\n[targets.kv260]\ncompute_units = 2\n")
    build = specs / "build"
    done = run([python, "-m", "fpgac", "compile", spec, "-t", "kv260", "--out", build], specs)
    assert done.returncode == 0, done.stderr
    assert "xrt host" in done.stdout
    assert "`xbutil examine` must list it" in (build / "README.md").read_text()
    done = run([python, "-m", "fpgac", "run", build], specs)
    assert done.returncode == 0, done.stderr


def test_the_list_shows_it_with_its_distribution(python: Path, tmp_path: Path) -> None:
    done = run([python, "-m", "fpgac", "plugin", "list"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert ["kv260", "fpgac-kv260", "0.1.0", "target:", "kv260"] in [
        line.split() for line in done.stdout.splitlines()
    ]


def test_what_it_writes_is_clean(package: Path) -> None:
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        done = run(
            [sys.executable, "-m", *command, "--isolated", "--line-length=100", "."], package
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_writes_is_typed(package: Path) -> None:
    paths = [str(ROOT / folder) for folder in ("compiler", "plugins", "templates")]
    environment = {**os.environ, "MYPYPATH": os.pathsep.join([*paths, str(package)])}
    options = ["--strict", "--explicit-package-bases", "--cache-dir", str(package / ".types")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "-p", "fpgac_kv260"],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
