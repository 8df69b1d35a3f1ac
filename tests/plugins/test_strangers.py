"""Packages made from the documentation alone, installed with pip as those of strangers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.plugins.packages import ROOT, checked_types, install, run

PACKAGES: Final[Mapping[str, Path]] = {
    "kv260": ROOT / "docs/examples/fpgac-kv260",
    "stream-ip": ROOT / "tests/strangers/fpgac-stream-ip",
}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The packages where nothing of fpgac's own lies about."""
    folder = tmp_path_factory.mktemp("strangers")
    return {name: shutil.copytree(path, folder / path.name) for name, path in PACKAGES.items()}


@pytest.fixture(scope="module")
def python(copies: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which all of them are installed."""
    return install(tmp_path_factory.mktemp("environment") / "venv", *copies.values())


def test_all_are_found(python: Path, tmp_path: Path) -> None:
    done = run([python, "-m", "fpgac", "--json", "plugin", "list"], tmp_path)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)["result"]
    assert listed["failures"] == []
    offered = {plugin["from"]: plugin["offers"] for plugin in listed["plugins"]}
    for name in PACKAGES:
        assert offered[f"fpgac-{name} 0.1.0"] == {"target": [name]}


def test_a_target_without_hosts_says_so(python: Path, tmp_path: Path) -> None:
    done = run([python, "-m", "fpgac", "--json", "targets", "show", "stream-ip"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"hosts": []' in done.stdout
    done = run([python, "-m", "fpgac", "targets", "show", "stream-ip"], tmp_path)
    assert "hosts:       none" in done.stdout
    assert "Memories" not in done.stdout


def test_a_host_of_a_target_without_hosts_is_refused(python: Path, specs: Path) -> None:
    spec = specs / "iris.toml"
    spec.write_text(f'{spec.read_text()}\n[targets.stream-ip]\nhosts = ["pynq"]\n')
    done = run([python, "-m", "fpgac", "validate", spec], specs)
    assert done.returncode == 7
    assert "stream-ip offers no host 'pynq'" in done.stderr
    assert "expected: no hosts" in done.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("name", PACKAGES)
def test_each_passes_its_own_tests(name: str, python: Path, copies: dict[str, Path]) -> None:
    done = run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider"], copies[name])
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.heavy
def test_an_ip_without_hosts_is_proven_and_run(python: Path, specs: Path) -> None:
    spec = specs / "iris.toml"
    spec.write_text(f"{spec.read_text()}\n[targets.stream-ip]\nclock_mhz = 100.0\n")
    build = specs / "build"
    done = run([python, "-m", "fpgac", "compile", spec, "-t", "stream-ip", "--out", build], specs)
    assert done.returncode == 0, done.stderr
    proof = json.loads((build / "reports/proof.json").read_text())
    engines = {agreement["engine"] for agreement in proof["agreements"]}
    assert engines == {"kernel", "kernel with the exact program"}
    done = run([python, "-m", "fpgac", "run", build], specs)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PACKAGES)
def test_each_is_typed(
    name: str, copies: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "types"
    done = checked_types(copies[name], f"fpgac_{name.replace('-', '_')}", cache)
    assert done.returncode == 0, done.stdout + done.stderr
