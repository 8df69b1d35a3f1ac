"""The pipeline for a Zynq board: the same stages, another card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fpgac.build.folder import locked
from fpgac.build.lock import read_lock
from fpgac.engines.built import Build
from fpgac.engines.executing import Execution
from fpgac.engines.hosts import RunRequest, run_hosts
from fpgac.errors import BuildError, TargetError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Report, Request, compile_spec
from fpgac.plugins import load_plugins


def test_the_pynq_host_is_proven_on_the_emulated_board(zynq_build: Report) -> None:
    proof = zynq_build.proof
    assert (proof.unavailable, zynq_build.lacking_hosts) == ((), ())
    engines = [agreement.engine for agreement in proof.agreements]
    assert engines[0] == "exact program"
    assert engines[-3:] == ["kernel", "kernel with the exact program", "pynq host"]
    for path in ("emulation/iris.bit", "emulation/iris.hwh", "hosts/pynq/requirements.txt"):
        assert (zynq_build.folder / path).is_file(), path
    assert "pynq>=2.7,<4" in (zynq_build.folder / "hosts/pynq/requirements.txt").read_text()


def test_the_build_runs(zynq_build: Report, tmp_path: Path) -> None:
    assert Build.open(zynq_build.folder).hosts == ("pynq",)
    for host, batch in (("all", 100), ("simulation", None)):
        request = RunRequest(zynq_build.folder, output=tmp_path / "Y.npy", batch=batch)
        (result,) = run_hosts(request, host)
        assert result.verdict == "equal to the proof's"
        assert np.load(tmp_path / "Y.npy").shape == (result.samples, 3)


def test_a_build_that_is_being_written_is_not_run(zynq_build: Report) -> None:
    with (
        locked(zynq_build.folder),
        pytest.raises(BuildError, match="another fpgac is writing this folder"),
    ):
        run_hosts(RunRequest(zynq_build.folder), "pynq")


def test_a_batch_that_no_transfer_can_carry_is_refused(zynq_build: Report) -> None:
    with pytest.raises(TargetError, match="no call takes 9000000 samples") as caught:
        run_hosts(RunRequest(zynq_build.folder, batch=9_000_000), "pynq")
    rows = (2**26 - 1) // 16  # a result is a row of 16 bytes
    assert caught.value.problems[0].expected == f"at most {rows}"


def test_the_same_design_gives_the_same_bitstream_and_archive(
    zynq_build: Report, tmp_path: Path
) -> None:
    plugins = load_plugins()
    file = check_spec(zynq_build.folder.parent / "iris.toml", plugins)
    again = compile_spec(Request(file, "pynq-z2", tmp_path / "build"), plugins)
    for path in ("emulation/iris.bit", "deploy/iris-pynq-z2.tar.gz"):
        assert (again.folder / path).read_bytes() == (zynq_build.folder / path).read_bytes()
    first, second = (read_lock(report.folder).stages for report in (zynq_build, again))
    assert {name: record.files for name, record in first.items()} == {
        name: record.files for name, record in second.items()
    }


def test_a_program_of_a_user_s_own_runs_on_the_emulated_board(
    zynq_build: Report, tmp_path: Path
) -> None:
    """``fpgac exec``: the build's class loads the emulated board's bitstream by itself."""
    program = tmp_path / "my.py"
    program.write_text(
        "import sys\nimport numpy as np\nfrom iris_overlay import Iris\n"
        "samples, expected = map(np.load, sys.argv[1:])\n"
        "words = Iris().predict(samples, raw=True).reshape(expected.shape)\n"
        "print((words == expected).all())\n"
    )
    vectors = zynq_build.folder / "vectors"
    names = [str(vectors / name) for name in ("inputs.npy", "expected_raw.npy")]
    said: list[str] = []
    done = Execution(zynq_build.folder).run(["python", str(program), *names], said.append, print)
    assert (done.exit_code, said) == (0, ["True"])
