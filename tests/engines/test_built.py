"""A build folder answers samples by itself: without its spec, and where hls4ml is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fpgac as package
from fpgac.build.folder import locked
from fpgac.engines.built import PROGRAM, Build
from fpgac.engines.program import EXACT
from fpgac.errors import BuildError

Fpgac = Callable[..., subprocess.CompletedProcess[str]]
SPEC = Path(__file__).parents[2] / "specs" / "iris.toml"
X = np.random.default_rng(3).uniform(0, 8, (300, 4))

# Imports of hls4ml fail as if it were not installed; the last line tells what the chip answers.
WITHOUT_HLS4ML = """
import json, sys
sys.modules["hls4ml"] = None
import numpy as np, fpgac
X = np.random.default_rng(3).uniform(0, 8, (300, 4))
chip = fpgac.load(sys.argv[1])
print(json.dumps([chip.raw(X).tolist(), fpgac.emulate(sys.argv[1], X).tolist(), chip.engine.name]))
"""


def test_a_folder_answers_as_its_spec_does_where_hls4ml_cannot_be_imported(
    iris_build: Path, tmp_path: Path
) -> None:
    alone = shutil.copytree(iris_build, tmp_path / "alone")
    command = [sys.executable, "-c", WITHOUT_HLS4ML, str(alone)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    words, numbers, engine = json.loads(done.stdout)
    np.testing.assert_array_equal(words, package.emulate(SPEC, X, raw=True))
    np.testing.assert_array_equal(numbers, package.emulate(SPEC, X))
    assert engine == EXACT


def test_the_command_line_answers_for_a_folder_too(
    fpgac: Fpgac, iris_build: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", X)
    files = ("--data", tmp_path / "x.npy", "--out", tmp_path / "y.npy")
    done = fpgac("emulate", iris_build, *files)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), package.emulate(iris_build, X))


def test_without_samples_its_own_vectors_are_compared_with_the_proof(
    fpgac: Fpgac, iris_build: Path
) -> None:
    done = fpgac("emulate", iris_build)
    assert done.returncode == 0, done.stderr
    assert "equal to the proof's words on all 12,220 vectors" in done.stdout


def test_a_damaged_program_is_refused(iris_build: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(iris_build, tmp_path / "build")
    (folder / PROGRAM).write_bytes((folder / PROGRAM).read_bytes().replace(b"dot", b"dit"))
    with pytest.raises(BuildError) as caught:
        package.load(folder)
    assert caught.value.problems[0].where is not None
    assert caught.value.problems[0].where.file == folder / PROGRAM


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: (folder / "fpgac.lock").unlink(), "build.no-build"),
        (lambda folder: (folder / "emulation/plan.json").unlink(), "build.unfinished"),
        (lambda folder: (folder / "emulation/plan.json").write_text("{"), "build.unfinished"),
        (lambda folder: (folder / "vectors/expected_raw.npy").unlink(), "build.unfinished"),
    ],
    ids=["no build", "no plan", "a damaged plan", "not proven"],
)
def test_what_is_no_finished_build_is_refused(
    iris_build: Path, tmp_path: Path, damage: Callable[[Path], object], code: str
) -> None:
    folder = shutil.copytree(iris_build, tmp_path / "build")
    damage(folder)
    with pytest.raises(BuildError) as caught:
        _ = Build.open(folder).expected
    assert [problem.code for problem in caught.value.problems] == [code]


def test_a_folder_that_is_being_written_is_not_read(iris_build: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(iris_build, tmp_path / "build")
    with locked(folder), pytest.raises(BuildError) as caught:
        Build.open(folder)
    assert [problem.code for problem in caught.value.problems] == ["build.locked"]
