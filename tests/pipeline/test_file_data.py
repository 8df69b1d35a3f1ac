"""A spec whose samples are in a file: found, checked, trained on, and never taken from a cache."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.build.stage import Values
from fpgac.build.store import Store
from fpgac.errors import FpgacError
from fpgac.network.file import read_network, write_network
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.emulating import SpecEmulation
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.stages import SpecStages
from fpgac.plugins import load_plugins

SPECS = Path(__file__).parents[2] / "specs"
SOURCE = 'source = "iris"'


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """The iris network, with the irises in a CSV."""
    from sklearn.datasets import load_iris

    features, species = load_iris(return_X_y=True)
    write(tmp_path, features, species)
    shutil.copy(SPECS / "iris.network.json", tmp_path)
    text = (SPECS / "iris.toml").read_text()
    path = tmp_path / "iris.toml"
    path.write_text(text.replace(SOURCE, 'path = "iris.csv"\nlabels = "species"'))
    return path


def write(folder: Path, features: Any, species: Any) -> None:
    names = np.array(["setosa", "versicolor", "virginica"])[species]
    rows = [",".join(map(str, row)) for row in features]
    lines = [f"{row},{name}" for row, name in zip(rows, names, strict=True)]
    header = "sepal_length,sepal_width,petal_length,petal_width,species"
    (folder / "iris.csv").write_text("\n".join([header, *lines]) + "\n")


def vectors_key(spec: Path, *plugins: Path) -> str:
    loaded = load_plugins(files=plugins)

    def no_value(stage: Any) -> Any:
        raise AssertionError(f"{stage.name} was made")

    return SpecStages(Sources(check_spec(spec, loaded), loaded), no_value).vectors.key


def accuracy(spec: Path) -> float:
    loaded = load_plugins()
    (line,) = SpecEmulation(check_spec(spec, loaded), loaded).judge().lines
    return float(line.removeprefix("accuracy ").partition("%")[0])


def test_irises_from_a_file_are_those_of_scikit_learn(spec: Path) -> None:
    assert accuracy(spec) > 90


def test_shuffled_labels_do_not_come_from_the_cache(spec: Path) -> None:
    """The very defect: 66.8 % from the cache while the truth was 32.5 %."""
    from sklearn.datasets import load_iris

    key = vectors_key(spec)
    assert accuracy(spec) > 90
    features, species = load_iris(return_X_y=True)
    write(spec.parent, features, (species + 1) % 3)
    assert vectors_key(spec) != key
    assert accuracy(spec) < 10


def test_a_network_knows_the_samples_that_it_was_trained_on(spec: Path) -> None:
    plugins = load_plugins()
    before = Sources(check_spec(spec, plugins), plugins)
    path = spec.parent / "iris.network.json"
    network = read_network(path)
    assert not Sources(check_spec(SPECS / "iris.toml", plugins), plugins).is_of_other_data
    told = {**network.provenance, "data": {"digest": before.provider.digest}}
    write_network(replace(network, provenance=told), path)
    assert not before.is_of_other_data
    csv = spec.parent / "iris.csv"
    csv.write_text(csv.read_text().replace("setosa", "Setosa"))
    assert Sources(check_spec(spec, plugins), plugins).is_of_other_data


def test_the_report_warns_of_what_should_not_stay(spec: Path) -> None:
    csv = spec.parent / "iris.csv"
    lines = csv.read_text().splitlines()
    csv.write_text("\n".join([lines[0], *(f"9{line}" for line in lines[1:])]))
    narrow = '[interface]\noutput = "ap_fixed<10,3>"\n'
    spec.write_text(spec.read_text().replace("[interface]\n", narrow))
    loaded = load_plugins()
    values = Values(Store.of_user())
    stages = SpecStages(Sources(check_spec(spec, loaded), loaded), values.get)
    saturated, wrapped = stages._judge().warnings
    assert "'sepal_length' saturates in ap_fixed<16,6,RND,SAT>" in saturated
    assert "the output 'dense_2' wraps in" in wrapped


PLUGIN = """
import numpy as np
from fpgac.plugins import Dataset, Provider, hookimpl

class Own(Provider):
    name, description, version, task = "own", "a plane", "1", "classification"
    feature_names, target_names = ("a", "b", "c", "d"), ("p", "q", "r")

    def load(self, samples, seed):
        x = np.random.default_rng(SEED).normal(0, 1, (100, 4))
        names = (self.feature_names, self.target_names)
        return Dataset("own", "classification", x, np.eye(3)[np.arange(100) % 3], *names)

@hookimpl
def fpgac_data_providers():
    return [Own]
"""


def test_keys_cover_the_source_of_a_plugin(tmp_path: Path) -> None:
    spec = tmp_path / "iris.toml"
    spec.write_text((SPECS / "iris.toml").read_text().replace(SOURCE, 'source = "own"'))
    plugins = [tmp_path / "one" / "own.py", tmp_path / "two" / "own.py"]
    for seed, path in enumerate(plugins):
        path.parent.mkdir()
        path.write_text(PLUGIN.replace("SEED", str(seed)))
    first, second = (vectors_key(spec, path) for path in plugins)
    assert first != second


@pytest.mark.parametrize(
    ("said", "code", "key"),
    [
        ('path = "iris.csv"', "spec.incomplete-data", "data"),
        ('source = "file"\nlabels = "species"', "spec.incomplete-data", "data"),
        ('source = "iris"\nlabels = "species"', "spec.not-a-file", "data"),
        ('path = "iris.csv"\nlabels = "specie"', "data.no-column", "specie"),
        ('path = "iris.csv"\nlabels = "species"\nfeatures = "petal_*"', "spec.data-misfit", None),
    ],
)
def test_what_does_not_fit_is_refused(spec: Path, said: str, code: str, key: str | None) -> None:
    text = spec.read_text()
    spec.write_text(text.replace('path = "iris.csv"\nlabels = "species"', said))
    with pytest.raises(FpgacError) as caught:
        check_spec(spec)
    problem = caught.value.problems[0]
    assert problem.code == code
    assert problem.where is not None
    assert key in (None, problem.where.key)
