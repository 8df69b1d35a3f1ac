"""Outputs compared with the targets of any kind of data set."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from fpgac.data.accuracy import judge
from fpgac.data.dataset import Dataset, Task
from fpgac.data.iris import IrisProvider
from fpgac.data.muon import MuonProvider


@pytest.fixture(scope="module")
def muons() -> Dataset:
    return MuonProvider().load(5000, seed=1)


def plain() -> Dataset:
    """A regression with nothing physical behind it."""
    x = np.arange(4.0)[:, np.newaxis]
    return Dataset("line", "regression", x, x, ("x",), ("y",))


def test_both_figures_of_network_and_baseline_are_printed(muons: Dataset) -> None:
    lines = judge(muons, muons.targets).lines
    text = "\n".join(lines)
    assert "network" in lines[0]
    assert "look-up tables" in lines[0]
    assert "standard deviation" in text
    assert "68 % width" in text
    assert len({len(line) for line in lines}) == 1


def test_the_truth_itself_has_no_width(muons: Dataset) -> None:
    network, baseline = judge(muons, muons.targets).figures["by"]
    assert network["overall"]["width_68"] == pytest.approx(0, abs=1e-12)
    assert baseline["overall"]["width_68"] > 0.05


def test_right_classes_are_counted() -> None:
    iris = IrisProvider().load(None, seed=1)
    assert judge(iris, iris.targets).figures["accuracy"] == 1
    assert judge(iris, iris.targets).summary == "accuracy 100.0% of 150 samples"


def test_any_other_regression_has_its_root_mean_square_error() -> None:
    one_off = plain().targets + np.array([[1.0], [-1.0], [1.0], [-1.0]])
    accuracy = judge(plain(), one_off)
    assert accuracy.lines == ("y: root mean square error 1 (1 to 1 at 95 %), bias +0",)
    assert accuracy.figures["root_mean_square_error"] == {"y": 1.0}
    assert (accuracy.png() or b"").startswith(b"\x89PNG")


@pytest.mark.parametrize("task", ["binary", "multi-label"])
def test_labels_are_judged_one_by_one(task: Task) -> None:
    truth = np.array([[0.0], [0.0], [1.0], [1.0]])
    data = Dataset("signal", task, truth, truth, ("x",), ("signal",))
    accuracy = judge(data, np.array([[-2.0], [1.0], [0.5], [3.0]]))
    (figures,) = accuracy.figures["labels"]
    assert (figures["auc"], figures["accuracy"]) == (0.75, 0.75)
    assert figures["confusion"] == ((1, 1), (0, 2))
    assert (accuracy.png() or b"").startswith(b"\x89PNG")


def test_few_samples_have_an_interval() -> None:
    iris = IrisProvider().load(20, seed=1)
    assert judge(iris, iris.targets).lines == (
        "accuracy 100.0% of 20 samples (83.9% to 100.0% at 95 %)",
    )


def test_the_figures_are_json_even_where_they_are_undefined(muons: Dataset) -> None:
    soft = muons.take(np.flatnonzero(muons.targets[:, 0] < 0))  # below 16 GeV
    read = json.loads(judge(soft, soft.targets).json())
    last = read["by"][0]["bins"][-1]
    assert (last["spread"]["samples"], last["spread"]["bias"]) == (0, None)


def test_the_picture_is_drawn(muons: Dataset, tmp_path: Path) -> None:
    assert judge(muons, muons.targets).draw(tmp_path / "muon.png")
    assert (tmp_path / "muon.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_there_are_figures_but_no_picture(
    muons: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    accuracy = judge(muons, muons.targets)
    assert accuracy.lines
    assert not accuracy.draw(tmp_path / "muon.png")
    assert list(tmp_path.iterdir()) == []
