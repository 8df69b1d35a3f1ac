"""A user's own program with a build's card around it: unchanged, and its exit code is fpgac's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.engines.executing import Execution, is_python
from fpgac.errors import EmulationError, TargetError

Fpgac = Callable[..., subprocess.CompletedProcess[str]]

# What a user writes for the board: the build's own class, and nothing of fpgac's.
PROGRAM = """\
import sys
import numpy as np
from iris_overlay import Iris

samples, expected = (np.load(path) for path in sys.argv[1:])
with Iris() as chip:
    words = chip.predict(samples, raw=True).reshape(expected.shape)
print("differing:", int((words != expected).sum()))
print("a warning", file=sys.stderr)
sys.exit(7)
"""


def unheard(_: str) -> None:
    """A line that nobody reads."""


@pytest.fixture
def program(iris_build: Path, tmp_path: Path) -> list[str]:
    path = tmp_path / "my.py"
    path.write_text(PROGRAM)
    vectors = (iris_build / "vectors" / name for name in ("inputs.npy", "expected_raw.npy"))
    return [str(path), *map(str, vectors)]


def test_the_build_s_class_runs_without_a_card(
    fpgac: Fpgac, iris_build: Path, program: list[str]
) -> None:
    done = fpgac("exec", iris_build, "--engine", "exact", "--", "python", *program)
    assert (done.stdout, done.stderr) == ("differing: 0\n", "a warning\n")
    assert done.returncode == 7


def test_programs_get_one_document(fpgac: Fpgac, iris_build: Path, program: list[str]) -> None:
    done = fpgac("--json", "exec", iris_build, "--engine", "exact", "--", "python", *program)
    document = json.loads(done.stdout)
    assert (document["exit_code"], document["result"]["exit_code"]) == (7, 7)
    assert "differing: 0" in done.stderr


def test_a_host_in_c_plus_plus_sees_the_card(iris_build: Path, tmp_path: Path) -> None:
    said: list[str] = []
    build, written = iris_build / "emulation", tmp_path / "y.npy"
    command = [
        *(str(build / "host_xrt"), "--xclbin", str(build / "iris.xclbin")),
        *("--input", str(iris_build / "vectors/inputs.npy"), "--output", str(written)),
    ]
    assert Execution(iris_build).run(command, said.append, said.append).exit_code == 0
    assert written.is_file()
    assert "samples in" in "".join(said)


def test_what_goes_wrong_is_explained_as_by_run(iris_build: Path) -> None:
    execution = Execution(iris_build, timeout=2.0)
    for command, code in (
        (["sh", "-c", "kill -SEGV $$"], "host.crash"),
        (["sleep", "60"], "host.hang"),
        (["./nowhere"], "host.cannot-start"),
    ):
        with pytest.raises(EmulationError) as caught:
            execution.run(command, unheard, unheard)
        assert [problem.code for problem in caught.value.problems] == [code]


def test_a_kernel_that_the_build_lacks_is_refused(iris_build: Path, tmp_path: Path) -> None:
    build = Path(shutil.copytree(iris_build, tmp_path / "build"))
    (build / "emulation/exact/iris.xclbin").unlink()
    with pytest.raises(TargetError) as caught:
        Execution(build, engine="exact").run(["true"], unheard, unheard)
    assert [problem.code for problem in caught.value.problems] == ["target.no-kernel"]


def test_python_is_known_by_its_name_or_by_a_script_s_first_line(tmp_path: Path) -> None:
    scripts = {"mine": f"#!{sys.executable}\n", "shell": "#!/bin/sh\n"}
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    assert is_python("python")
    assert is_python(sys.executable)
    assert is_python(str(tmp_path / "mine"))
    assert not is_python(str(tmp_path / "shell"))
    assert not is_python("sh")
    assert not is_python("nowhere")
