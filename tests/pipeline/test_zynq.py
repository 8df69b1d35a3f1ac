"""The road to a Zynq board: the same stops, another card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fpgac.build.folder import claimed
from fpgac.errors import BuildError, TargetError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Build, Request, compile_spec
from fpgac.plugins import load_plugins
from fpgac.run.hosts import RunRequest, built_hosts, run_hosts

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("zynq")
    shutil.copy(SPECS / "iris.network.json", folder)
    text = (SPECS / "iris.toml").read_text().replace("random = 12000", "random = 500")
    (folder / "iris.toml").write_text(text)
    plugins = load_plugins()
    file = check_spec(folder / "iris.toml", plugins)
    return compile_spec(Request(file, "pynq-z2", folder / "build"), plugins)


def test_the_pynq_host_is_proven_on_the_emulated_board(built: Build) -> None:
    assert built.unproven == ()
    engines = [engine["engine"] for engine in built.engines]
    assert [engines[0], *engines[-2:]] == ["C simulation", "kernel", "pynq host"]
    for path in ("emulation/iris.bit", "emulation/iris.hwh", "hosts/pynq/requirements.txt"):
        assert (built.folder / path).is_file(), path
    assert "pynq>=2.7,<4" in (built.folder / "hosts/pynq/requirements.txt").read_text()


def test_the_build_runs(built: Build, tmp_path: Path) -> None:
    assert built_hosts(built.folder) == ("pynq",)
    for host, batch in (("all", 100), ("simulation", None)):
        request = RunRequest(built.folder, output=tmp_path / "Y.npy", batch=batch)
        (result,) = run_hosts(request, host)
        assert result.verdict == "equal to the proof's"
        assert np.load(tmp_path / "Y.npy").shape == (result.samples, 3)


def test_a_build_that_is_being_written_is_not_run(built: Build) -> None:
    with (
        claimed(built.folder),
        pytest.raises(BuildError, match="another fpgac is writing this folder"),
    ):
        run_hosts(RunRequest(built.folder), "pynq")


def test_a_batch_that_no_transfer_can_carry_is_refused(built: Build) -> None:
    with pytest.raises(TargetError, match="no call takes 9000000 samples") as caught:
        run_hosts(RunRequest(built.folder, batch=9_000_000), "pynq")
    rows = (2**26 - 1) // 16  # a result is a row of 16 bytes
    assert caught.value.problems[0].expected == f"at most {rows}"


def test_the_same_design_gives_the_same_bitstream(built: Build, tmp_path: Path) -> None:
    before = (built.folder / "emulation/iris.bit").read_bytes()
    plugins = load_plugins()
    file = check_spec(built.folder.parent / "iris.toml", plugins)
    again = compile_spec(Request(file, "pynq-z2", tmp_path / "build"), plugins)
    assert (again.folder / "emulation/iris.bit").read_bytes() == before
    locks = [json.loads((b.folder / "fpgac.lock").read_text()) for b in (built, again)]
    assert locks[0]["digests"] == locks[1]["digests"]
