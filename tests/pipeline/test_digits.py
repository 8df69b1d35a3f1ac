"""A convolutional network all the way: pictures go in, on every host, and all engines agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from fpgac.data.digits import DigitsProvider
from fpgac.network.file import read_network
from fpgac.network.meaning import outputs

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "digits.toml"
ENGINES = [
    *("exact program", "Keras", "C simulation", "program in numpy", "Keras as recorded"),
    *("kernel", "kernel with the exact program"),
]
HOSTS = ["pynq", "opencl", "xrt"]

Fpgac = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def build(fpgac: Fpgac, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("builds") / "digits-aws-f1"
    done = fpgac("compile", SPEC, "--target", "aws-f1", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.heavy
def test_all_engines_agree(build: Path) -> None:
    agreements = [
        agreement["engine"]
        for path in ("vectors/engines.json", "reports/proof.json")
        for agreement in json.loads((build / path).read_text())["agreements"]
    ]
    assert agreements == [*ENGINES, *(f"{host} host" for host in HOSTS)]


@pytest.mark.heavy
@pytest.mark.parametrize("host", HOSTS)
def test_a_host_takes_pictures_as_pictures_or_flat(
    fpgac: Fpgac, build: Path, tmp_path: Path, host: str
) -> None:
    pixels = DigitsProvider().load(50, seed=2).features.astype(np.float32)
    network = read_network(SPEC.with_name("digits.network.json"))
    expected = outputs(network, network.input_layout.raw(pixels))
    for name, shape in (("pictures", (50, 8, 8, 1)), ("flat", (50, 64))):
        np.save(tmp_path / "x.npy", pixels.reshape(shape))
        files = ("--input", "x.npy", "--output", f"{name}.npy")
        done = fpgac("run", build, "--host", host, *files, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), expected)


@pytest.mark.heavy
def test_a_picture_of_another_shape_is_refused(fpgac: Fpgac, build: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((5, 8, 9, 1), np.float32))
    files = ("--input", "x.npy", "--output", "y.npy")
    done = fpgac("run", build, "--host", "xrt", *files, cwd=tmp_path)
    assert done.returncode != 0
    assert "expected: shape (n, 8, 8, 1)" in done.stderr
    assert not (tmp_path / "y.npy").exists()
