"""Units of features and targets, from a spec or a provider to what a build says of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fpgac.errors import FpgacError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.sources import Sources
from fpgac.plugins import load_plugins

SPECS = Path(__file__).parents[2] / "specs"


def iris(folder: Path, units: str) -> Path:
    shutil.copy(SPECS / "iris.network.json", folder)
    text = (SPECS / "iris.toml").read_text()
    path = folder / "iris.toml"
    path.write_text(text.replace('source = "iris"', f'source = "iris"\n{units}'))
    return path


def units_of(path: Path) -> list[str]:
    sources = Sources(check_spec(path), load_plugins())
    about = sources.about(sources.read_network().digest)
    assert about is not None
    return [column.unit for column in about.features]


def test_a_provider_knows_the_units_of_its_data(tmp_path: Path) -> None:
    assert units_of(iris(tmp_path, "")) == ["cm"] * 4


def test_a_spec_says_others(tmp_path: Path) -> None:
    path = iris(tmp_path, 'units = { sepal_width = "mm", "petal_*" = "inch" }')
    assert units_of(path) == ["cm", "mm", "inch", "inch"]


def test_units_leave_a_trained_network_what_it_is(tmp_path: Path) -> None:
    sources = Sources(check_spec(iris(tmp_path, 'units = { "*" = "mm" }')), load_plugins())
    assert (
        sources.training_digest
        == Sources(check_spec(SPECS / "iris.toml"), load_plugins()).training_digest
    )


def test_a_unit_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(FpgacError) as caught:
        check_spec(iris(tmp_path, 'units = { sepal_wdith = "mm" }'))
    (problem,) = caught.value.problems
    assert problem.code == "spec.unit-of-nothing"
    assert "sepal_width" in problem.hint
