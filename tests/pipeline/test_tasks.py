"""A binary classification from a CSV: checked, trained with scaled features, and judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fpgac
from fpgac.errors import FpgacError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.emulating import SpecEmulation
from fpgac.pipeline.training import train_network
from fpgac.plugins import load_plugins

SPEC = """\
name = "tumour"
[data]
path = "tumours.csv"
labels = "diagnosis"
scaling = "standard"
[topology]
inputs = 30
layers = [{ kind = "dense", units = 8, activation = "relu" }, { kind = "dense", units = 1 }]
[training]
loss = "binary_crossentropy"
learning_rate = 0.01
epochs = 15
batch_size = 32
[interface]
input = "ap_fixed<12,4,RND,SAT>"
decode = "sigmoid"
[targets.pynq-z2]
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """scikit-learn's tumours, the features unscaled, as people have them."""
    from sklearn.datasets import load_breast_cancer

    features, diagnoses = load_breast_cancer(return_X_y=True)
    names = [f"f{place}" for place in range(features.shape[1])]
    rows = [
        ",".join(map(str, row)) + f",{'benign' if benign else 'malignant'}"
        for row, benign in zip(features.tolist(), diagnoses, strict=True)
    ]
    (tmp_path / "tumours.csv").write_text("\n".join([",".join([*names, "diagnosis"]), *rows]))
    (tmp_path / "tumour.toml").write_text(SPEC)
    return tmp_path / "tumour.toml"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"binary_crossentropy"', '"huber"\n', "data.not-a-number"),
        ("labels", 'task = "regression"\nlabels', "spec.loss-misfit"),
        ("units = 1 }", 'units = 1, activation = "sigmoid" }', "spec.sigmoid-of-logits"),
        ("units = 1 }", "units = 2 }", "spec.data-misfit"),
    ],
)
def test_what_does_not_fit_the_task(spec: Path, old: str, new: str, code: str) -> None:
    spec.write_text(SPEC.replace(old, new).replace('decode = "sigmoid"', ""))
    with pytest.raises(FpgacError) as caught:
        _ = SpecEmulation(check_spec(spec), load_plugins())._stages.sources.split
    assert caught.value.problems[0].code == code


@pytest.mark.heavy  # it trains
def test_a_binary_classification_is_trained_and_judged(spec: Path) -> None:
    plugins = load_plugins()
    file = check_spec(spec, plugins)
    trained = train_network(file, plugins)
    emulation = SpecEmulation(file, plugins)
    assert emulation.judge().lines == trained.figures
    test = emulation._stages.sources.split.test
    chances = np.asarray(fpgac.emulate(spec, test.features))
    accuracy = ((chances > 0.5) == test.targets).mean()
    assert accuracy > 0.9
    assert f"accuracy {accuracy:.1%}" in trained.figures[0]
