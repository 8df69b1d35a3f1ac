"""What results mean, from a spec's ``[interface] decode`` to the arrays that users get."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import fpgac
from fpgac.data.samples import results_file
from fpgac.decoding import Decoding
from fpgac.engines.built import Build
from fpgac.engines.hosts import RunRequest, run_hosts
from fpgac.errors import FpgacError
from fpgac.numbers import FixedPoint
from fpgac.pipeline.emulating import BuildEmulation
from fpgac.spec.loader import load_spec
from fpgac.tensors import Layout, Tensor

SPECS = Path(__file__).parents[2] / "specs"
IRISES = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]], np.float32)


def iris(folder: Path, decode: str) -> Path:
    shutil.copy(SPECS / "iris.network.json", folder)
    text = (SPECS / "iris.toml").read_text()
    (folder / "iris.toml").write_text(text.replace("[interface]", f"[interface]\n{decode}"))
    return folder / "iris.toml"


def test_the_muons_answer_is_in_gev() -> None:
    samples = np.random.default_rng(1).normal(0, 1, (50, 27))
    chip = fpgac.emulator(SPECS / "muon.toml")
    momenta, numbers = chip.predict(samples), chip.predict(samples, decoded=False)
    expected = 16 * np.power(2.0, np.asarray(numbers, np.float64))
    np.testing.assert_array_max_ulp(np.asarray(momenta), expected)


def test_classes_and_probabilities(tmp_path: Path) -> None:
    species = fpgac.emulate(iris(tmp_path, 'decode = "argmax"'), IRISES)
    np.testing.assert_array_equal(species, [0, 2])
    chances = fpgac.emulate(iris(tmp_path, 'decode = { dense_2 = "softmax" }'), IRISES)
    np.testing.assert_array_equal(np.argmax(chances, axis=1), species)
    np.testing.assert_allclose(np.sum(np.asarray(chances), axis=1), 1)


def test_raw_words_mean_themselves(tmp_path: Path) -> None:
    words = fpgac.emulate(iris(tmp_path, 'decode = "argmax"'), IRISES, raw=True)
    np.testing.assert_array_equal(words, fpgac.emulate(SPECS / "iris.toml", IRISES, raw=True))


def test_files_hold_what_results_mean(tmp_path: Path) -> None:
    type_ = FixedPoint.parse("ap_fixed<16,6>")
    layout = Layout((Tensor("y", (3,), type_, decoding=Decoding.parse("argmax")),))
    rows = np.array([[1.0, 2.0, 0.5], [3.0, 2.0, 0.5]])
    for raw, expected in ((False, np.array([1, 0])), (True, rows.astype(np.int16))):
        with results_file(tmp_path / "y.npy", layout, 2, raw=raw) as write:
            write(rows)
        written = np.load(tmp_path / "y.npy")
        np.testing.assert_array_equal(written, expected)
        assert written.dtype == expected.dtype


def test_files_may_hold_the_numbers_themselves(tmp_path: Path) -> None:
    type_ = FixedPoint.parse("ap_fixed<16,6>")
    layout = Layout((Tensor("y", (3,), type_, decoding=Decoding.parse("argmax")),))
    rows = np.array([[1.0, 2.0, 0.5], [3.0, 2.0, 0.5]])
    with results_file(tmp_path / "y.npy", layout, 2, raw=False, decoded=False) as write:
        write(rows)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), rows)


@pytest.mark.parametrize(
    ("decode", "code"),
    [
        ('decode = "linear(factor=[2, 3])"', "spec.decoding-list"),
        ('decode = "armax"', "spec.invalid-decoding"),
        ('decode = { dense_9 = "argmax" }', "spec.unknown-tensor"),
        ("decode = 3", "spec.wrong-type"),
    ],
)
def test_mistakes_are_told_with_the_line(tmp_path: Path, decode: str, code: str) -> None:
    path = iris(tmp_path, decode)
    with pytest.raises(FpgacError) as caught:
        load_spec(path)
    problem = caught.value.problems[0]
    assert problem.code == code
    assert problem.where is not None
    assert problem.where.line == path.read_text().splitlines().index(decode) + 1


def test_a_single_number_is_no_class(tmp_path: Path) -> None:
    path = tmp_path / "muon.toml"
    text = (SPECS / "muon.toml").read_text()
    path.write_text(text.replace('"exponential(base=2, factor=16)"', '"softmax"'))
    with pytest.raises(FpgacError) as caught:
        load_spec(path)
    assert [problem.code for problem in caught.value.problems] == ["spec.decoding-misfit"]


@pytest.mark.heavy  # a kernel and three hosts
def test_all_hosts_and_emulate_write_the_same_bytes(tmp_path: Path) -> None:
    """Scaled, decoded, by real programs on the emulated card."""
    scaling = "scaling = { sepal_length = { scale = 0.5 }, petal_width = { offset = 0.1 } }"
    path = iris(tmp_path, 'decode = "softmax"')
    text = path.read_text().partition("[targets.")[0].replace("random = 12000", "random = 300")
    text = text.replace('source = "iris"', f'source = "iris"\n{scaling}')
    path.write_text(f"{text}[targets.aws-f1]\n")
    folder = fpgac.compile(path, "aws-f1").folder
    samples = folder / "vectors" / "inputs.npy"
    request = RunRequest(folder, input=samples, output=tmp_path / "y.npy")
    hosts = [result.host for result in run_hosts(request, "all")]
    BuildEmulation(Build.open(folder), samples).write(tmp_path / "emulated.npy")
    expected = (tmp_path / "emulated.npy").read_bytes()
    assert hosts == ["pynq", "opencl", "xrt"]
    assert [(tmp_path / f"y-{host}.npy").read_bytes() == expected for host in hosts] == [True] * 3
    np.testing.assert_array_equal(
        np.load(tmp_path / "emulated.npy"), fpgac.emulate(folder, np.load(samples))
    )
