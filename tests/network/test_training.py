"""Training in a process of its own: what it gives, and each way in which it can end badly."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.errors import DataError, NetworkError, SpecError, ToolchainError
from fpgac.network.file import read_network, write_network
from fpgac.network.keras.checkpoint import Best, Checkpoint
from fpgac.network.keras.training import pruning_steps
from fpgac.network.meaning import outputs
from fpgac.network.network import Network
from fpgac.network.provenance import training_digest
from fpgac.network.topology import check
from fpgac.network.training import Progress, train
from fpgac.spec.models import PruningSection, Spec
from tests.network.samples import SPEC, MakeSpec, Training, three_classes
from tests.problems import coded
from tests.processes import children


def test_the_network_is_the_spec_s_and_survives_its_file(
    training: Training, spec: Spec, tmp_path: Path
) -> None:
    check(training.network, spec)
    write_network(training.network, tmp_path / "n.json")
    assert read_network(tmp_path / "n.json").digest == training.network.digest


def test_it_has_learnt(training: Training, spec: Spec) -> None:
    x, y = three_classes(spec, 2000)
    answers = outputs(training.network, spec.inputs.raw(x))
    assert np.mean(answers.argmax(axis=1) == y) > 0.75
    assert training.network.provenance["val_loss"] < math.log(3) / 1.5


def test_keras_s_recorded_answers_are_the_integers_own(training: Training, spec: Spec) -> None:
    recording = training.network.recording
    assert recording is not None
    x, _ = three_classes(spec)
    assert np.array_equal(spec.inputs.number(recording.inputs), x[:64])
    answers = outputs(training.network, recording.inputs)
    assert answers.tobytes() == recording.outputs.tobytes()


def test_the_sparsity_holds_in_the_integers(training: Training) -> None:
    for node in training.network.weighted:
        weights = node.operation.products
        assert weights is not None
        assert np.count_nonzero(weights) <= weights.size / 2
        assert np.count_nonzero(weights) > weights.size / 4


def test_provenance_tells_how_it_was_made(training: Training, spec: Spec) -> None:
    said = training.network.provenance
    assert said["training_digest"] == training_digest(spec)
    assert said["packages"]["qkeras"] == "0.9.0"
    assert (said["seed"], said["epochs"], said["samples"]) == (1, 6, 540)
    assert said["sparsity"] == {"dense_1": 0.5, "dense_2": 0.5}


def test_progress_is_told_from_start_to_end(training: Training) -> None:
    stages = [event.stage for event in training.events]
    assert stages[0] == "start"
    assert stages.count("epoch") == 6
    done = [event.step for event in training.events]
    assert done == sorted(done)
    last = training.events[-1]
    assert (last.epoch, last.epochs) == (6, 6)
    assert last.step == last.steps == 6 * 17
    assert last.sparsity == 0.5
    kept = training.events[stages.index("epoch") :]
    best = min(event.val_loss for event in kept if event.epoch >= 5 and event.val_loss is not None)
    assert training.network.provenance["val_loss"] == best


@pytest.mark.heavy
def test_the_same_seed_gives_the_same_network(training: Training, spec: Spec) -> None:
    x, y = three_classes(spec)
    again = train(spec, x, y[:, None], x[:64], data={"source": "three classes"}).network
    assert again.digest == training.network.digest
    assert again.provenance["data"] == {"source": "three classes"}


@pytest.mark.heavy
def test_an_interrupted_training_goes_on_to_the_same_bytes_and_its_baseline(
    training: Training, spec: Spec, tmp_path: Path
) -> None:
    x, y = three_classes(spec)

    def interrupt(event: Progress) -> None:
        if event.stage == "epoch" and event.epoch == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(spec, x, y, x[:64], progress=interrupt, checkpoints=tmp_path)
    events: list[Progress] = []
    trained = train(
        *(spec, x, y, x[:64]), progress=events.append, checkpoints=tmp_path, judged_inputs=x
    )
    assert [(event.stage, event.epoch) for event in events[1:3]] == [("resume", 4), ("epoch", 1)]
    for name, network in (("whole", training.network), ("resumed", trained.network)):
        write_network(network, tmp_path / name)
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()
    whole = [event for event in training.events if event.stage == "epoch"]
    assert list(trained.curve) == whole

    baseline = trained.baseline
    assert baseline is not None
    assert [event.epoch for event in baseline.curve] == list(range(1, 7))
    assert {event.sparsity for event in baseline.curve} == {0.0}
    assert np.mean(baseline.outputs.argmax(axis=1) == y) > 0.75
    exact = outputs(trained.network, spec.inputs.raw(x))
    assert baseline.quantised.tobytes() == exact.tobytes()
    assert len(np.unique(baseline.outputs)) > len(np.unique(exact))


def test_a_damaged_checkpoint_is_no_checkpoint(tmp_path: Path) -> None:
    state = Checkpoint(3, 51, [np.ones(2)], [], Best([np.zeros(2)], 2, 0.5, 0.25), ({"epoch": 1},))
    state.write(tmp_path / "c.npz")
    again = Checkpoint.read(tmp_path / "c.npz")
    assert (again.epoch, again.step, again.best.val_loss) == (3, 51, 0.25)
    assert again.curve == ({"epoch": 1},)
    assert np.array_equal(again.model[0], np.ones(2))
    (tmp_path / "c.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:200])
    assert Checkpoint.read(tmp_path / "c.npz").epoch == 0


def test_a_regression_without_pruning(make_spec: MakeSpec) -> None:
    spec = make_spec(
        topology={
            "inputs": 2,
            "layers": (SPEC["topology"]["layers"][0], {"kind": "dense", "units": 1}),
        },
        quantisation={"weights": "quantized_bits(10, 1)", "biases": "quantized_bits(9, 2)"},
        training={
            "optimiser": "rmsprop",
            "schedule": "constant",
            "loss": "huber",
            "learning_rate": 0.01,
            "epochs": 12,
            "batch_size": 16,
        },
    )
    x = spec.inputs.on_grid(np.random.default_rng(3).uniform(-1, 1, (400, 2)))
    target = np.abs(x[:, 0]) - x[:, 1]
    network = train(spec, x, target, x[:10]).network
    answers = outputs(network, spec.inputs.raw(x))[:, 0]
    assert np.std(answers - target) < 0.3 * np.std(target)


PRUNING = {
    "the last update is the last step": ((0.1, 0.7, 50), 1000, (100, 700, 50)),
    "the end is moved onto an update": ((0.1, 0.7, 70), 1000, (100, 660, 70)),
    "fewer steps than one frequency": ((0.1, 0.7, 50), 50, (5, 35, 30)),
    "the end is a step that is taken": ((0.0, 1.0, 1), 10, (0, 9, 1)),
}


@pytest.mark.parametrize(("asked", "total", "expected"), PRUNING.values(), ids=PRUNING)
def test_pruning_ends_on_an_update(
    asked: tuple[float, float, int], total: int, expected: tuple[int, int, int]
) -> None:
    begin, end, frequency = asked
    at = pruning_steps(
        PruningSection(sparsity=0.5, begin=begin, end=end, frequency=frequency), total
    )
    assert (at.begin, at.end, at.frequency) == expected
    assert (at.end - at.begin) % at.frequency == 0


def test_a_training_too_short_to_prune_in_is_refused(make_spec: MakeSpec) -> None:
    spec = make_spec(training={**SPEC["training"], "epochs": 1, "batch_size": 4096})
    x, y = three_classes(spec, 20)
    with pytest.raises(SpecError, check=coded("spec.too-short-to-prune")):
        train(spec, x, y, x)


def test_a_training_that_diverges_ends_at_once(make_spec: MakeSpec) -> None:
    spec = make_spec(training={"epochs": 10_000, "loss": "mean_squared_error"})
    x, _ = three_classes(spec)
    with pytest.raises(NetworkError, check=coded("network.diverges")) as caught:
        train(spec, x, np.full((600, 3), 1e30), x)
    assert "in epoch 1, step 1" in str(caught.value)
    assert "smaller training.learning_rate than 0.001" in str(caught.value)


BAD_DATA: dict[str, tuple[Any, Any, str, str]] = {
    "a feature missing": (np.zeros((9, 3)), np.zeros(9), "misfit", "float64 of shape (9, 3)"),
    "texts": (np.full((9, 4), "a"), np.zeros(9), "misfit", "<U1 of shape (9, 4)"),
    "off the grid": (
        np.full((9, 4), 0.3),
        np.zeros(9),
        "off-grid",
        "0.3 in sample 0, feature 0",
    ),
    "out of range": (np.full((9, 4), 8.0), np.zeros(9), "off-grid", "8.0 in sample 0, feature 0"),
    "NaN": (np.full((9, 4), np.nan), np.zeros(9), "off-grid", "nan in sample 0, feature 0"),
    "one sample": (np.zeros((1, 4)), np.zeros(1), "too-few", "1"),
    "targets of other samples": (
        np.zeros((9, 4)),
        np.zeros((8, 3)),
        "misfit",
        "float64 of shape (8, 3)",
    ),
    "a class too many": (np.zeros((9, 4)), np.full(9, 3), "unknown-class", "3 to 3"),
    "half a class": (np.zeros((9, 4)), np.full(9, 0.5), "unknown-class", "0.5 to 0.5"),
    "no number": (np.zeros((9, 4)), np.full((9, 3), np.inf), "not-finite", ""),
    "texts for targets": (np.zeros((9, 4)), np.full(9, "setosa"), "misfit", "<U6 of shape (9,)"),
}


@pytest.mark.parametrize(("x", "y", "code", "got"), BAD_DATA.values(), ids=BAD_DATA)
def test_data_that_do_not_fit_are_refused_at_once(
    spec: Spec, x: Any, y: Any, code: str, got: str
) -> None:
    with pytest.raises(DataError, check=coded(f"data.{code}", got=got)):
        train(spec, x, y, np.zeros((1, 4)))


def test_a_precision_that_could_not_be_exact_is_refused_at_once(make_spec: MakeSpec) -> None:
    spec = make_spec(
        interface={"input": "ap_fixed<40,8>"}, quantisation={"weights": "quantized_bits(16, 0)"}
    )
    too_wide = coded("network.too-wide", key="layers.dense_1")
    with pytest.raises(SpecError, check=too_wide):
        train(spec, np.zeros((9, 4)), np.zeros(9), np.zeros((1, 4)))


def test_crossentropy_of_one_output_is_refused(make_spec: MakeSpec) -> None:
    spec = make_spec(topology={"inputs": 4, "layers": ({"kind": "dense", "units": 1},)})
    with pytest.raises(SpecError, check=coded("spec.too-few-classes", key="training.loss")):
        train(spec, np.zeros((9, 4)), np.zeros(9), np.zeros((1, 4)))


# A package of this name and content is found before the real TensorFlow.
@pytest.fixture
def tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def shadow(code: str) -> None:
        (tmp_path / "shadow" / "tensorflow").mkdir(parents=True)
        (tmp_path / "shadow" / "tensorflow" / "__init__.py").write_text(code)
        path = os.pathsep.join([str(tmp_path / "shadow"), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
        (tmp_path / "exchange").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "exchange"))

    return shadow


def _train(spec: Spec) -> Network:
    x, y = three_classes(spec, 20)
    return train(spec, x, y, x).network


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise ModuleNotFoundError(\"No module named 'tensorflow'\")", "is not installed"),
        ("raise ImportError('libfoo.so.1: undefined symbol')", "cannot be imported"),
        ("1 / 0", "cannot be imported\n +got: +ZeroDivisionError"),
    ],
    ids=["absent", "broken", "very broken"],
)
def test_without_tensorflow_it_is_told_how_to_get_it(
    spec: Spec, tensorflow: Any, code: str, says: str
) -> None:
    tensorflow(code)
    with pytest.raises(ToolchainError, check=coded("toolchain.no-keras"), match=says) as caught:
        _train(spec)
    assert "pip install 'fpgac[train]'" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "import os, sys; print('out of luck', file=sys.stderr, flush=True); os.abort()",
            "SIGABRT",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        (
            "import sys; print('out of luck'); sys.stdout.flush(); import os; os._exit(3)",
            "exit code 3",
        ),
    ],
    ids=["abort", "out of memory", "exit"],
)
def test_a_crash_is_told_with_its_last_words(
    spec: Spec, tensorflow: Any, tmp_path: Path, code: str, says: str
) -> None:
    tensorflow(code)
    with pytest.raises(NetworkError, check=coded("network.worker-died"), match=says) as caught:
        _train(spec)
    assert ("out of memory" if says == "SIGKILL" else "out of luck") in str(caught.value)
    assert not list((tmp_path / "exchange").iterdir())


def test_what_progress_raises_ends_the_worker(spec: Spec, tmp_path: Path) -> None:
    def stop(event: Progress) -> None:
        if event.stage == "step":
            raise KeyboardInterrupt

    x, y = three_classes(spec)
    before = children(os.getpid())
    with pytest.raises(KeyboardInterrupt):
        train(spec, x, y, x, progress=stop)
    assert children(os.getpid()) == before


# Trains as a user would, from a terminal of its own; a suite in the background ignores Ctrl-C.
PROGRAM = """
import signal, sys, tempfile, numpy as np
from fpgac.network.training import train
from fpgac.spec.models import Spec
signal.signal(signal.SIGINT, signal.default_int_handler)
tempfile.tempdir = sys.argv[2]
x = np.zeros((9, 4))
train(Spec.model_validate_json(sys.argv[1]), x, x[:, 0], x)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_the_worker_ends_with_its_parent(
    spec: Spec, tensorflow: Any, tmp_path: Path, how: signal.Signals
) -> None:
    tensorflow("import time; time.sleep(600)")
    exchange = tmp_path / "exchange"
    terminal = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, spec.model_dump_json(), str(exchange)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        _wait_until(lambda: bool(children(terminal.pid)))
        workers = children(terminal.pid)
        os.killpg(terminal.pid, how)
        _, said = terminal.communicate(timeout=60)
    finally:
        terminal.kill()
    _wait_until(lambda: not any(Path("/proc", str(worker)).exists() for worker in workers))
    if how is signal.SIGINT:
        assert "KeyboardInterrupt" in said
        assert not list(exchange.iterdir())


def test_a_full_disk_is_told(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("480 requested and 0 written")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(NetworkError, check=coded("network.no-exchange")):
        _train(spec)


def _wait_until(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def test_batch_normalisation_ends_in_the_weights(make_spec: MakeSpec) -> None:
    convolution = {"kind": "conv1d", "filters": 8, "kernel_size": 4, "activation": "tanh"}
    spec = make_spec(
        topology={
            "inputs": (4, 1),
            "layers": (
                {**convolution, "batch_normalisation": True},
                {"kind": "flatten"},
                {"kind": "dense", "units": 3, "batch_normalisation": True},
            ),
        },
        quantisation={"weights": "quantized_bits(8, 1)", "biases": "quantized_bits(8, 1)"},
    )
    x, y = three_classes(spec)
    network = train(spec, x, y, x[:64]).network
    kinds = [node.operation.kind for node in network.nodes]
    assert kinds == ["conv1d", "tanh", "flatten", "dense"]
    answers = outputs(network, spec.inputs.raw(x))
    assert np.mean(answers.argmax(axis=1) == y) > 0.75
    for node in network.weighted:
        weights = node.operation.products
        assert weights is not None
        assert np.count_nonzero(weights) <= weights.size / 2
