"""One spec for all of its targets: DDR, HBM and Zynq, with all that they share made once."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fpgac.build.cache import CACHE_VARIABLE
from fpgac.build.events import Ended, Event, Notify, Started
from fpgac.engines.built import Build
from fpgac.engines.hosts import RunRequest, run_hosts
from fpgac.errors import BuildError, TargetError, ToolchainError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Request
from fpgac.pipeline.several import Outcome, compile_targets
from fpgac.plugins import load_plugins

Fpgac = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]
CARDS, ZYNQS = ("aws-f1", "alveo-u250", "alveo-u50"), ("pynq-z2", "zcu102")
ALL = (*CARDS, *ZYNQS)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is made once is made here, not by another test before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def compiled(fpgac: Fpgac, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder of iris for all its targets, and what the command wrote to each stream."""
    root = tmp_path_factory.mktemp("all")
    done = fpgac("compile", ROOT / "specs" / "iris.toml", "--target", "all", "--out", root)
    assert done.returncode == 0, done.stderr
    return root, done.stdout, done.stderr


def test_every_target_is_proven_and_listed_in_a_table(compiled: tuple[Path, str, str]) -> None:
    root, table, _ = compiled
    for target in ALL:
        proof = json.loads((root / f"iris-{target}" / "reports" / "proof.json").read_text())
        engines = {each["engine"]: each["samples"]["vectors"] for each in proof["agreements"]}
        hosts = ("pynq host", *(("opencl host", "xrt host") if target in CARDS else ()))
        for engine in ("kernel", *hosts):
            assert engines[engine] > 10_000, (target, engines)
        (row,) = [line for line in table.splitlines() if line.startswith(f"{target} ")]
        assert f"iris-{target}" in row
    assert "AWS retired F1" in table


def test_core_and_kernel_are_made_once(compiled: tuple[Path, str, str]) -> None:
    _, _, progress = compiled
    # A Zynq's kernel has streams: it is another one. Its core shares multipliers, as its bus is
    # narrow; two Zynqs that begin at once may both compile it.
    zynqs = len(ZYNQS)
    expected = {"answers": {1}, "g++ core": {2, 1 + zynqs}, "g++ kernel": {1 + zynqs}, "proof": {5}}
    for step, made in expected.items():
        marks = [line.split()[0] for line in progress.splitlines() if f"  {step} " in line]
        assert len(marks) == len(ALL)
        assert marks.count("✓") in made, step


def same_words_of_all_hosts(first: Path, build: Path) -> set[str]:
    """The hosts of ``build``, each of which gives the words that were proven for ``first``."""
    expected = Build.open(first).expected
    results = run_hosts(RunRequest(build), "all")
    for result in results:
        np.testing.assert_array_equal(result.words, expected, err_msg=result.host)
    return {result.host for result in results}


@pytest.mark.parametrize("target", ALL)
def test_every_host_gives_the_same_words_on_every_board(
    compiled: tuple[Path, str, str], target: str
) -> None:
    root, *_ = compiled
    hosts = same_words_of_all_hosts(root / "iris-aws-f1", root / f"iris-{target}")
    assert hosts == ({"pynq", "opencl", "xrt"} if target in CARDS else {"pynq"})


@pytest.mark.heavy
def test_so_does_the_muon_trigger_with_both_flows_of_the_zcu102(
    fpgac: Fpgac, specs: Path, tmp_path: Path
) -> None:
    spec = specs / "muon.toml"
    fewer = (
        spec.read_text()
        .replace("data = 8192", "data = 512")
        .replace("random = 4096", "random = 256")
    )
    spec.write_text(fewer)
    done = fpgac("compile", spec, "--target", "all", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    spec.write_text(fewer.replace("[targets.zcu102]", '[targets.zcu102]\nflow = "vitis"'))
    vitis = tmp_path / "muon-zcu102-by-vitis"
    done = fpgac("compile", spec, "--target", "zcu102", "--out", vitis)
    assert done.returncode == 0, done.stderr
    builds = sorted(tmp_path.glob("muon-*"))
    assert len(builds) == 7
    for build in builds:
        hosts = same_words_of_all_hosts(tmp_path / "muon-aws-f1", build)
        assert ("xrt" in hosts) == (build.name not in ("muon-pynq-z2", "muon-zcu102")), build


class Listener:
    """Hears the events of all targets, from whichever thread."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {}
        self.lock = threading.Lock()

    def __call__(self, target: str) -> Notify:
        def notify(event: Event) -> None:
            with self.lock:
                self.events.setdefault(target, []).append(event)

        return notify

    def outcomes(self, target: str) -> dict[str, str]:
        return {e.name: e.outcome for e in self.events[target] if isinstance(e, Ended)}


def compile_all(
    spec: Path, root: Path, listener: Callable[[str], Notify], mode: str = "emulation"
) -> list[Outcome]:
    plugins = load_plugins()
    file = check_spec(spec, plugins)
    requests = [
        Request(file, name, root / f"iris-{name}", mode)  # type: ignore[arg-type]
        for name in file.spec.targets
    ]
    return compile_targets(requests, plugins, listener)


def test_a_second_time_nothing_is_made(compiled: tuple[Path, str, str]) -> None:
    listener = Listener()
    outcomes = compile_all(ROOT / "specs" / "iris.toml", compiled[0], listener)
    assert all(outcome.report for outcome in outcomes)
    for target in ALL:
        assert set(listener.outcomes(target).values()) == {"cached"}


@pytest.fixture
def builds(compiled: tuple[Path, str, str], tmp_path: Path) -> Path:
    """Finished builds of all targets that a test may change."""
    return Path(shutil.copytree(compiled[0], tmp_path / "builds"))


def test_a_target_that_fails_does_not_hide_another_s_success(builds: Path) -> None:
    shutil.rmtree(builds / "iris-aws-f1")
    (builds / "iris-aws-f1").mkdir()
    (builds / "iris-aws-f1" / "thesis.tex").write_text("years")
    shutil.rmtree(builds / "iris-alveo-u50" / "emulation")
    listener = Listener()
    failed, warm, cold, *zynqs = compile_all(ROOT / "specs" / "iris.toml", builds, listener)
    assert isinstance(failed.error, BuildError)
    assert failed.report is None
    assert warm.report is not None
    assert cold.report is not None
    assert all(zynq.report for zynq in zynqs)
    made = listener.outcomes("alveo-u50")
    assert (made["g++ core"], made["xclbin"], made["proof"]) == ("reused", "reused", "cached")


def test_hardware_goes_target_by_target_and_each_says_why_not(
    builds: Path, specs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XILINX_VITIS", raising=False)
    spec = specs / "iris.toml"
    spec.write_text(spec.read_text().replace("[targets.aws-f1]", "[targets.aws-f2]"))
    listener = Listener()
    first, *others = compile_all(spec, builds, listener, "hw")
    assert isinstance(first.error, TargetError)
    assert "AWS makes no FPGA image" in str(first.error)
    assert "aws-f2" not in listener.events, "it is refused before anything starts"
    assert not first.request.folder.exists()
    assert all(isinstance(other.error, ToolchainError) for other in others)
    assert listener.events == {}, "without its tools, no target is emulated in vain"


def test_a_mode_that_a_board_has_not_is_refused_for_it_alone(builds: Path) -> None:
    listener = Listener()
    *cards, pynq, zcu = compile_all(ROOT / "specs" / "iris.toml", builds, listener, "hw_emu")
    for zynq in (pynq, zcu):
        assert "Vivado emulates no block design" in str(zynq.error)
        assert zynq.request.target not in listener.events, "it is refused before anything starts"
    assert all(isinstance(card.error, ToolchainError) for card in cards), "here is no v++"


@pytest.mark.heavy
def test_an_interrupt_ends_all_targets(builds: Path, specs: Path) -> None:
    spec = specs / "iris.toml"
    spec.write_text(spec.read_text().replace("[targets.alveo", "compute_units = 2\n[targets.alveo"))
    started: list[str] = []

    def listener(target: str) -> Notify:
        def notify(event: Event) -> None:
            if isinstance(event, Started):
                started.append(f"{target} {event.name}")
            if target == "alveo-u250" and event == Started("design"):
                raise KeyboardInterrupt

        return notify

    with pytest.raises(KeyboardInterrupt):
        compile_all(spec, builds, listener)
    assert "alveo-u250 g++ opencl host" not in started
    outcomes = compile_all(spec, builds, Listener())
    assert all(outcome.report for outcome in outcomes), "and what was finished is kept"
