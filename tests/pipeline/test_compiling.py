"""The whole pipeline on real parts: hls4ml, g++, XRT, OpenCL and pynq."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.build.events import Ended, Event, Note
from fpgac.digest import digest_file
from fpgac.errors import BuildError, FpgacError, ProofError
from fpgac.numbers import IntArray
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Report, Request, compile_spec
from fpgac.plugins import load_plugins

ROOT = Path(__file__).parents[2]
Fpgac = Callable[..., subprocess.CompletedProcess[str]]
LOCK = "fpgac.lock"
F1 = ("--target", "aws-f1")


def compiled(spec: Path, folder: Path) -> tuple[Report, dict[str, str]]:
    """Compile; returns the report, and how each stage and step ended."""
    events: list[Event] = []
    plugins = load_plugins()
    request = Request(check_spec(spec, plugins), "aws-f1", folder)
    report = compile_spec(request, plugins, events.append)
    return report, {e.name: e.outcome for e in events if isinstance(e, Ended)}


@pytest.fixture
def build(iris_build: Path, tmp_path: Path) -> Path:
    """A finished build of iris that a test may change."""
    return Path(shutil.copytree(iris_build, tmp_path / "build"))


def test_a_build_holds_all_that_is_promised(iris_build: Path) -> None:
    for path in (
        "README.md",
        "fpgac.lock",
        "kernel/src/iris_kernel.cpp",
        "kernel/firmware/iris.cpp",
        "hosts/pynq/iris_host.py",
        "hosts/opencl/host.cpp",
        "hosts/xrt/host.cpp",
        "scripts/Makefile",
        "scripts/build.sh",
        "scripts/link.cfg",
        "vectors/inputs.npy",
        "vectors/expected_raw.npy",
        "emulation/iris.xclbin",
        "reports/accuracy.json",
        "package/iris_overlay/iris_host.py",
        "deploy/iris-aws-f1.tar.gz",
    ):
        assert (iris_build / path).is_file(), path


def test_all_engines_agree_on_more_than_ten_thousand_samples(iris_build: Path) -> None:
    report, _ = compiled(ROOT / "specs" / "iris.toml", iris_build)
    engines = {each.engine: each.samples for each in report.proof.agreements}
    for engine in ("exact program", "C simulation", "program in numpy", "kernel"):
        assert engines[engine]["vectors"] > 10_000, engines
    for host in ("pynq", "opencl", "xrt"):
        assert engines[f"{host} host"]["vectors"] > 10_000, engines
    assert engines["Keras as recorded"]["recording"] > 100


def test_the_lock_says_what_was_built_from_what(iris_build: Path) -> None:
    lock = json.loads((iris_build / LOCK).read_text())
    assert lock["target"] == "aws-f1"
    assert {"network", "core", "program", "design", "plan"} <= lock["stages"].keys()
    assert lock["versions"]["hls4ml"] == "1.3.0"
    for record in (*lock["stages"].values(), *lock["steps"].values()):
        for path, digest in (record.get("files") or record.get("outputs") or {}).items():
            assert digest_file(iris_build / path) == digest


def test_a_second_run_does_nothing(build: Path) -> None:
    _, outcomes = compiled(ROOT / "specs" / "iris.toml", build)
    assert set(outcomes.values()) == {"cached"}


def test_a_stranger_s_folder_runs_nothing_of_its_own(build: Path) -> None:
    """Its plan has another command, and its lock says that this is the plan that was made."""
    plan, lock = build / "emulation" / "plan.json", build / LOCK
    table = json.loads(plan.read_text())
    for step in table["plan"]["steps"]:
        step["command"] = ["touch", str(build / "broken")]
    before = digest_file(plan)
    plan.write_text(json.dumps(table))
    said = lock.read_text().replace(before, digest_file(plan))
    lock.write_text(re.sub(r'("g\+\+ [^{]*\{[^{]*"key": ")', r"\1other", said))
    report, outcomes = compiled(ROOT / "specs" / "iris.toml", build)
    assert not (build / "broken").exists()
    assert "cached" not in outcomes.values()
    assert report.proof.agreements
    assert (build / "set-aside-1" / "emulation" / "plan.json").is_file()


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def without_times(lock: bytes) -> object:
    table = json.loads(lock)
    for record in [*table["stages"].values(), *table["steps"].values()]:
        record.pop("seconds")
    return table


def test_two_folders_hold_the_same_bytes(
    fpgac: Fpgac, iris_build: Path, specs: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / "quite another name"
    done = fpgac("compile", specs / "iris.toml", *F1, "--out", other)
    assert done.returncode == 0, done.stderr
    first, second = files_of(iris_build), files_of(other)
    assert without_times(first.pop(LOCK)) == without_times(second.pop(LOCK))
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []
    assert not [p for p, content in first.items() if str(tmp_path.parents[1]).encode() in content]


def test_only_what_depends_on_a_change_is_made_again(build: Path, specs: Path) -> None:
    spec = specs / "iris.toml"
    spec.write_text(spec.read_text().replace("random = 12000", "random = 12001"))
    _, outcomes = compiled(spec, build)
    made = {name for name, outcome in outcomes.items() if outcome == "done"}
    assert made == {"sources", "vectors", "answers", "proof", "report", "package"}


def test_a_network_from_an_older_training_is_noted(build: Path, specs: Path) -> None:
    spec = specs / "iris.toml"
    spec.write_text(spec.read_text().replace("epochs = 80", "epochs = 81"))
    notes: list[Event] = []
    plugins = load_plugins()
    compile_spec(Request(check_spec(spec, plugins), "aws-f1", build), plugins, notes.append)
    assert [n for n in notes if isinstance(n, Note) and "fpgac train" in n.text]


def test_a_lost_file_comes_back_and_an_edited_one_is_kept_aside(build: Path) -> None:
    (build / "scripts" / "link.cfg").unlink()
    (build / "README.md").write_text("my notes")
    _, outcomes = compiled(ROOT / "specs" / "iris.toml", build)
    assert outcomes["design"] == "reused"
    assert (build / "scripts" / "link.cfg").is_file()
    assert (build / "README.md.edited").read_text() == "my notes"
    assert "my notes" not in (build / "README.md").read_text()


def test_an_engine_that_differs_is_an_error_with_the_first_sample(
    build: Path, specs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fpgac.engines.kernel import run_kernel

    def off_by_one(*arguments: object) -> IntArray:
        words = run_kernel(*arguments).copy()  # type: ignore[arg-type]
        words[7, 1] += 1
        return words

    monkeypatch.setattr("fpgac.engines.kernel.run_kernel", off_by_one)
    spec = specs / "iris.toml"
    spec.write_text(spec.read_text().replace("random = 12000", "random = 300"))
    with pytest.raises(ProofError, match=r"1 of .* first in sample 7, output dense_2\[1\]"):
        compiled(spec, build)
    with pytest.raises(ProofError):  # a proof that failed is not taken for one that held
        compiled(spec, build)


@pytest.mark.parametrize(
    ("damage", "code", "text"),
    [
        (lambda s: (s / "iris.network.json").write_text("{"), 5, "iris.network.json"),
        (lambda s: change(s, "units = 16", "units = 17"), 5, "fpgac train"),
        (lambda s: change(s, "inputs = 4", "inputs = 5"), 3, "4 inputs"),
        (lambda s: change(s, '"iris"\ntest', '"irsi"\ntest'), 3, "did you mean 'iris'"),
        (lambda s: change(s, "targets.aws-f1", "targets.aws-f11"), 7, "did you mean 'aws-f1'"),
        (lambda s: change(s, "[targets.aws-f1]", "[targets.aws-f1]\nunits = 2"), 3, "unknown key"),
        (lambda s: change(s, "clock_mhz = 250.0", "clock_mhz = 900.0"), 7, "250 MHz"),
        (lambda s: change(s, "clock_mhz = 250.0", "reuse_factor = 7000"), 6, "reuse factor"),
        (lambda s: change(s, '"crossentropy"', '"huber"'), 3, "crossentropy"),
        (lambda s: change(s, "RND,SAT>", 'RND,SAT>"\noutput = "ap_fixed<60,30>'), 3, "53 bits"),
    ],
)
def test_bad_input_is_refused_with_its_exit_code_and_nothing_left_behind(
    fpgac: Fpgac,
    specs: Path,
    tmp_path: Path,
    damage: Callable[[Path], object],
    code: int,
    text: str,
) -> None:
    damage(specs)
    done = fpgac("compile", specs / "iris.toml", *F1, "--out", tmp_path / "out")
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    left = {path.name for path in tmp_path.glob("out/**/*") if path.is_file()}
    assert left <= {LOCK}


def change(specs: Path, old: str, new: str) -> None:
    spec = specs / "iris.toml"
    assert old in spec.read_text()
    spec.write_text(spec.read_text().replace(old, new))


def test_a_foreign_folder_is_left_alone(fpgac: Fpgac, specs: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    done = fpgac("compile", specs / "iris.toml", *F1, "--out", tmp_path / "out")
    assert done.returncode == BuildError.exit_code
    assert "not fpgac's own" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def without(tool: str, folder: Path) -> dict[str, str]:
    """An environment whose PATH has all but one tool."""
    folder.mkdir()
    for entry in os.environ["PATH"].split(os.pathsep):
        for program in sorted(Path(entry).glob("*")) if entry else ():
            link = folder / program.name
            if program.name not in (tool, "g++-12") and not link.is_symlink():
                link.symlink_to(program)
    return {**os.environ, "PATH": str(folder)}


def test_without_gpp_everything_is_rendered_and_the_lack_is_named(
    fpgac: Fpgac, specs: Path, tmp_path: Path
) -> None:
    done = fpgac(
        *("compile", specs / "iris.toml", *F1, "--out", tmp_path / "out"),
        environment=without("g++", tmp_path / "bin"),
    )
    assert done.returncode == 8, done.stderr
    assert "apt install g++" in done.stderr
    assert (tmp_path / "out" / "kernel" / "src" / "iris_kernel.cpp").is_file()


def test_without_xrt_the_simulation_still_proves_and_the_lack_is_named(
    fpgac: Fpgac, specs: Path, tmp_path: Path
) -> None:
    (tmp_path / "no-xrt").mkdir()
    environment = {**os.environ, "FPGAC_XRT": str(tmp_path / "no-xrt")}
    done = fpgac(
        "compile", specs / "iris.toml", *F1, "--out", tmp_path / "out", environment=environment
    )
    assert done.returncode == 0, done.stderr
    assert "not proven: pynq" in done.stderr + done.stdout
    assert "apt install libxrt1" in done.stderr + done.stdout
    proof = json.loads((tmp_path / "out" / "reports" / "proof.json").read_text())
    engines = [agreement["engine"] for agreement in proof["agreements"]]
    assert "kernel" in engines
    assert "pynq host" not in engines
    assert "pynq host" in [each["engine"] for each in proof["unavailable"]]


@pytest.mark.parametrize("mode", ["hw", "hw_emu"])
def test_hardware_without_vitis_is_an_error_before_anything_starts(
    fpgac: Fpgac, tmp_path: Path, mode: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "XILINX_VITIS"}
    out = tmp_path / "out"
    done = fpgac(
        *("--json", "compile", ROOT / "specs" / "iris.toml", *F1, "--out", out, "--mode", mode),
        environment=environment,
    )
    assert done.returncode == 8, done.stderr
    assert [each["code"] for each in json.loads(done.stdout)["problems"]] == ["toolchain.not-found"]
    assert not out.exists()


def test_a_killed_compile_goes_on_where_it_was(specs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    events: list[Event] = []

    def stop_after_core(event: Event) -> None:
        events.append(event)
        if isinstance(event, Ended) and event.name == "g++ simulation":
            raise KeyboardInterrupt

    plugins = load_plugins()
    request = Request(check_spec(specs / "iris.toml", plugins), "aws-f1", out)
    with pytest.raises(KeyboardInterrupt):
        compile_spec(request, plugins, stop_after_core)
    _, outcomes = compiled(specs / "iris.toml", out)
    assert outcomes["design"] == "cached"
    assert outcomes["proof"] == "done"


def test_every_error_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in FpgacError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert min(codes) == 2
