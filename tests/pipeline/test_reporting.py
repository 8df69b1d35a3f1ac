"""``fpgac report``: figures side by side, as CSV, as JSON, and as one page."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.build.events import Event, Note
from fpgac.errors import BuildError
from fpgac.pipeline.reporting import reported_of
from fpgac.plugins import load_plugins
from tests.fpgac_targets.test_reports import CSYNTH, TIMING, UTILISATION

PARSERS = load_plugins().parsers
Fpgac = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A folder with reports at their places."""
    folder = tmp_path / "<build>"
    files = {
        "_x/hw/hls/solution/syn/report/csynth.xml": CSYNTH.replace("myproject", "device"),
        "reports/hw/utilization.rpt": UTILISATION,
        "reports/hw/timing_summary.rpt": TIMING,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_estimate_and_routing_stand_side_by_side(build: Path, tmp_path: Path, fpgac: Fpgac) -> None:
    table, page = tmp_path / "a.csv", tmp_path / "a.html"
    done = fpgac("report", build, "--csv", table, "--html", page)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["device", "LUT", "2,532", "999", "162,720", "0.6%"] in lines
    assert ["device", "worst", "setup", "slack", "[ns]", "0.184"] in lines
    with table.open(newline="") as file:
        routed = [row for row in csv.DictReader(file) if row["stage"] == "routed"]
    assert {row["file"] for row in routed} == {
        "reports/hw/utilization.rpt",
        "reports/hw/timing_summary.rpt",
    }
    text = page.read_text()
    assert "&lt;build&gt;" in text
    assert '<meter min="0" max="1" high="0.8" value="0.0061">' in text

    plain = json.loads(fpgac("--json", "report", build).stdout)["result"]
    assert {"part": "device", "name": "LUT", "value": 999.0}.items() <= next(
        figure for figure in plain if figure["stage"] == "routed" and figure["name"] == "LUT"
    ).items()


def test_a_report_that_cannot_be_read_is_told_and_left_out(build: Path) -> None:
    (build / "reports/hw/power.rpt").write_text("no power")
    heard: list[Event] = []
    assert len(reported_of(build, PARSERS, heard.append)) > 8
    (told,) = heard
    assert isinstance(told, Note)
    assert "power.rpt was not read" in told.text


def test_a_folder_without_reports_says_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        reported_of(tmp_path, PARSERS, lambda _: None)
    assert [problem.code for problem in caught.value.problems] == ["build.no-report"]
