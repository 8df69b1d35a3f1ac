"""``--mode hw`` to its end, with a v++ that only copies what a test gives it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fpgac.build.events import Event, Note
from fpgac.build.launcher import LOCAL, Launch, Place
from fpgac.build.launchers import Ssh
from fpgac.emulation import CardDescription
from fpgac.errors import BuildError, ToolchainError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Report, Request, compile_spec
from fpgac.plugins import load_plugins
from tests.build.fakes import FakeSite
from tests.fpgac_targets.test_reports import LOOP
from tests.hardware.vendors import card_xclbin

SPEC = Path(__file__).parents[2] / "specs" / "iris.toml"
VPP = """\
#!/bin/sh
if [ "$1" = --version ]; then echo '****** v++ v2021.2 (64-bit)'; exit 0; fi
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then cp "$GIVEN_XCLBIN" "$2"; fi
    shift
done
"""


@pytest.fixture
def build(iris_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is compiled for F1, and a Vitis that gives ``given.xclbin`` beside it."""
    folder = tmp_path / "build"
    shutil.copytree(iris_build, folder)
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "v++"
    tool.write_text(VPP)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    (tmp_path / "f1.xpfm").touch()
    monkeypatch.setenv("AWS_PLATFORM", str(tmp_path / "f1.xpfm"))
    monkeypatch.setenv("GIVEN_XCLBIN", str(tmp_path / "given.xclbin"))
    card = CardDescription.read(folder / "emulation/card.json")
    (tmp_path / "given.xclbin").write_bytes(card_xclbin(card))
    return folder


def hardware(folder: Path, heard: list[Event], launch: Launch = LOCAL) -> Report:
    plugins = load_plugins()
    request = Request(check_spec(SPEC, plugins), "aws-f1", folder, "hw", launch)
    return compile_spec(request, plugins, heard.append)


def packed(folder: Path) -> set[str]:
    return {path.name for path in (folder / "package").rglob("*.*xclbin")}


def test_f1_s_archive_holds_the_image_s_number_and_not_v_plus_plus_s_xclbin(build: Path) -> None:
    heard: list[Event] = []
    report = hardware(build, heard)
    assert report.archive is not None
    assert report.archive.lacks == ("iris.awsxclbin",)
    assert packed(build) == set()
    assert [str(each.figure) for each in report.figures] == [
        "kernels: clock asked: 250 MHz",
        "DATA_CLK: clock: 250 MHz (routed)",
        "KERNEL_CLK: clock: 250 MHz (routed)",
    ]
    told = [event.text for event in heard if isinstance(event, Note)]
    assert any("older than hls4ml supports" in text for text in told)

    shutil.copy(build / "out/hw/iris.xclbin", build / "out/hw/iris.awsxclbin")
    report = hardware(build, [])
    assert report.archive is not None
    assert report.archive.lacks == ()
    assert packed(build) == {"iris.awsxclbin"}


def test_what_is_no_xclbin_of_the_design_fails_the_build(build: Path) -> None:
    (build.parent / "given.xclbin").write_bytes(b"five!")
    with pytest.raises(BuildError) as caught:
        hardware(build, [])
    assert [problem.code for problem in caught.value.problems] == ["emulation.bad-xclbin"]
    assert packed(build) == set()


def test_an_interval_beyond_what_was_asked_fails_the_build_with_its_report(build: Path) -> None:
    report = build / "_x/hw/iris_kernel/solution/syn/report/compute_csynth.xml"
    report.parent.mkdir(parents=True)
    report.write_text(LOOP)
    with pytest.raises(BuildError) as caught:
        hardware(build, [])
    (problem,) = caught.value.problems
    assert (problem.code, problem.expected) == ("build.slow-interval", "1 cycles")
    assert problem.where is not None
    assert problem.where.file == report
    figures = json.loads((build / "reports/hardware.json").read_text())
    assert [(figure["name"], figure["value"]) for figure in figures] == [
        ("interval", 10.0),
        ("latency", 13.0),
    ]
    assert packed(build) == set()


@pytest.fixture
def elsewhere(build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """A host behind ssh that has the tools, which are not on this machine."""
    site = FakeSite(tmp_path / "site")
    shutil.move(tmp_path / "bin/v++", site.tools / "v++")
    monkeypatch.setenv("PATH", str(site.bin), prepend=":")
    monkeypatch.delenv("AWS_PLATFORM")
    setup = tmp_path / "settings64.sh"
    setup.write_text(f"export AWS_PLATFORM='{tmp_path}/f1.xpfm'")
    return Launch(Ssh(), Place("farm", {"setup": str(setup), "poll": "0.05"}))


def test_tools_of_another_machine_build_what_is_checked_here(
    build: Path, elsewhere: Launch
) -> None:
    report = hardware(build, [], elsewhere)
    assert "KERNEL_CLK: clock: 250 MHz (routed)" in [str(each.figure) for each in report.figures]
    assert (build / "out/hw/iris.xclbin").read_bytes() == (
        build.parent / "given.xclbin"
    ).read_bytes()


def test_what_another_machine_lacks_is_said_before_a_step_starts(
    build: Path, elsewhere: Launch
) -> None:
    (build.parent / "settings64.sh").write_text("unset AWS_PLATFORM")
    with pytest.raises(ToolchainError) as caught:
        hardware(build, [], elsewhere)
    (problem,) = caught.value.problems
    assert problem.code == "toolchain.site-not-ready"
    assert "AWS_PLATFORM is not set" in problem.got
    assert not (build / "logs/hw-compile.log").exists()
