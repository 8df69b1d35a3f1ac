"""``train``: from a spec and its data to a trained network, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fpgac.errors import DataError, NetworkError, Problem, SpecError, Where
from fpgac.network.exactness import check_exact, with_extreme_parameters
from fpgac.network.file import read_network
from fpgac.network.keras.process import exchange, run_worker
from fpgac.network.meaning import outputs
from fpgac.network.network import Network
from fpgac.network.topology import untrained
from fpgac.numbers import FloatArray, IntArray
from fpgac.spec.models import Spec
from fpgac.tensors import Layout, pieces

__all__ = ["Baseline", "Progress", "Trained", "check_precision", "train"]

# numpy's kinds: float, int, unsigned, bool.
_NUMBERS = "fiub"

_MODELS = ("quantised", "float")


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    First one ``start`` comes, before the slow import of TensorFlow; then a ``step`` now and then,
    and an ``epoch`` at each one's end. A training that goes on tells with ``resume`` after which
    epoch, and the epochs before once more. ``model`` is the one that is under way. ``step`` of
    ``steps`` is counted over all epochs, which count from 1. ``loss`` is the epoch's mean so far;
    ``sparsity`` the part of weights at zero.
    """

    stage: Literal["start", "resume", "step", "epoch"]
    epochs: int
    epoch: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    val_loss: float | None = None
    sparsity: float | None = None
    model: Literal["quantised", "float"] = "quantised"


@dataclass(frozen=True, eq=False)
class Baseline:
    """The same network trained from the same seed, with nothing quantised and nothing pruned.

    ``outputs`` are its answers, and ``quantised`` those of the quantised Keras model to the same
    inputs, both of shape (samples, outputs). ``curve`` has its epochs.
    """

    curve: tuple[Progress, ...]
    outputs: FloatArray
    quantised: FloatArray


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training gave: the network, its epochs, and the baseline if that was asked for."""

    network: Network
    curve: tuple[Progress, ...]
    baseline: Baseline | None = None


def train(
    spec: Spec,
    features: npt.ArrayLike,
    targets: npt.ArrayLike,
    record_inputs: npt.ArrayLike,
    *,
    data: Mapping[str, Any] | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    checkpoints: Path | None = None,
    judged_inputs: npt.ArrayLike | None = None,
) -> Trained:
    """Train ``spec``'s network on the training part of its data.

    Args:
        spec: What to train, and how.
        features: Shape (samples, inputs), already on the grid of ``spec.interface.input``.
        targets: Shape (samples, outputs), or (samples,) for one output. For ``crossentropy``:
            the classes' numbers, shape (samples,) or (samples, 1), or one-hot.
        record_inputs: Inputs on the grid, shape (any, inputs), whose answers are recorded.
        data: Plain data about the data set, for the provenance.
        progress: hears how far it has come; what it raises ends the training.
        checkpoints: A folder in which each epoch leaves what an interrupted training goes on from.
            It is this training's own: the folder of another gives that one's weights.
        judged_inputs: Inputs on the grid, shape (any, inputs). With them a float baseline is
            trained, too, and answers them.

    Returns:
        The network with its recording, which integer arithmetic has reproduced bit for bit. The
        same spec, data and machine give the same network, interrupted or not.

    Raises:
        DataError: the data do not fit the network, or are not on the grid.
        SpecError: the precision has no exact form, or the pruning no room.
        ToolchainError: TensorFlow or QKeras is missing.
        NetworkError: the training diverges, or its process died.
    """
    network = untrained(spec)
    check_precision(network)
    x = np.asarray(features)
    _require_on_grid(network, "features", x)
    recorded = _words(network, "record_inputs", record_inputs)
    y = _targets(spec, len(x), np.asarray(targets))
    judged = None if judged_inputs is None else _words(network, "judged_inputs", judged_inputs)
    reported: list[Progress] = []

    def listen(event: Mapping[str, Any]) -> None:
        reported.append(Progress(**event))
        progress(reported[-1])

    with exchange() as folder:
        (folder / "spec.json").write_text(spec.model_dump_json())
        (folder / "job.json").write_text(json.dumps({"checkpoints": _files(checkpoints)}))
        np.save(folder / "features.npy", x.astype(network.input_layout.float_dtype, copy=False))
        np.save(folder / "targets.npy", y)
        np.save(folder / "record.npy", recorded)
        if judged is not None:
            np.save(folder / "judged.npy", judged)
        progress(Progress("start", spec.training.epochs))
        run_worker("train", folder, listen)
        trained = read_network(folder / "network.json")
        baseline = None if judged is None else _baseline(folder, reported)
    _check_recording(trained)
    trained = replace(trained, provenance={**trained.provenance, "data": dict(data or {})})
    return Trained(trained, _curve(reported, "quantised"), baseline)


def _files(checkpoints: Path | None) -> dict[str, str]:
    """The checkpoint of each model."""
    if checkpoints is None:
        return {}
    return {model: str((checkpoints / f"{model}.npz").absolute()) for model in _MODELS}


def _baseline(folder: Path, reported: Iterable[Progress]) -> Baseline:
    answers = (
        np.load(folder / f"{model}.npy").astype(np.float64) for model in ("float", "quantised")
    )
    return Baseline(_curve(reported, "float"), *answers)


def _curve(reported: Iterable[Progress], model: str) -> tuple[Progress, ...]:
    return tuple(each for each in reported if each.stage == "epoch" and each.model == model)


def check_precision(network: Network) -> None:
    """Before any training, make sure that the sums will be exact, whatever the weights become.

    Raises:
        SpecError: those of a layer might not be.
    """
    try:
        check_exact(with_extreme_parameters(network))
    except NetworkError as error:
        raise SpecError(*error.problems) from None


def _words(network: Network, name: str, given: npt.ArrayLike) -> IntArray:
    """The raw words of numbers on the grid."""
    numbers = np.asarray(given)
    _require_on_grid(network, name, numbers)
    return network.input_layout.raw(numbers).astype(np.int64)


def _require_on_grid(network: Network, name: str, numbers: npt.NDArray[Any]) -> None:
    layout = network.input_layout
    if numbers.dtype.kind not in _NUMBERS or numbers.shape[1:] != (layout.size,):
        raise _misfit(
            name, f"numbers of shape (samples, {layout.size})", numbers, "topology.inputs"
        )
    for piece in pieces(len(numbers)):
        _require_piece_on_grid(layout, name, numbers[piece], piece.start)


def _require_piece_on_grid(
    layout: Layout, name: str, numbers: npt.NDArray[Any], first: int
) -> None:
    off = layout.number(layout.raw(numbers)) != numbers
    if off.any():
        row, column = (int(index) for index in np.argwhere(off)[0])
        type_ = next(t.type for t, columns in layout.places if columns.stop > column)
        raise DataError(
            Problem(
                f"{name} are not on the grid of the input's type",
                Where(key="interface.input"),
                expected=f"numbers that {type_} holds exactly",
                got=f"{numbers[row, column]} in sample {first + row}, feature {column}",
                hint="put them on it once: spec.inputs.number(spec.inputs.raw(features))",
                code="data.off-grid",
            )
        )


def _misfit(name: str, expected: str, given: npt.NDArray[Any], key: str) -> DataError:
    return DataError(
        Problem(
            f"the data do not fit the network: {name}",
            Where(key=key),
            expected,
            f"{given.dtype} of shape {given.shape}",
            "fix the data set, or the spec's topology",
            code="data.misfit",
        )
    )


def _targets(spec: Spec, samples: int, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    outputs_ = spec.layered.output_size
    if samples < 2:
        raise DataError(
            Problem(
                "training needs at least 2 samples",
                got=str(samples),
                hint="more samples",
                code="data.too-few",
            )
        )
    classes = spec.training.loss == "crossentropy"
    if classes and outputs_ < 2:
        raise SpecError(
            Problem(
                "crossentropy needs an output for each class",
                Where(key="training.loss"),
                expected="a last layer of at least 2 units",
                got=str(outputs_),
                code="spec.too-few-classes",
            )
        )
    if classes and y.size == samples and y.dtype.kind in _NUMBERS:
        return _class_numbers(y.reshape(-1), outputs_)
    if y.shape == (samples,) and outputs_ == 1:
        y = y.reshape(-1, 1)
    if y.dtype.kind not in _NUMBERS or y.shape != (samples, outputs_):
        expected = f"numbers of shape ({samples}, {outputs_})"
        raise _misfit("targets", expected, y, "topology.layers")
    numbers = y.astype(np.float32)
    if not np.isfinite(numbers).all():
        what = "a target is no finite number"
        raise DataError(Problem(what, hint="fix the data set", code="data.not-finite"))
    return numbers


def _class_numbers(y: npt.NDArray[Any], classes: int) -> npt.NDArray[Any]:
    numbers = y.astype(np.int64)
    if (numbers != y).any() or numbers.min() < 0 or numbers.max() >= classes:
        raise DataError(
            Problem(
                "a target is no class of the network's",
                Where(key="topology.layers"),
                expected=f"whole numbers from 0 to {classes - 1}",
                got=f"{y.min()} to {y.max()}",
                hint="give the last layer a unit for each class, or fix the data set",
                code="data.unknown-class",
            )
        )
    return numbers


def _check_recording(network: Network) -> None:
    """Integers and Keras must agree to the last bit, or the network is worth nothing."""
    recording = network.recording
    if recording is not None:
        answers = outputs(network, recording.inputs)
        exact = ~np.array(network.approximate)
        if np.array_equal(answers[:, exact], recording.outputs[:, exact]):
            return
    raise NetworkError(
        Problem(
            "integer arithmetic does not give the quantised Keras model's answers",
            hint="nothing was kept; please report the spec: it is a defect of fpgac",
            code="network.not-as-keras",
        )
    )
