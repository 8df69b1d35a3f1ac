"""Files that cannot be imported: nothing in them runs, and what stands in the way is named."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

import fpgac
from fpgac.errors import BuildError, NetworkError
from fpgac.network.imports.draft import Scaling, Sums
from fpgac.network.imports.files import content_digest
from fpgac.network.imports.imitating import Observed
from fpgac.network.imports.keras import reading
from fpgac.network.imports.keras.unpickling import save_unpickled
from fpgac.network.imports.reading import draft_of
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.inspecting import inspect
from fpgac.pipeline.spec_writing import write_spec
from fpgac.plugins import load_plugins
from tests.network.imports import onnx_files
from tests.problems import coded

TARGET = "[targets.aws-f1]"


@pytest.mark.parametrize("name", ["lambda.keras", "lambda.h5"])
@pytest.mark.heavy
def test_a_lambda_layer_is_refused_by_name(new_files: Path, name: str) -> None:
    draft = draft_of(new_files / name)

    assert [problem.code for problem in draft.problems] == ["network.code-in-file"]
    assert "'lambda'" in draft.problems[0].what
    assert "--trust" in draft.problems[0].hint


def with_lambda(folder: Path) -> Path:
    """A file of Keras 3's with nothing but a Lambda layer, whose code is none."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 3]}},
        {"class_name": "Lambda", "config": {"name": "code", "function": "cos\nsystem"}},
    ]
    model = {"class_name": "Sequential", "config": {"name": "net", "layers": layers}}
    weights = io.BytesIO()
    h5py.File(weights, "w").close()
    with zipfile.ZipFile(folder / "net.keras", "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "3.0.0"}))
        file.writestr("config.json", json.dumps(model))
        file.writestr("model.weights.h5", weights.getvalue())
    return folder / "net.keras"


def test_only_trust_runs_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[str]]] = []

    def observe(file: Path, framework: str, layers: list[str]) -> dict[str, Observed]:
        asked.append((framework, layers))
        given = np.linspace(-1, 1, 12).reshape(4, 3)
        return {"code": Observed(given, 2 * given)}

    monkeypatch.setattr(reading, "observe", observe)
    file = with_lambda(tmp_path)

    refused = fpgac.inspect(file)
    assert [problem.code for problem in refused.problems] == ["network.code-in-file"]
    assert asked == []
    trusted = fpgac.inspect(file, trust=True)
    assert trusted.problems == ()
    assert trusted.multiplications == 3
    assert asked == [("Keras 3", ["code"])]


@pytest.mark.parametrize(
    ("name", "factor", "shift"),
    [("lambda.keras", 2.0, 0.0), ("lambda.h5", 2.0, 0.0), ("own_class.keras", 0.25, -0.75)],
)
@pytest.mark.usefixtures("quick_answers")
@pytest.mark.heavy
def test_trusted_code_is_imported_as_what_it_does(
    new_files: Path, name: str, factor: float, shift: float
) -> None:
    draft = draft_of(new_files / name, trust=True)

    assert draft.problems == ()
    scaling = draft.nodes[0].what
    assert isinstance(scaling, Scaling)
    assert set(scaling.factor.values) == {factor}
    assert set(scaling.shift.values) == {shift}


@pytest.mark.usefixtures("quick_answers")
@pytest.mark.heavy
def test_trusted_code_that_does_something_else_is_refused_all_the_same(new_files: Path) -> None:
    draft = draft_of(new_files / "square.keras", trust=True)

    assert [problem.code for problem in draft.problems] == ["network.opaque-code"]


@pytest.mark.usefixtures("quick_answers")
@pytest.mark.heavy
def test_code_runs_with_trust_alone(new_files: Path) -> None:
    spec = new_files / "trusting.toml"
    lines = ('name = "net"', 'network = "lambda.keras"', "[quantisation]", "bits = 16")
    spec.write_text("\n".join((*lines, "[interface]", 'input = "ap_fixed<16,6>"', TARGET)))
    plugins = load_plugins()

    with pytest.raises(NetworkError, check=coded("network.code-in-file")):
        check_spec(spec, plugins)
    assert check_spec(spec, plugins.trusting()).spec.name == "net"


@pytest.mark.usefixtures("quick_answers")
@pytest.mark.heavy
def test_import_makes_a_file_of_a_trusted_pickle(new_files: Path, tmp_path: Path) -> None:
    file = tmp_path / "pickled.pkl"
    shutil.copy(new_files / "pickled.pkl", file)
    written = write_spec(file, None, None, ["aws-f1"], None, force=False, trust=True)

    assert 'network = "pickled.keras"' in written.path.read_text()
    assert [node.name for node in draft_of(tmp_path / "pickled.keras").nodes] == ["sums"]
    assert inspect(file, load_plugins().trusting()).parameters == 10


@pytest.mark.usefixtures("quick_answers")
@pytest.mark.heavy
def test_an_existing_file_is_not_replaced_by_a_pickles_model(
    new_files: Path, tmp_path: Path
) -> None:
    shutil.copy(new_files / "pickled.pkl", tmp_path)
    (tmp_path / "pickled.keras").write_text("mine")

    with pytest.raises(BuildError, check=coded("build.file-exists")):
        write_spec(tmp_path / "pickled.pkl", None, None, ["aws-f1"], None, force=False, trust=True)
    assert (tmp_path / "pickled.keras").read_text() == "mine"


@pytest.mark.heavy
def test_every_unknown_layer_is_named_at_once_with_what_can_replace_it(new_files: Path) -> None:
    started = time.monotonic()
    draft = draft_of(new_files / "unknown.keras")

    assert time.monotonic() - started < 2
    assert [problem.code for problem in draft.problems] == ["network.unknown-layer"] * 2
    lstm, norm = draft.problems
    assert "LSTM 'memory'" in lstm.what
    assert "Conv1D" in lstm.hint
    assert "BatchNormalization" in norm.hint


@pytest.mark.heavy
def test_a_class_of_the_files_own_is_not_imported(old_files: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.h5"
    shutil.copy(old_files / "keras2_chain.h5", file)
    with h5py.File(file, "r+") as model:
        config = json.loads(model.attrs["model_config"])
        config["config"]["layers"][1]["class_name"] = "Mine"
        config["config"]["layers"][1]["registered_name"] = "me>Mine"
        model.attrs["model_config"] = json.dumps(config)

    assert [p.code for p in draft_of(file).problems] == ["network.code-in-file"]


@pytest.mark.heavy
def test_what_is_of_use_for_training_alone_may_be_anybodys(old_files: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.h5"
    shutil.copy(old_files / "keras2_chain.h5", file)
    with h5py.File(file, "r+") as model:
        config = json.loads(model.attrs["model_config"])
        own = {"class_name": "me>Norm", "config": {}}
        config["config"]["layers"][1]["config"]["kernel_constraint"] = own
        model.attrs["model_config"] = json.dumps(config)

    assert draft_of(file).problems == ()


@pytest.mark.heavy
def test_links_out_of_a_file_are_not_followed(old_files: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "linked.h5", tmp_path / "other.h5"
    shutil.copy(old_files / "keras2_chain.h5", file)
    with h5py.File(other, "w") as target:
        target["secret"] = np.zeros((5, 8))
    with h5py.File(file, "r+") as model:
        group = model["model_weights/dense/dense"]
        del group["kernel:0"]
        group["kernel:0"] = h5py.ExternalLink(str(other), "secret")

    with pytest.raises(NetworkError, check=coded("network.unreadable-file")):
        draft_of(file)


@pytest.mark.parametrize("suffix", [".pt", ".pkl", ".joblib"])
def test_pickles_are_not_opened(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"model{suffix}"
    file.write_bytes(b"cos\nsystem\n(S'true'\ntR.")

    with pytest.raises(NetworkError, check=coded("network.pickle")):
        draft_of(file)


def test_a_trusted_pickle_must_hold_a_model(tmp_path: Path) -> None:
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps({"not": "a model"}))

    with pytest.raises(NetworkError, check=coded("network.pickle-without-model")):
        save_unpickled(file, tmp_path / "model.keras")
    assert not (tmp_path / "model.keras").exists()


def test_a_pickle_of_pytorch_is_not_opened_by_trust_either(tmp_path: Path) -> None:
    """It does not say what shape goes in, without which PyTorch exports nothing."""
    file = tmp_path / "model.pt"
    file.write_bytes(b"cos\nsystem\n(S'true'\ntR.")

    with pytest.raises(NetworkError, check=coded("network.pickle")):
        inspect(file, load_plugins().trusting())


@pytest.mark.heavy
def test_weights_alone_are_no_network(old_files: Path) -> None:
    with pytest.raises(NetworkError, check=coded("network.unreadable-file")):
        draft_of(old_files / "mixed_layers_weights.h5")


@pytest.mark.heavy
def test_layers_alone_are_no_network(old_files: Path, tmp_path: Path) -> None:
    file = tmp_path / "layers.json"
    shutil.copy(old_files / "mixed_layers.json", file)

    with pytest.raises(NetworkError, check=coded("network.unreadable-file")):
        draft_of(file)


@pytest.mark.parametrize("name", ["x.h5", "x.keras", "x.onnx", "x.json"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"{}", b"\xff" * 99])
def test_damaged_files(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(NetworkError):
        draft_of(file)


@pytest.mark.heavy
def test_half_a_keras_archive(new_files: Path, tmp_path: Path) -> None:
    whole, half = new_files / "hgq_dense.keras", tmp_path / "half.keras"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(half, "w") as new:
        new.writestr("config.json", old.read("config.json"))
        new.writestr("metadata.json", old.read("metadata.json"))

    with pytest.raises(NetworkError, check=coded("network.unreadable-file")):
        draft_of(half)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, check=coded("network.no-file")):
        draft_of(tmp_path / "none.keras")


@pytest.mark.heavy
def test_the_model_of_an_hls4ml_project(old_files: Path, tmp_path: Path) -> None:
    project = tmp_path / "hls4ml_config.yml"
    model = old_files / "qkeras_dense.h5"
    project.write_text(
        f"Backend: Vitis\nHLSConfig: !!python/object:os.system {{a: 1}}\n"
        f"KerasModel: !keras_model '{model}'\n"
    )

    assert draft_of(project).nodes[0].label == "QDense 'fc1'"


def test_an_hls4ml_project_without_its_model(tmp_path: Path) -> None:
    project = tmp_path / "hls4ml_config.yml"
    project.write_text("KerasModel: !keras_model /nowhere/model.keras\n")

    with pytest.raises(NetworkError, check=coded("network.no-model")):
        draft_of(project)


def apart(folder: Path, name: str) -> Path:
    """A model whose numbers lie in a file of this name beside it."""
    file = onnx_files.dense(folder / "net.onnx")
    model = onnx.load(file)
    onnx.save(model, file, save_as_external_data=True, location=name, size_threshold=0)
    return file


def test_the_numbers_beside_an_onnx_file_belong_to_it(tmp_path: Path) -> None:
    file = apart(tmp_path, "net.onnx.data")
    before, sums = content_digest(file), draft_of(file).nodes[0].what
    numbers = bytearray((tmp_path / "net.onnx.data").read_bytes())
    numbers[3] ^= 0x80  # the sign of the first one
    (tmp_path / "net.onnx.data").write_bytes(numbers)
    other = draft_of(file).nodes[0].what

    assert content_digest(file) != before
    assert isinstance(sums, Sums)
    assert isinstance(other, Sums)
    assert (sums.weights.values != other.weights.values).sum() == 1


def test_numbers_in_any_other_file_are_not_read(tmp_path: Path) -> None:
    file = apart(tmp_path, "secret.bin")

    with pytest.raises(NetworkError, check=coded("network.unreadable-file")):
        draft_of(file)
