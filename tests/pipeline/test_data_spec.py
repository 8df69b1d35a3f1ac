"""``fpgac init --data``: a spec for the samples in a file, with what it guesses marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from fpgac.errors import DataError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.data_spec import data_spec, look_at
from fpgac.pipeline.spec_writing import write_spec
from fpgac.spec.loader import SpecFile
from tests.network.imports.onnx_files import Writing
from tests.problems import coded

RANDOM = np.random.default_rng(2)


def table(folder: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    path = folder / "samples.csv"
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def spec_of(data: Path) -> SpecFile:
    """The spec, which must be valid as it is."""
    spec = data.parent / "specs" / "net.toml"
    spec.parent.mkdir()
    spec.write_text(data_spec(look_at(data), spec, "net", ["aws-f1", "pynq-z2"]))
    return check_spec(spec)


@pytest.mark.parametrize(
    ("answers", "task", "loss", "outputs"),
    [
        (["cat", "dog"] * 10, "binary", "binary_crossentropy", 1),
        (["cat", "dog", "cow", "cow"] * 5, "classification", "crossentropy", 3),
        ([0, 1] * 10, "binary", "binary_crossentropy", 1),
        ([3, 4, 5, 6] * 5, "classification", "crossentropy", 4),
        ([0.5, 1, 2, 3] * 5, "regression", "mean_squared_error", 1),
        (list(range(40)), "regression", "mean_squared_error", 1),
        ([7] * 20, "regression", "mean_squared_error", 1),
    ],
)
def test_the_task_is_guessed_from_the_answers(
    tmp_path: Path, answers: list[object], task: str, loss: str, outputs: int
) -> None:
    rows = [(*RANDOM.normal(size=2), answer) for answer in answers]
    data = table(tmp_path, ("a", "b", "what"), rows)
    spec = spec_of(data).spec

    assert look_at(data).task == task
    assert spec.training.loss == loss
    assert spec.layered.output_size == outputs
    assert spec.data is not None
    assert spec.data.path == "../samples.csv"
    assert spec.data.labels == "what"


@pytest.mark.parametrize("name", ["label", "Target", "y", "class", "y.true", "species_name"])
def test_a_column_that_is_called_like_answers_is_taken(tmp_path: Path, name: str) -> None:
    data = table(tmp_path, ("a", name, "b"), [(1.5, 0, 2), (2.5, 1, 3)])

    assert look_at(data).labels.name == name


def test_columns_of_text_are_left_out_and_named(tmp_path: Path) -> None:
    data = table(tmp_path, ("id", "a", "b", "y"), [("p1", 1, 2, 0), ("p2", 3, 4, 1)])
    file = spec_of(data)

    assert file.spec.data is not None
    assert file.spec.data.features == ("a", "b")
    assert '# decide: without "id"' in file.path.read_text()


@pytest.mark.parametrize(
    ("factor", "is_scaled"), [([1, 1, 1], False), ([1, 1000, 1], True), ([1, 1, 0.001], True)]
)
def test_scaling_is_proposed_where_features_need_it(
    tmp_path: Path, factor: list[float], is_scaled: bool
) -> None:
    rows = RANDOM.uniform(-2, 2, size=(200, 3)) * factor
    data = table(
        tmp_path, ("a", "b", "c", "y"), [(*row, each % 2) for each, row in enumerate(rows)]
    )
    spec = spec_of(data).spec

    assert spec.data is not None
    assert spec.data.scaling == ("standard" if is_scaled else None)
    (tensor,) = spec.inputs.tensors
    given = (rows - rows.mean(axis=0)) / rows.std(axis=0) if is_scaled else rows
    held = np.abs(given).max() / (tensor.type.highest * tensor.type.step)
    assert 0.4 < held <= 1


def test_arrays_keep_their_shape(tmp_path: Path) -> None:
    data = tmp_path / "pictures.npz"
    one_hot = np.eye(3)[RANDOM.integers(3, size=20)]
    np.savez(data, y=one_hot, pictures=RANDOM.uniform(size=(20, 6, 5)))
    spec = spec_of(data).spec

    assert spec.inputs.tensors[0].shape == (6, 5)
    assert spec.training.loss == "crossentropy"
    assert spec.layered.output_size == 3


def test_several_labels_of_a_sample(tmp_path: Path) -> None:
    data = tmp_path / "many.npz"
    np.savez(data, y=RANDOM.integers(2, size=(20, 4)), x=RANDOM.uniform(size=(20, 3)))
    samples = look_at(data)

    assert (samples.task, samples.outputs) == ("multi-label", 4)


def test_figures_are_those_of_all_samples(tmp_path: Path) -> None:
    rows = RANDOM.normal(size=(500, 3)) * [1, 2, 0]
    data = tmp_path / "x.npz"
    np.savez(data, y=np.arange(500) % 2, x=rows)
    samples = look_at(data)

    assert samples.rows == 500
    assert np.allclose([samples.lowest, samples.highest], [rows.min(axis=0), rows.max(axis=0)])
    assert np.allclose(samples.mean, rows.mean(axis=0))
    assert np.allclose(samples.deviation, rows.std(axis=0))


@pytest.mark.parametrize(
    ("names", "rows"), [(("a", "y"), []), (("y",), [(1,), (2,)]), (("id", "y"), [("p1", 1)])]
)
def test_without_samples_nothing_is_guessed(
    tmp_path: Path, names: tuple[str, ...], rows: list[tuple[object, ...]]
) -> None:
    with pytest.raises(DataError, check=coded("data.no-samples")):
        look_at(table(tmp_path, names, rows))


def test_import_takes_a_file_of_samples_too(tmp_path: Path) -> None:
    w = Writing(["batch", 2])
    network = w.write(tmp_path / "net.onnx", w.add("Gemm", "input", w.floats(2, 3), w.floats(3)))
    answered = [(*RANDOM.normal(size=2), each) for each in ("cat", "dog", "cow") * 5]
    data = table(tmp_path, ("a", "b", "what"), answered)
    written = write_spec(network, None, None, ["aws-f1"], str(data), force=False)
    spec = check_spec(written.path).spec

    assert spec.data is not None
    assert (spec.data.path, spec.data.labels) == ("samples.csv", "what")
    assert spec.data.task == "classification"
    assert spec.quantisation.source == "data"
    assert spec.interface.input is None
