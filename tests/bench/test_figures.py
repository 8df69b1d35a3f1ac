"""Figures of the benchmarks: what is kept of a run, and what the next one says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import _figures
import pytest
from _figures import Figure, changed, in_turn, show

RATE = Figure("muon.exact_vs_hls4ml", 22e6, "samples/s", "hls4ml predict", 11e3)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "results.json"
    monkeypatch.setattr(_figures, "RESULTS", path)
    return path


def test_a_figure_is_kept_under_its_name(results: Path) -> None:
    show("muon", [RATE])
    assert json.loads(results.read_text()) == {
        "muon.exact_vs_hls4ml": {
            "value": 22e6,
            "unit": "samples/s",
            "peer": "hls4ml predict",
            "peer_value": 11e3,
            "ratio": 2000.0,
        }
    }


def test_benchmarks_run_one_by_one_keep_each_others_figures(results: Path) -> None:
    show("muon", [RATE])
    show("jets", [replace(RATE, name="jets.exact_vs_hls4ml")])
    assert set(json.loads(results.read_text())) == {"muon.exact_vs_hls4ml", "jets.exact_vs_hls4ml"}


def test_a_later_run_tells_what_changed(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show("muon", [RATE])
    first = capsys.readouterr().out
    show("muon", [replace(RATE, value=33e6)])
    assert "was" not in first
    assert "3,000  x  hls4ml predict (11,000 samples/s)  was 2,000 x: +50% ▲" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (22e6, "was 2,000 x: +0%"),
        (23e6, "was 2,000 x: +5%"),
        (11e6, "was 2,000 x: -50% ▼"),
        (44e6, "was 2,000 x: +100% ▲"),
    ],
)
def test_only_what_moved_beyond_noise_is_marked(value: float, said: str) -> None:
    assert changed(replace(RATE, value=value), RATE.plain()) == said


def test_a_machine_that_is_slower_today_has_changed_nothing() -> None:
    slower = replace(RATE, value=RATE.value / 2, peer_value=RATE.peer_value / 2)
    assert changed(slower, RATE.plain()) == "was 2,000 x: +0%"


def test_ratios_to_different_peers_are_not_compared() -> None:
    assert changed(replace(RATE, peer="Keras"), RATE.plain()) == "measured otherwise before"


def test_peers_run_in_turn_and_each_gives_its_median() -> None:
    order: list[str] = []

    def run(name: str, times: list[float]) -> float:
        order.append(name)
        return times.pop(0)

    ours, theirs = [3.0, 1.0, 2.0], [30.0, 10.0, 90.0]
    assert in_turn([lambda: run("a", ours), lambda: run("b", theirs)], times=3) == [2.0, 30.0]
    assert order == ["a", "b"] * 3
