"""Imported networks whose samples are scaled before they go in, as they were in their training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from fpgac.build.stage import Values
from fpgac.build.store import Store
from fpgac.errors import SpecError
from fpgac.network.imports.choosing import read_formats
from fpgac.pipeline.checking import check_spec, chosen_target
from fpgac.pipeline.importing import choose_formats
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.stages import TargetStages
from fpgac.plugins import load_plugins
from tests.network.imports.onnx_files import Writing
from tests.problems import coded

TABLE = "{ petal_width = { offset = 1.0, scale = 2.0 }, sepal_length = { scale = 0.3 } }"


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    w = Writing(["batch", 4])
    x = w.add("Gemm", "input", w.floats(6, 4), w.floats(6), transB=1)
    x = w.add("Gemm", w.add("Relu", x), w.floats(6, 3), w.floats(3))
    return w.write(tmp_path / "flowers.onnx", x)


def sources_of(network: Path, scaling: str) -> Sources:
    spec = network.with_suffix(".toml")
    lines = (
        *('name = "flowers"', f'network = "{network.name}"', "[proof]", "random = 50"),
        *("[data]", 'source = "iris"', f"scaling = {scaling}", "[quantisation]", 'from = "data"'),
        "[targets.aws-f1]",
    )
    spec.write_text("\n".join(lines) + "\n")
    plugins = load_plugins()
    return Sources(check_spec(spec, plugins), plugins)


def floats(network: Path, rows: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    (answers,) = ReferenceEvaluator(onnx.load(network)).run(
        None, {"input": rows.astype(np.float32)}
    )
    return np.asarray(answers)


def test_formats_are_chosen_for_scaled_samples(flowers: Path) -> None:
    sources = sources_of(flowers, '"standard"')
    chosen = choose_formats(sources)

    assert chosen is not None
    train = sources.split.train.features
    scaled = (train - train.mean(axis=0)) / train.std(axis=0)
    type_ = read_formats(chosen.path).inputs["input"]
    assert 0.5 < np.abs(scaled).max() / (type_.highest * type_.step) <= 1
    assert np.allclose(sources.inputs.scaled(train), scaled)


@pytest.mark.parametrize("scaling", ['"minmax"', TABLE])
def test_the_original_is_asked_scaled_samples(flowers: Path, scaling: str) -> None:
    sources = sources_of(flowers, scaling)
    choose_formats(sources)
    values = Values(Store.of_user())
    target, options = chosen_target(sources.file, sources.plugins, "aws-f1")
    stages = TargetStages(sources, values.get, target, options)
    assert stages.original is not None
    answers = values.get(stages.original).outputs[: len(sources.split.test)]

    samples = sources.split.test.features
    assert np.allclose(answers, floats(flowers, sources.inputs.on_grid(samples)), atol=1e-4)
    assert not np.allclose(answers, floats(flowers, samples), atol=0.1)
    core = values.get(stages.core).core
    assert core.input_layout.tensors[0].scaling == sources.scaling["input"]


def test_another_scaling_or_other_data_are_another_build(flowers: Path) -> None:
    def key(scaling: str) -> object:
        sources = sources_of(flowers, scaling)
        choose_formats(sources)
        target, options = chosen_target(sources.file, sources.plugins, "aws-f1")
        values = Values(Store.of_user())
        return TargetStages(sources, values.get, target, options).core.key

    keys = [key(scaling) for scaling in ('"standard"', '"minmax"', TABLE)]
    assert len(set(keys)) == len(keys)


def test_a_table_names_features_of_the_data(flowers: Path) -> None:
    with pytest.raises(SpecError, check=coded("spec.unknown-feature", key="data.scaling")):
        sources_of(flowers, "{ petal_witdh = { scale = 2.0 } }")
